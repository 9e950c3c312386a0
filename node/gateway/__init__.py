"""The HTTP API in front of the members; any number of gateways can run.

A gateway is trusted with little: it signs receipts and, where a depositor does not sign, attests.
It keeps what was promised (statement bytes and openings) under the client's Idempotency-Key before
it proposes anything, so that no retry, restart or change of leader deposits twice.

The walk of a deposit:

    anchors      routes: what is asked, checked
    deposit      makes or countersigns the statement (salts, nonce, receipt)
    depositing   stores it, sends it on its way, waits for COMMITTED or FINAL
    requests     the idempotency store (SQLAlchemy), one writer
    submissions  carries a stored statement until the chain has taken or skipped it
    coalesce     many statements, one proposal
    members      finds the leader, follows it, asks again with the same bytes; checks proofs
    room         how many bytes of batches are in memory at once
    answers      what became of it, in words; `schemas` has the shapes, `problems` the refusals

Beside it: `lookups` (numbers, digests, receipts, proofs), `enrolments` (keys), `own_key` (whether
this gateway may take deposits at all), `health`, `auth` (API keys), `gateway` (everything put
together) and `server` (the process).
"""
