"""Host names and origins: the names of this server, and the other sites that may call it.

Pure: strings in, a Refusal or nothing out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from webui.access.refusal import Refusal

MAX_SHOWN_LENGTH = 80


class Hosts:
    """The accepted host names and origins.

    `names` may contain wildcards: *.example.com, or * for any name. `origins` are such as
    https://example.com.
    """

    def __init__(self, names: Iterable[str], origins: Iterable[str] = ()) -> None:
        self._names = {name.lower() for name in ("localhost", *names)}
        self._origins = {origin.lower().rstrip("/") for origin in origins}

    def add(self, name: str) -> None:
        """Accept another name, such as that of a tunnel, which is known only once it is open."""
        self._names.add(name.lower())

    def check(self, headers: Mapping[str, str]) -> None:
        """Raise Refusal for an unknown host name, and for a request of another site's page.

        Without the first check, a page of evil.example that points its name to 127.0.0.1 (DNS
        rebinding) would count as this server's own page. An IP address cannot be rebound, so every
        address is accepted.
        """
        host = headers.get("host", "").lower()
        name = without_port(host)
        if not is_address(name) and not self._is_known(name):
            reason = (
                f"This server does not answer to the name {name[:MAX_SHOWN_LENGTH]!r}. "
                "If it is yours, start the server with --allow-host NAME."
            )
            raise Refusal(421, "unknown_host", reason)
        origin = headers.get("origin", "").lower()
        own_hosts = (host, headers.get("x-forwarded-host", "").lower())
        if origin and not self._is_allowed(origin, own_hosts):
            reason = (
                f"Pages of {origin[:MAX_SHOWN_LENGTH]!r} may not use this server. "
                "If they should, start it with --allow-origin ORIGIN."
            )
            raise Refusal(403, "foreign_origin", reason)
        # Browsers request images and scripts without an origin. Other sites may only link here.
        is_cross_site = headers.get("sec-fetch-site") == "cross-site"
        if not origin and is_cross_site and headers.get("sec-fetch-mode") != "navigate":
            raise Refusal(403, "foreign_origin", "Pages of other sites may not use this server.")

    def _is_known(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._names)

    def _is_allowed(self, origin: str, own_hosts: tuple[str, ...]) -> bool:
        """Return whether the origin is the page's own or an allowed one.

        Schemes are not compared, because a proxy may terminate https.
        """
        site = urlsplit(origin).netloc  # "" for "null", the origin of a sandboxed frame
        return origin in self._origins or (site != "" and site in own_hosts)

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins of other sites."""
        return tuple(sorted(self._origins))


def without_port(host: str) -> str:
    """Return a Host header without its port and the brackets of an IPv6 address."""
    if host.startswith("["):
        return host.partition("]")[0][1:]
    return host.rpartition(":")[0] if ":" in host else host


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
