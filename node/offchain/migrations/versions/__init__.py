"""One file a revision, numbered in order.

revision_0001   what gateways had before there were revisions: `requests`
revision_0002   accounts, deposits, notifications, cases, registries, accesses
revision_0003   requests may wait for another gateway's signature; the log read for events
revision_0004   answers to writes that are not deposits, for their retries
revision_0005   timestamps of published checkpoints, and the platform's signatures of them
revision_0006   evidence bundles that were asked for
revision_0007   which deposit a message to a webhook is about; what was erased, in messages too
revision_0008   an account's own keys may end
revision_0009   inspections by authorities
revision_0010   deposits whose processing is restricted
revision_0011   bundles of several deposits, of a case, with openings that were sent along
"""
