"""Exhibits, evidence lists and what a court gives for them.

routes          exhibits and evidence lists of a case
parties         who takes part, and its interest in members and platform
court_receipts  what the court answers (证据规定 19)
access          who may: the party, and a court linked to the case

problems, schemas   every refusal; shapes of requests and answers
"""
