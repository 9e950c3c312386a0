"""What is said of evidence, by whom it must be said, and what courts do with deposits.

    vocabulary      the words of statutes and judicial practice, as codes
    declared        what a depositor declares of an item, and what each category asks for
    source_profile  来源档案: where the records of a system come from
    gaps            what is missing in a matter's phases and a series' numbers
    case_number     案号: its elements, and which of them is wrong
    court           registries of courts and certification authorities, and their files
    interest        利害关系: a case's parties compared with who operates members and platform
    exhibit         exhibits, evidence lists and court receipts

Pure: what is asked for and what is answered, no database and no clock.
"""
