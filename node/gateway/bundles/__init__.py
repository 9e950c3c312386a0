"""Evidence bundles (司法存证证据包), made while whoever asked goes on (docs/bundle-format.md).

    making      what goes into a bundle, asked of the members and read out of the database
    surroundings  how the members were doing, and who was told of the deposit (07, 08)
    dossier     what a court examines besides, item by item (10); `interests` of a case's parties
    papers      certificates, the evidence list, and the folders beside the core
    workshop    sets and signs them, and makes the archive; imported with the first bundle
    bundling    the gateway's task: makes what waits, in a thread, and keeps its bytes in parts
    scratch     the private folder in which one is written, and what a killed gateway left of it
    asking      what the routes share
    routes      of one deposit: asking for a bundle, looking how far it is, fetching it
    several     of several deposits, of a case

schemas, problems   shapes of requests and answers; every refusal

A gateway holds digests and never a file: its bundles are of the DIGEST profile.
"""
