"""A member of the chain, the gateway in front of it, and the command for both.

The idea: agreement (`consensus`) orders opaque blocks; everything else here follows from their
bytes. Every member computes the same leaves, the same tree and the same root by itself, and seals
what it computed; a proof is what a quorum of seals covers.

    evidence/     the court's shelf: formats, trees, proofs, verification; pure
    words         what is said to people, zh and en; the nine answers
    chain/        what the agreed blocks come to: state, views and tree
    seals/        what a member signs of the chain, and holds of the others' signatures
    member/       one member at work: ledger, exchange, proofs, services, health
    membership/   how members begin, come in, leave, and go on after losing most disks
    checking/     whether what it keeps is what it must be, and what makes good what is not
    operating/    what operators, machines and courts are told of its health
    published/    the published log as others read it: layout, policies, tiles; pure. archive/
                  mirrors it into files
    witness/      cosigning logs from outside; a member asks its witnesses
    audit/        following a published log without believing it
    gateway/      the HTTP API. Its rules and stores: accounts/ who may do what, casework/ what
                  courts need, vault/ what is encrypted how, webhooks/ what platforms are told,
                  offchain/ all tables
    export/       the evidence bundle, which a court checks alone
    client/       the HTTP API as Python functions; cli/ the command `cunzheng`
    config        settings, read by `settings`, court_settings: what a gateway signs and has
                  stamped; `keyfile`, `sm2_file` keys on disk
    leveldb       LevelDB as this house uses it
    errors        what can go wrong, by whose move is next

Read first: `evidence/__init__`, then `chain.apply`, `member.ledger`, `member.participant`. The
three walks: anchor is `gateway.deposits -> gateway.members -> member.service -> cutter -> replica
-> ledger -> exchange`; prove is `gateway.lookups -> member.service -> proving -> evidence.proof`;
verify is `cli.verify -> evidence.verify`.
"""
