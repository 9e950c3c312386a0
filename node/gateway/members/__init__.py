"""The members as a gateway sees them: none is believed, every answer is checked.

client      finds the leader, follows it, asks again with the same bytes
links       the connections
answers     what came back
checking    judges proofs
coalesce    many statements, one proposal
register    which keys stand on the chain; `own_key` whether this gateway's does
"""
