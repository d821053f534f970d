"""Hosts and origins: under which names this server answers, and which other sites may ask it from a browser.

Pure: strings in, a Refusal or nothing out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from webui.access.refusal import Refusal

LONGEST_SHOWN = 80


class Hosts:
    """`names` may hold wildcards (*.example.com, or * for any name); `origins` are like https://example.com."""

    def __init__(self, names: Iterable[str], origins: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in ("localhost", *names)}
        self._origins = {origin.lower().rstrip("/") for origin in origins}

    def add(self, name: str) -> None:
        """Answer under that name too: a tunnel's is known only once it is open."""
        self._names.add(name.lower())

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise Refusal for a name that is not this server's, or a request that another site's page sends.

        Without the first check, a page of evil.example that makes its name point to 127.0.0.1 (DNS rebinding) counts
        as the server's own page. An address cannot be rebound, so any address is taken.
        """
        host = headers.get("host", "").lower()
        name = name_of(host)
        if not (is_address(name) or any(fnmatchcase(name, known) for known in self._names)):
            reason = f"This server does not answer to the name {name[:LONGEST_SHOWN]!r}. "
            raise Refusal(
                421,
                "unknown_host",
                reason + "If it is yours, start the server with --allow-host NAME.",
            )
        origin = headers.get("origin", "").lower()
        if origin and not self._is_own(origin, (host, headers.get("x-forwarded-host", "").lower())):
            reason = f"Pages of {origin[:LONGEST_SHOWN]!r} may not use this server. "
            raise Refusal(
                403,
                "foreign_origin",
                reason + "If they should, start it with --allow-origin ORIGIN.",
            )
        # Pictures and scripts are asked for without an origin; only going to the page is everybody's right.
        if (
            not origin
            and headers.get("sec-fetch-site") == "cross-site"
            and headers.get("sec-fetch-mode") != "navigate"
        ):
            raise Refusal(403, "foreign_origin", "Pages of other sites may not use this server.")

    def _is_own(self, origin: str, hosts: tuple[str, ...]) -> bool:
        """Whether it is the origin of the page itself. The scheme does not count: a proxy may add the s of https."""
        site = urlsplit(origin).netloc  # "" of the origin null, which a frame without rights has
        return origin in self._origins or (site != "" and site in hosts)

    @property
    def origins(self) -> tuple[str, ...]:
        """The other sites whose pages may ask."""
        return tuple(sorted(self._origins))


def name_of(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.rpartition(":")[0] if ":" in host else host


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
