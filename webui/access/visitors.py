"""Visitors: a browser, identified by its cookie, or a program, identified by its key or address.

The page's gate and the API's routes identify clients here, and nothing else reads a cookie.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import Scope

from webui.access.accounts import Accounts

COOKIE = "visitor"
COOKIE_AGE_S = 30 * 24 * 3600
TOKEN = re.compile(r"[\w-]{43}")
MAX_LOGINS = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. `id` is its cookie; `user` is the account that it is logged in to, "" for none.

    `fresh` is true until the browser has the cookie.
    """

    id: str
    user: str = ""
    address: str = ""
    fresh: bool = False

    @property
    def owner(self) -> str:
        """The owner of its requests for fair scheduling: the account, else the browser."""
        return f"user {self.user}" if self.user else f"visitor {self.id}"


class Visitors:
    """Identifies visitors and keeps their logins.

    `embedded`: the page is framed by Hugging Face Spaces. `framed`: other sites may frame it too.
    """

    def __init__(self, accounts: Accounts, *, embedded: bool = False, framed: bool = False) -> None:
        self.accounts, self._embedded, self._framed = accounts, embedded, framed
        self._users: OrderedDict[str, str] = OrderedDict()

    def identify(self, scope: Scope) -> Visitor:
        """Return the visitor of a request, a new one if it has no valid cookie."""
        connection = HTTPConnection(scope)
        token = connection.cookies.get(COOKIE, "")
        if not TOKEN.fullmatch(token):
            return Visitor(secrets.token_urlsafe(32), address=address_of(scope), fresh=True)
        return Visitor(token, self._users.get(token, ""), address_of(scope))

    def caller(self, scope: Scope) -> str:
        """Return the owner of a program's request: its account, else its address.

        Raises LoginError or TooManyAttemptsError if there are accounts and the key is not theirs.
        """
        address = address_of(scope)
        if not self.accounts:
            return f"address {address}"
        authorization = HTTPConnection(scope).headers.get("authorization", "")
        return f"user {self.accounts.check_key(authorization, address)}"

    def log_in(self, visitor: Visitor, name: str, password: str) -> Visitor:
        """Return the logged-in visitor, under a new cookie. Raises the errors of Accounts.log_in.

        The old cookie may be known to others (session fixation).
        """
        user = self.accounts.log_in(name, password, visitor.address)
        self.log_out(visitor)
        logged_in = Visitor(secrets.token_urlsafe(32), user, visitor.address, fresh=True)
        self._users[logged_in.id] = user
        while len(self._users) > MAX_LOGINS:
            self._users.popitem(last=False)
        return logged_in

    def log_out(self, visitor: Visitor) -> None:
        self._users.pop(visitor.id, None)

    def may_see(self, visitor: Visitor) -> bool:
        """Return whether the visitor may see the page."""
        return bool(visitor.user) or not self.accounts

    def cookie(self, visitor: Visitor, scheme: str) -> str:
        """Return the Set-Cookie header.

        With SameSite=Lax, requests of other sites' pages do not carry the cookie. Within a frame of
        another site, browsers keep only cookies that are SameSite=None, Secure and Partitioned; a
        partitioned cookie is sent from that site's pages alone. Secure requires https, which a
        Space has, although the scheme of its requests is http.
        """
        if self._embedded or (self._framed and scheme == "https"):
            attributes = "SameSite=None; Secure; Partitioned"
        else:
            attributes = "SameSite=Lax; Secure" if scheme == "https" else "SameSite=Lax"
        return f"{COOKIE}={visitor.id}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; {attributes}"


def visitor_of(scope: Scope) -> Visitor:
    """Return the visitor that the gate has identified."""
    return scope["state"]["visitor"]


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
