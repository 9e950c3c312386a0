"""The HTTP API in front of the members; any number of gateways can run.

A gateway is trusted with little: it signs receipts and, where a depositor does not sign, attests.
It keeps what was promised (statement bytes and openings) under the client's Idempotency-Key before
it proposes anything, so that no retry, restart or change of leader deposits twice.

What a platform asks for, in the order in which it meets it:

    accounts    whose request it is, and what it may do
    deposits    the walk of a deposit, from digests to FINAL; begin here
    lookups     what the chain says of a number, a digest or a file
    events      what is said of a deposit later
    cases       evidence lists of a court's case
    webhooks    what an account is told without asking
    timestamps  checkpoints signed and stamped, and the deposits that are reached by it
    bundles     what a court is handed: certificate, proof and all it takes to check them

Under it:

    members     the leader found, followed and asked again with the same bytes
    log         the published log, and the records that change who may write to it
    operating   is this gateway well, were the members when a deposit was made
    http        what all requests and answers have in common

    gateway     everything put together; `app` its routes, `server` the process, `clock` its time
"""
