"""The client of gateways, for programs: synchronous, typed, and believing nothing.

    client.py       deposits, proofs and receipts, each verified before it is said so
    gateway.py      what can be asked of a gateway, and its answers as values; nothing verified
    connection.py   one request: which gateway, how long, what is tried again
    credentials.py  API keys and signed requests
    preparing.py    from files to signed statements
    hashing.py      files read once for all their digests
    checking.py     what was received against the policy
    opened.py       what a gateway attested, as a batch of the depositor's own
    errors.py       whose move is next

Content never leaves the machine: files are hashed here, and only digests or salted items are sent.
Everything that can be sent can be sent again, through any gateway: the same statement bytes under
the same Idempotency-Key are deposited once.
"""
