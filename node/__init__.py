"""A member of the chain, the gateway in front of it, and the command for both.

The idea: agreement (`consensus`) orders opaque blocks; everything else here follows from their
bytes. Every member computes the same leaves, the same tree and the same root by itself, and seals
what it computed; a proof is what a quorum of seals covers.

    evidence/     the court's shelf: formats, trees, proofs, verification; pure
    words         what is said to people, zh and en; the nine answers
    chain         apply: state and block in, leaves and new state out; pure
    store, tree   `views/`: what can be computed again, for finding and proving; `rows` says from
                  what each row of them follows
    sealing       which checkpoint to seal, whose seals count, what contradicts; pure
    cosigning     the lines with which one member seals; pure
    seals         `seals/`: the seals, kept before they are told
    freshness     whose newest seal is how old
    exposure      what contradicts, made into files that name its signers
    ledger        chain, store and seals in step, in one thread
    cutter        records of many requests become blocks
    proving       a proof from store, journal and seals; publishing: tiles, entries, bodies, each
                  proven up to the newest note (`tilelog` answers for them)
    published/    the published log as others read it: layout, policies, tiles; pure. archive/
                  mirrors it into files
    exchange      seals go from member to member
    participant   one member at work: replica, ledger, exchange in one loop; expiry: whose
                  certificate ends soon
    admitting     who may take part; `joining` wants to and is `asking`, by an `application` that
                  its member signs; `founding` makes the first members, `recovery` goes on after
                  the majority of disks was lost
    reporting     its health records; operating/ what operators, machines and courts are told
    measuring     its metrics
    service       its gRPC services; `member` is the process
    directory     its data directory; `config`, `keyfile`, `sm2_file` its settings and keys;
                  court_settings: what a gateway signs and has stamped
    checking/     whether what it keeps is what it must be, and what makes good what is not
    errors        what can go wrong, by whose move is next
    leveldb       LevelDB as this house uses it; milestone: a number others wait for
    witness/      cosigning logs from outside; a member asks its witnesses
    audit/        following a published log without believing it
    export/       the evidence bundle, which a court checks alone
    gateway/      the HTTP API; cli/ the command `cunzheng`

Read first: `evidence/__init__`, then `chain`, `ledger`, `participant`. The three walks: anchor is
`gateway.anchors -> gateway.members -> service -> cutter -> replica -> ledger -> exchange`; prove is
`gateway.lookups -> service -> proving -> evidence.proof`; verify is
`cli.verify -> evidence.verify`.
"""
