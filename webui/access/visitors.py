"""Visitors: a browser, identified by its cookie, or a program, identified by its key or address.

The page's gate and the API's routes identify clients here, and nothing else reads a cookie.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.types import Scope

from webui.access.login.accounts import Accounts
from webui.access.login.tokens import LOGIN_AGE_S, LoginTokens

COOKIE = "visitor"
# An id, and the login that is signed for it.
TOKEN = re.compile(r"([\w-]{43})(?:\.(.*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. `id` is random; `user` is the account that it is logged in to, "" for none.

    Its cookie has the id and, of a new login, the signed `login`. `fresh` is true until the browser
    has the cookie.
    """

    id: str
    user: str = ""
    address: str = ""
    fresh: bool = False
    login: str = ""

    @property
    def owner(self) -> str:
        """The owner of its requests for fair scheduling: the account, else the browser."""
        return f"user {self.user}" if self.user else f"visitor {self.id}"


class Visitors:
    """Identifies visitors and their logins.

    `secret` verifies logins that other processes with the same secret have signed; without one,
    logins end with this process. `embedded`: the page is framed by Hugging Face Spaces. `framed`:
    other sites may frame it too. `clock` returns the seconds since 1970.
    """

    def __init__(
        self,
        accounts: Accounts,
        *,
        secret: bytes | None = None,
        embedded: bool = False,
        framed: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.accounts, self._embedded, self._framed = accounts, embedded, framed
        self._logins = LoginTokens(accounts, secret or secrets.token_bytes(32), clock)

    def identify(self, scope: Scope) -> Visitor:
        """Return the visitor of a request, a new one if it has no cookie of this form.

        A login that is not valid is left out. The visitor stays: another server of this host, which
        shares the cookie, may know the login.
        """
        cookie = TOKEN.fullmatch(HTTPConnection(scope).cookies.get(COOKIE, ""))
        if cookie is None:
            return Visitor(secrets.token_urlsafe(32), address=address_of(scope), fresh=True)
        visitor_id, login = cookie[1], cookie[2] or ""
        return Visitor(visitor_id, self._logins.user_of(visitor_id, login), address_of(scope))

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

        The old cookie may be known to others (session fixation), so the login is signed for a new
        id and valid with no other.
        """
        user = self.accounts.log_in(name, password, visitor.address)
        if visitor.user:
            self._logins.end(visitor.id)
        visitor_id = secrets.token_urlsafe(32)
        login = self._logins.sign(visitor_id, user, password)
        return Visitor(visitor_id, user, visitor.address, fresh=True, login=login)

    def log_out(self, visitor: Visitor) -> Visitor:
        """End the login, and return a new visitor, whose cookie replaces that of the login.

        The cookie must go: this server remembers the end of a login only until it restarts.
        """
        if not visitor.user:
            return visitor
        self._logins.end(visitor.id)
        return Visitor(secrets.token_urlsafe(32), address=visitor.address, fresh=True)

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
        value = f"{visitor.id}.{visitor.login}" if visitor.login else visitor.id
        return f"{COOKIE}={value}; Path=/; Max-Age={LOGIN_AGE_S}; HttpOnly; {attributes}"


def visitor_of(scope: Scope) -> Visitor:
    """Return the visitor that the gate has identified."""
    return scope["state"]["visitor"]


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""
