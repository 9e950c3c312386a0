"""The walk of a deposit, and an account's own deposits afterwards.

    anchors       routes: what is asked, checked (`declared` of its items, `filing` of a batch)
    statement     makes or countersigns the statement (salts, nonce, receipt)
    depositing    stores it, sends it on its way, waits for COMMITTED or FINAL
    submissions   carries a stored statement until the chain has taken or skipped it
    finality      notes what became FINAL, and what is PENDING for long
    answers       what became of it, in words

Afterwards:

    listing       an account's own, listed and opened
    extraction    codes that let others read one; `reading` says who may
    courses       matters and series in order
    source_profiles   where the records of a packed batch come from

    problems, declared_problems   every refusal; `schemas` are the shapes
"""
