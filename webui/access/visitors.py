"""Who asks: a browser, known by its cookie and perhaps logged in, or a program, known by its key or address.

The one place where that is decided. The page's gate and the API's routes ask here, and nothing else reads a cookie.
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
MOST_LOGINS = 10_000


@dataclass(frozen=True, slots=True)
class Visitor:
    """`id` is the browser's cookie; `user` the account that it is logged in to, or the key's, "" for none.

    `fresh`: the browser does not have that cookie yet.
    """

    id: str
    user: str = ""
    address: str = ""
    fresh: bool = False

    @property
    def owner(self) -> str:
        """Whose turn it is when many wait: the user's, else the browser's."""
        return f"user {self.user}" if self.user else f"visitor {self.id}"


class Visitors:
    """`embedded`: the page is a Space's, inside a frame of huggingface.co; `framed`: other sites may frame it too."""

    def __init__(self, accounts: Accounts, *, embedded: bool = False, framed: bool = False) -> None:
        self.accounts, self._embedded, self._framed = accounts, embedded, framed
        self._users: OrderedDict[str, str] = OrderedDict()

    def of(self, scope: Scope) -> Visitor:
        """The visitor behind a request of the page; a new one if it brings no cookie of ours."""
        connection = HTTPConnection(scope)
        token = connection.cookies.get(COOKIE, "")
        if not TOKEN.fullmatch(token):
            return Visitor(secrets.token_urlsafe(32), address=address_of(scope), fresh=True)
        return Visitor(token, self._users.get(token, ""), address_of(scope))

    def caller(self, scope: Scope) -> str:
        """Whose turn a program's request counts as: its account's, else its address's.

        Raises LoginError or TooManyAttemptsError if there are accounts and the key is none of theirs.
        """
        address = address_of(scope)
        if not self.accounts:
            return f"address {address}"
        authorization = HTTPConnection(scope).headers.get("authorization", "")
        return f"user {self.accounts.check_key(authorization, address)}"

    def log_in(self, visitor: Visitor, name: str, password: str) -> Visitor:
        """The visitor from now on, under a new cookie: the old one may be known to others. Raises as Accounts."""
        user = self.accounts.log_in(name, password, visitor.address)
        self.log_out(visitor)
        known = Visitor(secrets.token_urlsafe(32), user, visitor.address, fresh=True)
        self._users[known.id] = user
        while len(self._users) > MOST_LOGINS:
            self._users.popitem(last=False)
        return known

    def log_out(self, visitor: Visitor) -> None:
        self._users.pop(visitor.id, None)

    def may_see(self, visitor: Visitor) -> bool:
        """Whether the page is shown to it."""
        return bool(visitor.user) or not self.accounts

    def cookie(self, visitor: Visitor, scheme: str) -> str:
        """The Set-Cookie header. Other sites' pages cannot send it along (Lax).

        In a frame of another site browsers keep only cookies that are None, Secure and Partitioned; a partitioned one
        is sent from that site's pages alone. Secure needs https, which a Space has though it does not say so.
        """
        if self._embedded or (self._framed and scheme == "https"):
            kind = "SameSite=None; Secure; Partitioned"
        else:
            kind = "SameSite=Lax; Secure" if scheme == "https" else "SameSite=Lax"
        return f"{COOKIE}={visitor.id}; Path=/; Max-Age={COOKIE_AGE_S}; HttpOnly; {kind}"


def visitor_of(scope: Scope) -> Visitor:
    """The visitor that the gate has found behind this request."""
    return scope["state"]["visitor"]


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
