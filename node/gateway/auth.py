"""API keys: who may deposit through this gateway, and who may read the whole log.

A key is 256 random bits as text, `czk_` and 64 hex digits. The gateway keeps only

    SHA-256("cunzheng/api-key/v1" LF || key)

so whoever reads the file cannot use it; a secret of full strength needs no slow hash. The file has
one line per key, `ACCOUNT DIGEST`, or `ACCOUNT DIGEST auditor` for a key that reads the entries and
bodies of the published log and deposits nothing; empty lines and lines that begin with `#` are
skipped. An account may have several keys (to change one without a pause). Its id says nothing about
a person: it goes into the identity record that a statement commits to.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from node.gateway.problems import Problem, ProblemError

PREFIX = "czk_"

_TAG = b"cunzheng/api-key/v1\n"
_KEY = re.compile(rf"{PREFIX}[0-9a-f]{{64}}")
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LINE = re.compile(rf"({ACCOUNT.pattern}) ([0-9a-f]{{64}})( auditor)?")


@dataclass(frozen=True, slots=True)
class Account:
    """Who a request is made for, and whether its key is an auditor's."""

    id: str
    auditor: bool = False


class BadKeyFile(Exception):
    """The file of key digests is not what it should be; says the line."""


def new_key() -> str:
    """A fresh key, to be shown to its owner once."""
    return PREFIX + secrets.token_hex(32)


def format_key_line(account: str, key: str, *, auditor: bool = False) -> str:
    """The line that lets `key` in as `account`."""
    line = f"{account} {_digest(key).hex()}{' auditor' if auditor else ''}"
    assert _LINE.fullmatch(line), "an account id is a-z 0-9 . _ -, at most 64 characters"
    return f"{line}\n"


def parse_key_file(text: str) -> ApiKeys:
    """The keys of a file."""
    accounts: dict[bytes, Account] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadKeyFile(
                f"line {number} is not `ACCOUNT` and 64 hex digits, with or without `auditor`"
            )
        auditor = match.group(3) is not None
        accounts[bytes.fromhex(match.group(2))] = Account(match.group(1), auditor)
    return ApiKeys(accounts)


class ApiKeys:
    """The accounts by the digests of their keys."""

    def __init__(self, accounts: Mapping[bytes, Account]) -> None:
        self._accounts = dict(accounts)

    def authenticate(self, authorization: str | None) -> Account:
        """The account of an `Authorization` header; raises a problem if there is none."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise ProblemError(Problem.API_KEY_MISSING)
        if not _KEY.fullmatch(key):
            raise ProblemError(Problem.API_KEY_UNKNOWN)
        wanted, found = _digest(key), None
        # Every digest is compared, each in constant time: how long it takes tells nothing.
        for digest, account in self._accounts.items():
            if hmac.compare_digest(digest, wanted):
                found = account
        if found is None:
            raise ProblemError(Problem.API_KEY_UNKNOWN)
        return found


def _digest(key: str) -> bytes:
    return hashlib.sha256(_TAG + key.encode()).digest()
