"""The court's shelf: everything that decides whether a proof holds, and nothing else.

An expert can read this package alone. It is pure: bytes go in, facts and verdicts come out; there
is no clock, file, socket or chance in it. The member, the gateway, the command line and the offline
verifier run the same code. Its formats are frozen in docs/proof-format.md.

Reading order:

    spelling, atoms, malformed   how values are spelled; the one exception for hostile bytes
    digests, keys                SHA-256, SM3; public keys and signatures of all suites
    ed25519, curve, p256, sm2    the suites, each with its strict rule
    merkle, tiles                RFC 6962 trees and paths, and what a store keeps of them
    item, opening                what is deposited: 32 bytes, and what they hide
    statement, receipt           what the depositor signs, what the gateway answers
    enrolment                    whose keys may do what
    events                       what was said of a deposit later, and its worth
    members, policy, policy_note whose seals count, and how that changes
    entry, record, number        the leaves of the log, blocks of records, evidence numbers
    note, checkpoint, sealed     C2SP signed notes, tree heads, seals
    tlog_proof, tlog_policy      the published formats that other tools read
    proof, proof_text, head      the proof file
    batch                        what a depositor keeps to derive the proof of every item
    succession                   policies in their order, and the next one on its way
    steps, verify, verdict       the six steps, the bottom line, what is told to people
    doubts                       what is asked besides: without whom would it stand?
    merkle_inputs, explain       the same steps as files and stock commands
    contradiction, accusation    two checkpoints that cannot both be true, and who sealed them
"""
