"""What courts do with deposits: case numbers, evidence lists, receipts.

    case_number   案号: its elements, and which of them is wrong

Pure: what is asked for and what is answered, no database and no clock.
"""
