"""What a URL names, where a redirect may lead, and what of a URL may be printed."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urljoin, urlsplit, urlunsplit

from nndata.errors import NetworkError, RefusedError, UsageError

__all__ = ["place", "root", "shown", "site", "target"]


def shown(url: str) -> str:
    """Return what of a URL may be printed: no user, no password, no query.

    >>> shown("https://me:secret@example.org:8080/a/b?token=1#x")
    'https://example.org:8080/a/b'
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@lru_cache(maxsize=1024)  # one request asks a dozen times
def place(url: str) -> tuple[str, int]:
    """Return the host and the port that a URL names."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise UsageError("not a port", where=shown(url)) from None
    return (parts.hostname or "").lower(), port or (443 if parts.scheme == "https" else 80)


def root(url: str) -> str:
    """Return a root as it begins URLs: with a slash at its end."""
    return url.rstrip("/") + "/"


def site(url: str) -> str:
    """Return the root of everything at a URL's place."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def target(url: str, location: str) -> str:
    """Return where a redirect leads, when we may go there."""
    if not location:
        raise NetworkError("a redirect to nowhere", where=shown(url))
    try:
        found = urljoin(url, location)
        parts = urlsplit(found)
        (parts.hostname or "").encode("idna")  # as it will be looked up
    except ValueError:
        raise NetworkError("a redirect to what is no URL", where=shown(url)) from None
    if parts.scheme not in ("http", "https") or (
        urlsplit(url).scheme == "https" and parts.scheme == "http"
    ):
        raise RefusedError(f"a redirect to {shown(found)} is not followed", where=shown(url))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
