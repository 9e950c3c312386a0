"""Evidence bundles (司法存证证据包), made while whoever asked goes on (docs/bundle-format.md).

    making      what goes into a bundle, asked of the members and read out of the database
    papers      the certificate, the evidence list, and the folders beside the core
    bundling    the gateway's task: makes what waits, in a thread, and keeps its bytes in parts
    routes      asking for one, looking how far it is, fetching it; `schemas`, `problems`

A gateway holds digests and never a file: its bundles are of the DIGEST profile.
"""
