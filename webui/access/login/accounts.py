"""The accounts of --auth, and a limit on how fast their passwords can be guessed."""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import ceil
from secrets import compare_digest

from webui.access.login.attempts import Attempts
from webui.errors import LoginError, TooManyAttemptsError

logger = logging.getLogger(__name__)

MAX_ADDRESS_WAIT_S = 900.0
MAX_ACCOUNT_WAIT_S = 60.0
MAX_KNOWN_PAIRS = 10_000


class Accounts:
    """Names and passwords; without any, login is not required.

    Wrong attempts slow down both their address and the account that they try. An address that has
    logged in to an account before is counted apart for it, so guesses from elsewhere do not lock
    its users out.
    """

    def __init__(
        self, pairs: Sequence[tuple[str, str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pairs = [(name.encode(), password.encode()) for name, password in pairs]
        self._by_address = Attempts(MAX_ADDRESS_WAIT_S, clock)
        self._by_account = Attempts(MAX_ACCOUNT_WAIT_S, clock)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._pairs)

    def passwords_of(self, name: str) -> list[bytes]:
        return [password for known, password in self._pairs if known == name.encode()]

    def log_in(self, name: str, password: str, address: str) -> str:
        """Return the name if the password is right, else raise LoginError.

        Raises TooManyAttemptsError, without a comparison, while the address or account must wait.
        """
        counters = self._counters(name, address)
        wait_s = max(attempts.wait_s(key) for attempts, key in counters)
        if wait_s > 0:
            raise TooManyAttemptsError(wait_s=ceil(wait_s))
        if not self._is_right(name, password):
            count = max(attempts.record_failure(key) for attempts, key in counters)
            logger.warning("Wrong password for %.60r from %s, attempt %d", name, address, count)
            raise LoginError()
        for attempts, key in counters:
            attempts.record_success(key)
        self._known[name, address] = None
        while len(self._known) > MAX_KNOWN_PAIRS:
            self._known.popitem(last=False)
        return name

    def check_key(self, authorization: str, address: str) -> str:
        """Return the account of an Authorization header, and raise as `log_in` does.

        Accepts "USER:PASSWORD" as a Bearer token, and HTTP Basic. A request without a key is
        refused, but does not count as an attempt.
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
        """Compare with every account in constant time, so that the duration reveals nothing."""
        matches = [
            compare_digest(name.encode(), known) & compare_digest(password.encode(), secret)
            for known, secret in self._pairs
        ]
        return any(matches)

    def _counters(self, name: str, address: str) -> list[tuple[Attempts, str]]:
        """Return where an attempt counts, with its key there."""
        if (name, address) in self._known:
            return [(self._by_account, f"{name} from {address}")]
        return [(self._by_address, address), (self._by_account, name)]
