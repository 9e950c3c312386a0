"""The auditor: follows a published log and believes nothing that can be computed.

It needs neither a member nor a genesis: a policy had from elsewhere, and the parts of a published
log (docs/published-log.md), whoever brings them. What it saw it remembers, so it notices
a log that shows another history next time.

    glance      a statement's entry read at a glance, where it is of the usual form
    growth      the tree while it grows
    walk        blocks in their order: what each must say, and what it does to the chain; pure
    memory      what earlier visits came to, on disk
    visit       one visit from the checkpoint to the verdict
"""
