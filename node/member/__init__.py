"""One member at work: `process` is what an operator starts, `participant` the loop inside.

process       settings in, services out
service       its gRPC services; `tilelog` those of the published log
participant   replica, ledger and the seals of the others, in one event loop
cutter        records of many requests become blocks
ledger        chain, store and seals in step, in one thread
exchange      seals go from member to member
proving       a proof from store, journal and seals
publishing    tiles, entries, bodies, each proven up to the newest note
reporting     its health records; `measuring` its metrics
directory     its data directory, opened by one process, checked as a whole
expiry        whose certificate ends soon; `milestone` is a number others wait for
"""
