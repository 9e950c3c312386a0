"""The HTTP API in front of the members; any number of gateways can run.

A gateway is trusted with little: it signs receipts and, where a depositor does not sign, attests.
It keeps what was promised (statement bytes and openings) under the client's Idempotency-Key before
it proposes anything, so that no retry, restart or change of leader deposits twice.

The walk of a deposit:

    anchors       routes: what is asked, checked (`bodies`, `schemas`, `room`, `invalid`)
    deposit       makes or countersigns the statement (salts, nonce, receipt), with what is
                  `declared` of its items
    depositing    stores it, sends it on its way, waits for COMMITTED or FINAL
    submissions   carries a stored statement until the chain has taken or skipped it
    finality      notes what became FINAL, and what is PENDING for long
    coalesce      many statements, one proposal
    members       finds the leader, follows it, asks again with the same bytes (`links` are the
                  connections, `member_answers` what came back, `checking` judges proofs)
    answers       what became of it, in words (`responses`, `language`)

Beside it:

    lookups       numbers, receipts, proofs, checkpoints, the policy; `finding` asks the members
    searching     deposits by number, digest or entry hash in one field
    verifying     whether files are those that were deposited, one or a whole filing
    deposits      an account's own, listed and opened; `extraction` codes let others read one, and
                  `reading` says who may
    courses       matters and series in order; `source_profiles` where their records come from
    events        what is said of a deposit later: `event` makes the statement, `eventing` walks it
                  as `depositing` does, `event_answers` tells it; `history` is what became of the
                  deposit, `marks` what that shows wherever the deposit is
    cases         exhibits and evidence lists; `court_receipts` what a court gives for them;
                  `case_access` says who may
    tilelog       the published log: tiles, entries, bodies, policies, contradictions, consistency;
                  `publishing` is the checkpoint that never goes back, and what is under it, tiles
                  proven first (`proven_tiles`)
    enrolments    key records go onto the chain; `register` and `own_key` ask what stands there
    policy_changes     and so does the next policy
    accounts, account_keys   the account of the request: consents, API keys, keys to sign with
    auth, access  whose request it is, and what it may do; `accesses` shows who did what
    privacy       what is kept off the chain, what for, and for how long
    webhooks      what an account is told without asking; `notifier` sends it
    problems      every refusal and what to do about it; `documents` writes them (RFC 9457). Those
                  of an area are in `account_problems`, `case_problems`, `declared_problems`,
                  `deposit_problems`, `event_problems`, `operating_problems`, `webhook_problems`
    schemas       shapes of requests and answers, those of an area likewise: `account_schemas`,
                  `case_schemas`, `deposit_schemas`, `event_schemas`, `health_schemas`,
                  `verify_schemas`, `webhook_schemas`; `cursors` is where a list goes on
    health_windows  health records of the members around a time or a deposit (`health_reports`)
    door          what happens to every request: id, log line, `limits`, headers, metrics
                  (`operating_metrics`); `tls` where no proxy ends it
    health        /healthz, /readyz; `openapi` and `app` put the interface together
    gateway       everything put together; `server` the process, `connections` its limits, `clock`;
                  `serving` is what every HTTP process here does alike
"""
