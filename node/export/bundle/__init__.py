"""The evidence bundle (docs/bundle-format.md): one directory or ZIP that a court can check alone.

Reading order:

    layout      every name, and which name may stand where; limits
    verifiers   what checks a timestamp or a certificate's signature, as steps 7 and 8 call it
"""
