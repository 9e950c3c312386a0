"""Operating: how a member or a gateway is doing, told to people, to machines and to courts.

health    the health record a member signs every ten minutes, and its way onto the chain; pure
window    what records say about a span of time: who ran, who did not, what was wrong; pure
keeping   a member's own and the others' records, in a small database of their own
versions  digests of the code that runs and of its settings
bucket    how often somebody may ask; pure
logs      lines for machines and people, each with the request_id it is about
exposition     metrics for Prometheus, on a listener of their own
expiry    certificates that end soon
"""
