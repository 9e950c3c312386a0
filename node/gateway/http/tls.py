"""TLS towards clients, where the gateway ends it itself instead of a proxy before it.

With `client_authorities` a client may show a certificate of one of these authorities; then it is
known by the SHA-256 of it, if an operator registered that for an account (`cunzheng admin key
certificate`). No header can say that somebody showed one: only this process believes it, because it
saw it. A client without one is served too, with an API key, a signature, or as anybody.
"""

from __future__ import annotations

import hashlib
import ssl

from node.config import TlsConfig
from node.errors import Misconfigured


def server_context(config: TlsConfig) -> ssl.SSLContext:
    """How clients are met; `Misconfigured` says which file does not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(config.certificate, config.private_key, _no_password)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"{config.certificate}, {config.private_key}: not a certificate and its key ({error})"
        ) from error
    if config.client_authorities is not None:
        try:
            context.load_verify_locations(config.client_authorities)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"{config.client_authorities}: not certificates ({error})"
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def shown_certificate(connection: object) -> str | None:
    """SHA-256 of the certificate a client has shown and proven to be its own, in hex."""
    if not isinstance(connection, ssl.SSLObject):
        return None
    der = connection.getpeercert(binary_form=True)
    return None if der is None else hashlib.sha256(der).hexdigest()


def _no_password() -> str:
    """There is nobody to type one while a gateway starts."""
    raise ssl.SSLError("the key has a password")
