"""What the chain says of a number, a digest or a file.

numbers     by number: existence and time, receipt, proof, checkpoint, the policy
searching   by number, digest or entry hash in one field
verifying   whether files are those that were deposited, one or a whole filing
uploads     whether a proof file or a bundle that is sent holds
finding     asks the members, and judges what comes back; `marking` for the owner's lists
schemas     shapes of requests and answers; `problems` what an upload can meet
"""
