"""The platform's signatures in the forms that stock tools check, and the certificates behind them.

    der            DER, written and read strictly
    algorithms     signature algorithms as X.509 and CMS name them
    certificate    X.509 certificates, read; `revocation` lists of those that were revoked
    chain          whether a certificate leads to a root that came from outside
    credential     a private key with its certificates
    cms            SignedData with one signer
    dual           the platform's signatures, P-256 as CMS and raw SM2 with SM3, and their worth
    six_items      what 电子签名法 Art. 21 wants a certificate to say, as text

A certificate is worth what the root it leads to is worth, and roots come from outside: no function
here takes one out of what it checks.
"""
