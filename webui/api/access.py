"""Who may use the API: the same people as may see the page, by their user name and password."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from secrets import compare_digest

from webui.api.failures import HTTPError


class Access:
    """Lets everybody in if there are no accounts. A key is "USER:PASSWORD", as a Bearer token or by HTTP Basic."""

    def __init__(self, accounts: Sequence[tuple[str, str]]) -> None:
        self._keys = [(user, f"{user}:{password}".encode()) for user, password in accounts]

    def check(self, authorization: str) -> str:
        """The user, "" if there are no accounts. `authorization` is the header of that name. Raises HTTPError 401."""
        if not self._keys:
            return ""
        scheme, _, told = authorization.partition(" ")
        key = told.strip().encode()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key, validate=True)
            except binascii.Error:
                key = b""
        # Compares with every key, so that the time taken tells nothing.
        known = [user for user, one in self._keys if compare_digest(key, one)]
        if scheme.lower() not in ("bearer", "basic") or not known:
            raise HTTPError(401, "invalid_api_key", "This server needs a key: USER:PASSWORD, as --auth was given.")
        return known[0]
