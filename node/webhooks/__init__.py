"""Webhooks: what accounts are told without asking, signed, at least once.

    message     what is sent, and of which events
    signature   the secret, and the header by which a receiver knows who sends
    schedule    when a delivery is tried again, and when no more
    reach       which addresses may be sent to
    post        sends one message (the only module here that touches a network)

What there is to be sent is in the database (`node.offchain.notifications`); a gateway's task sends
it (`node.gateway.webhooks.notifier`).
"""
