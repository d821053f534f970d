"""Signed logins: a browser keeps its login, and the server only the secret that verifies it.

A login is "EXPIRY.SIGNATURE.NAME" and belongs to the random id of one visitor. The signature's key
is made from the secret and the password of the account, so a login ends when the password changes,
when the account is removed, or when the secret is deleted. All of it is from Python's standard
library: HMAC-SHA256 for the signature, scrypt for the key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable

from webui.access.login.accounts import Accounts

LOGIN_AGE_S = 30 * 24 * 3600
LOGIN = re.compile(r"(\d{1,12})\.([\w-]{43})\.([\w-]{1,2048})", re.ASCII)
MAX_ENDED = 10_000
# 16 MB and about 50 ms for each account, once per process. A thief of the secret and of a
# login has this much work for each guess at the password.
SCRYPT_COST = {"n": 2**14, "r": 8, "p": 1}


class LoginTokens:
    """Signs and verifies logins. `clock` returns the seconds since 1970, which restarts share."""

    def __init__(self, accounts: Accounts, secret: bytes, clock: Callable[[], float]) -> None:
        self._accounts, self._secret, self._clock = accounts, secret, clock
        self._keys: dict[tuple[str, bytes], bytes] = {}
        # Visitors who logged out. In memory and bounded: after a restart, or after 10,000 later
        # log-outs, a stolen copy of the old cookie would be valid again until it
        # expires. The browser itself gets a new cookie when it logs out.
        self._ended: OrderedDict[str, None] = OrderedDict()

    def sign(self, visitor_id: str, name: str, password: str) -> str:
        """Return the login of this visitor, who has given the right password."""
        expiry = int(self._clock()) + LOGIN_AGE_S
        signature = self._signature(visitor_id, expiry, name, password.encode())
        return f"{expiry}.{signature}.{encode(name.encode())}"

    def user_of(self, visitor_id: str, login: str) -> str:
        """Return the name of the account, "" if the login is not valid."""
        match = LOGIN.fullmatch(login)
        if match is None or visitor_id in self._ended:
            return ""
        expiry, signature, encoded_name = int(match[1]), match[2], match[3]
        try:
            name = urlsafe_b64decode(encoded_name + "=" * (-len(encoded_name) % 4)).decode()
        except ValueError:
            return ""
        if self._clock() >= expiry:
            return ""
        for password in self._accounts.passwords_of(name):
            expected = self._signature(visitor_id, expiry, name, password)
            if hmac.compare_digest(signature, expected):
                return name
        return ""

    def end(self, visitor_id: str) -> None:
        """Make the login of this visitor invalid."""
        self._ended[visitor_id] = None
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def _signature(self, visitor_id: str, expiry: int, name: str, password: bytes) -> str:
        # Neither the id nor the expiry contains a dot, so no two logins have the same text.
        text = f"{visitor_id}.{expiry}.{name}".encode()
        return encode(hmac.digest(self._key(name, password), text, "sha256"))

    def _key(self, name: str, password: bytes) -> bytes:
        key = self._keys.get((name, password))
        if key is None:
            salt = hmac.digest(self._secret, b"login of " + name.encode(), "sha256")
            key = hashlib.scrypt(password, salt=salt, dklen=32, **SCRYPT_COST)
            self._keys[name, password] = key
        return key


def encode(value: bytes) -> str:
    """Return base64 for a cookie: no padding, and no character that needs quotes."""
    return urlsafe_b64encode(value).decode().rstrip("=")
