"""What leaves the system for a court: everything that a judge holds and others check without us.

The idea: a proof already says all that is proven. Around it goes what a court, the other party and
their expert need to check it with stock tools, without a network, and what they have to be told in
plain words. Edges are thin; what decides a byte is pure where it can be.

    bundle         the evidence bundle (司法存证证据包): its names and bytes, making one, reading
                   one from a hostile hand, checking one (docs/bundle-format.md)
    certificate    the certificate, the evidence list, the verification record: PDF and JSON
    signing        the platform's own signatures in the forms that stock tools check, certificates,
                   and what a chain to a root from outside makes of them
    timestamps     RFC 3161: asking an authority for the time, checking what it says, and a service
                   of our own for devnets
    vouching       steps 7 and 8 of verifying a bundle, by these two
    kit            what verifies a bundle without this program
    page           the sources of verify.html in it, in TypeScript

An export, in five files: `node.gateway.bundles.bundling` takes what waits, its `making` collects
and `papers` writes what people read, `bundle.assembling` puts it in order, and `node.cli.export`
puts the originals in where they are.

Nothing here is part of a proof: `node.evidence` decides whether a deposit is proven, knows nothing
of this room, and stays as it is when a certificate expires. Read first: `bundle/__init__`.
"""
