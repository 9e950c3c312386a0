"""The evidence bundle (docs/bundle-format.md): one directory or ZIP that a court can check alone.

Reading order:

    layout                  every name, and which name may stand where; limits
    canonical, paths        JSON and tree paths as a bundle spells them
    signed, derived, core   what a proof gives for stock tools; folders 02 to 06, pure
    manifest                the texts of BagIt
    assembling              the parts in the order in which they name each other
    zip_format, writing     the archive's bytes; onto disk
    flaws, names            what can be wrong with a package; with a name
    archive, folder         a ZIP archive, a directory, from a hostile hand
    certified               what its certificates say they are of
    package                 step 0: all of it read once
    paper                   certificate.pdf: what it holds, and what its signature is over
    trust                   what a verifier knows from elsewhere
    verifiers, outside      steps 7 and 8: who checks a token or a signature, and what that says of
                            a deposit
    checking                all steps, the result of each deposit and of the whole
"""
