"""The offline page: `verify.html` of the verification kit, from its TypeScript sources.

Court desktops have no shell and no rights to install anything; every one of them has a browser.
The page is one file without a network: whoever opens it drops a bundle, or a file and its proof,
types the policy fingerprint, and gets the answer that `cunzheng verify` gives, in the same numbered
steps.

    src/evidence     as `node.evidence`: a proof read strictly, steps 0 to 6
    src/bundle       as `node.export.bundle`: the package from a hostile hand, steps 0, 7, 8
    src/signing      as `node.export.signing` and `timestamps`: DER, X.509, CMS, RFC 3161
    src/ui           what a judge sees; page.html and page.css are its frame
    src/words.json   every word of the product that the page says, written by `words`
    words            writes it; the only Python here

    npm ci && node build.mjs        writes node/export/kit/verify.html, the same bytes every time

It is a second implementation on purpose: two that were written twice and agree on hundreds of
damaged proofs say more than one. The tests drive the file that is built, not its sources.
"""
