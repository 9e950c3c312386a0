"""Certificates that end soon, told while there is time to exchange them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cryptography.x509 import load_der_x509_certificate

WARN_DAYS = 30
"""A member's certificate is exchanged by leaving and joining again, which several people must plan;
a gateway's new one is listed by every member before it is used."""
CERTIFICATES_MAX = 64
"""Whose ends are remembered: of all members before and after an exchange, and of a gateway."""

_DAY_S = 86_400


def ending(certificates: Iterable[tuple[str, bytes]], now_s: float) -> list[str]:
    """Of each certificate (its name, its DER) that ends within WARN_DAYS or has ended: its name,
    and when."""
    found = []
    for name, certificate in certificates:
        end_s = end_of(certificate)
        if end_s is None or end_s > now_s + WARN_DAYS * _DAY_S:
            continue
        days = int((end_s - now_s) // _DAY_S)
        found.append(f"{name} ends in {days} days" if end_s > now_s else f"{name} has ended")
    return found


@lru_cache(CERTIFICATES_MAX)
def end_of(certificate: bytes) -> float | None:
    """When it ends, in POSIX seconds; None of what is no certificate: nobody connects with it
    either, and that is said elsewhere."""
    try:
        return load_der_x509_certificate(certificate).not_valid_after_utc.timestamp()
    except ValueError:
        return None
