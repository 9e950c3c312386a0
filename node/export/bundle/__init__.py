"""The evidence bundle (docs/bundle-format.md): one directory or ZIP that a court can check alone.

Reading order:

    layout              every name, and which name may stand where; limits
    canonical, paths    JSON and tree paths as a bundle spells them
    signed, derived     what a proof gives for stock tools; core: folders 02 to 06, pure
    manifest            the texts of BagIt
    assembling          the parts in the order in which they name each other
    zip_format, writing the archive's bytes; onto disk
    verifiers           what checks a timestamp or a signature of the platform: steps 7 and 8
"""
