"""The HTTP API in front of the members; any number of gateways can run.

A gateway is trusted with little: it signs receipts and, where a depositor does not sign, attests.
It keeps what was promised (statement bytes and openings) under the client's Idempotency-Key before
it proposes anything, so that no retry, restart or change of leader deposits twice.

The walk of a deposit:

    anchors       routes: what is asked, checked (`bodies`, `schemas`, `room`, `invalid`)
    deposit       makes or countersigns the statement (salts, nonce, receipt); `keepsake` is what
                  only the depositor should have of it
    depositing    stores it, sends it on its way, waits for COMMITTED or FINAL
    requests      the idempotency store (SQLAlchemy), one writer
    submissions   carries a stored statement until the chain has taken or skipped it
    coalesce      many statements, one proposal
    members       finds the leader, follows it, asks again with the same bytes (`links` are the
                  connections, `member_answers` what came back, `checking` judges proofs)
    answers       what became of it, in words (`responses`, `language`)

Beside it:

    lookups       numbers, digests, receipts, proofs, checkpoints, the policy
    tilelog       the published log: tiles, entries, bodies, policies, contradictions, consistency;
                  `publishing` is the checkpoint that never goes back, and what is under it, tiles
                  proven first (`proven_tiles`)
    enrolments    key records go onto the chain; `register` and `own_key` ask what stands there
    policy_changes     and so does the next policy
    auth, access  API keys, and which routes want one
    problems      every refusal and what to do about it; `documents` writes them (RFC 9457)
    health        /healthz, /readyz; `openapi` and `app` put the interface together
    gateway       everything put together; `server` the process, `connections` its limits, `clock`;
                  `serving` is what every HTTP process here does alike
"""
