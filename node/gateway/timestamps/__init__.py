"""Published checkpoints are signed and stamped, and a deposit is *timestamped* once one reaches it.

    stamping    the gateway's task: signs with the platform's keys and asks the authorities
    reaching    from a deposit's checkpoint to the first stamped one, with a path that holds
    material    what of it goes into a bundle
    document_time   the time in the signature of a document
    loading     keys, certificates and roots out of the settings
    routes      GET /v1/evidence/{number}/timestamp; `answers`, `schemas` what is told

Nothing of this delays a deposit or is needed to prove one.
"""
