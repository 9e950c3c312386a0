"""Everything a gateway keeps beside the chain: the only room that speaks SQL.

    columns, tables   what is kept, and of every column why and for how long
    engine            how a database is opened: what is durable, private and never told
    database          `Database`: one writer that groups what waits, and readers beside it
    statements        what the writer carries out for thousands of rows, compiled once
    schema            all tables together; `revisions` says which a database has, and how it gets
                      those of this version; `migrations` are the steps between, in Alembic's order
    requests          what was promised under an Idempotency-Key, before it is proposed
    answers           what other writes were answered, for their retries
    accounts          who somebody is, their roles and consents; `credentials` let requests in;
                      `accesses` records who did or tried what, `inspections` which authority
                      was shown what
    readers           extraction codes, and courts that a deposit is linked to
    deposits          how far each deposit has come, and what opens it; `deposit_values` says it
    erasures          how what opens a deposit is deleted, in all tables at once
    courses           matters and series in order; `events` opens what was said of a deposit later
    source_profiles   where a system's records come from, registered once
    cases, registries exhibits and receipts of a case; the courts and authorities known
    timestamps        of published checkpoints, and the platform's signatures of them
    bundles           evidence bundles that were asked for, while they are made and for a day
    notifications     webhooks and what is to be sent to them, as `notification_values`;
                      `following` says how far the log was read for that

A store is a module of functions over one `Database`: it hands out frozen dataclasses, never rows,
and turns the database's refusals into the words of its own area. Two databases are supported and
every test of this room runs on both: SQLite, one gateway's own file, and PostgreSQL, which several
gateways share.
"""
