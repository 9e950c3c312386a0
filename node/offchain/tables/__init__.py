"""The tables, one module an area.

    requests       what the gateway promised, under the client's Idempotency-Key
    answers        what other writes were answered, for a day
    accounts       who may do what: accounts, identity, roles, consents, keys
    deposits       deposits of this gateway's accounts: openings, events, extraction codes
    notifications  webhooks and what was sent to them
    cases          cases, links, evidence lists, court receipts
    registries     courts, certification authorities, source profiles
    accesses       who looked at what
    timestamps     timestamps and the platform's signatures of published checkpoints
    bundles        evidence bundles that were asked for, for a day
    inspections    authorities that inspected

The chain holds digests and salted digests; what belongs to people is here, where it can be erased.
Columns of class L3 and L4 are ciphertext of `node.vault` (`_sealed`) or keyed digests of it.
"""
