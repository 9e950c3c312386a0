"""The steps from one revision of the schema to the next, as Alembic runs them.

`env` is Alembic's way in. A step that has been released is never changed: databases have taken it.
What `versions` makes together is what `node.offchain.schema` says; a test compares the two.
"""
