"""Accounts: names and passwords, as --auth gave them, and how fast they can be guessed."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import ceil
from secrets import compare_digest

from webui.access.attempts import Attempts
from webui.errors import LoginError, TooManyAttemptsError

logger = logging.getLogger(__name__)

LONGEST_ADDRESS_WAIT_S = 900.0
LONGEST_ACCOUNT_WAIT_S = 60.0
MOST_KNOWN = 10_000


class Accounts:
    """Without any, everybody is let in. Wrong attempts slow down their address and the account that they try.

    A pair of address and account that was right before has a count of its own, so that guesses from elsewhere do not
    keep people out who are at work.
    """

    def __init__(
        self, pairs: Sequence[tuple[str, str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pairs = [(name.encode(), password.encode()) for name, password in pairs]
        self._addresses = Attempts(LONGEST_ADDRESS_WAIT_S, clock)
        self._names = Attempts(LONGEST_ACCOUNT_WAIT_S, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def log_in(self, name: str, password: str, address: str) -> str:
        """The name, if the password is right. Raises LoginError, or TooManyAttemptsError without having compared."""
        counted = self._counted(name, address)
        wait_s = max(attempts.wait_s(key) for attempts, key in counted)
        if wait_s > 0:
            raise TooManyAttemptsError(wait_s=ceil(wait_s))
        if not self._is_right(name, password):
            failures = max(attempts.failed(key) for attempts, key in counted)
            logger.warning("wrong password for %.60r from %s, attempt %d", name, address, failures)
            raise LoginError()
        for attempts, key in counted:
            attempts.succeeded(key)
        self._known[name, address] = None
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return name

    def check_key(self, authorization: str, address: str) -> str:
        """The account of an Authorization header: "USER:PASSWORD" as a Bearer token, or HTTP Basic. Raises as log_in.

        A request without a key is refused, but is no guess.
        """
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                key = ""
        name, colon, password = key.partition(":")
        if scheme.lower() not in ("basic", "bearer") or not colon:
            raise LoginError()
        return self.log_in(name, password, address)

    def _is_right(self, name: str, password: str) -> bool:
        """Compares with every account, so that the time it takes tells nothing."""
        right = [
            compare_digest(name.encode(), known) & compare_digest(password.encode(), secret)
            for known, secret in self._pairs
        ]
        return any(right)

    def _counted(self, name: str, address: str) -> list[tuple[Attempts, str]]:
        """Whose wrong attempts count here."""
        if (name, address) in self._known:
            return [(self._names, f"{name} from {address}")]
        return [(self._addresses, address), (self._names, name)]
