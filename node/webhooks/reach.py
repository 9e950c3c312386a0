"""Which addresses may be sent to: a webhook must not make the gateway knock at doors inside.

In the profile `production` an address is https, and every IP address behind its name must be
public: none of this machine, of private networks, link-local (where clouds keep their keys),
multicast or reserved, also not written as an IPv6 address that holds an IPv4 one. In the profile
`test` http and this machine are allowed, so that it can be tried without a server of one's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

URL_LENGTH_MAX = 2_048

_TEXT = re.compile(r"[\x21-\x7e]+")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = IPv6Network("::/96")
_SITE_LOCAL = IPv6Network("fec0::/10")


class BadUrl(ValueError):
    """Nothing may be sent there; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    scheme: str
    host: str
    port: int


def parse_url(url: str, *, public_only: bool) -> Target:
    """Where this URL leads; raises `BadUrl`. What its name resolves to is judged when sending."""
    if len(url) > URL_LENGTH_MAX or not _TEXT.fullmatch(url):
        raise BadUrl(f"not 1 to {URL_LENGTH_MAX:,} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl("not a URL") from error
    if parts.scheme != "https" and (public_only or parts.scheme != "http"):
        raise BadUrl("not https")
    if "@" in parts.netloc or "#" in url or "\\" in url:
        raise BadUrl("a user, a password or a fragment has no place in it")
    host = parts.hostname or ""
    if (literal := _literal(host)) is not None:
        if not may_reach(literal, public_only=public_only):
            raise BadUrl("the address is not public")
    elif not _HOST.fullmatch(host):
        raise BadUrl("no host name")
    if port == 0:
        raise BadUrl("no port 0")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def may_reach(address: IPv4Address | IPv6Address, *, public_only: bool) -> bool:
    """Whether something may be sent to this address."""
    if isinstance(address, IPv6Address) and (inner := _embedded(address)) is not None:
        return may_reach(inner, public_only=public_only)
    if address.is_multicast or address.is_unspecified:
        return False
    if not public_only:
        return True
    if isinstance(address, IPv6Address) and address in _SITE_LOCAL:
        return False
    return address.is_global and not address.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
