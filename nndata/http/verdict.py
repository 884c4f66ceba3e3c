"""What it means when a host answers with something else than the file."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from nndata.errors import AccessError, NetworkError, NndataError, NotFoundError
from nndata.http.clock import Clock
from nndata.http.politeness import HostRule
from nndata.http.response import Interrupted, Response
from nndata.http.urls import place, shown

__all__ = ["MOVED", "verdict"]

MOVED = (301, 302, 303, 307, 308)
SLOW_DOWN = 60.0  # seconds to leave a host alone whose 403 means "slower"
_ANSWERS = (200, 203, 206, 412, 416)
_REFUSALS = (401, 403, 407, 451)
_EXPIRED = (400, 401, 403)  # what stores answer to a signed address after its time


def verdict(
    response: Response,
    method: str,
    *,
    rule: HostRule,
    clock: Clock,
    asked: str,
    advice: Callable[[], str],
) -> NndataError | Interrupted | None:
    """Return what a status comes to; None where it is an answer.

    `asked` is the URL that we began with, `rule` that of the host which answers.
    """
    status = response.status
    if status in _ANSWERS or (method == "HEAD" and status in (405, 501)):
        return None
    if status in (404, 410):
        return NotFoundError(f"the host has no such file ({status})", where=shown(response.url))
    slow = status == 403 and rule.slow_on_403
    if status in _EXPIRED and not slow and _is_signed(response.url, asked):
        # The next try asks the origin again, which gives a fresh one.
        why = f"an address that {place(asked)[0]} gave is refused ({status})"
        return Interrupted(why, otherwise=_refusal(response, advice))
    if status in _REFUSALS and not slow:
        return _refusal(response, advice)
    if status in (408, 425, 429) or not 200 <= status < 500 or slow:
        after = response.retry_after(clock)
        after = SLOW_DOWN if after is None and slow else after
        return Interrupted(f"the host answers {status}", after=after)
    host = place(response.url)[0]
    return NetworkError(
        f"the host answers {status}", where=shown(response.url), do=f"ask {host} why"
    )


def _is_signed(url: str, asked: str) -> bool:
    """Say whether an address was made for us: a host sent us on, with words of its own."""
    return place(url) != place(asked) and bool(urlsplit(url).query)


def _refusal(response: Response, advice: Callable[[], str]) -> AccessError:
    status, where = response.status, shown(response.url)
    if status == 451:
        return AccessError("the host may not give it (451)", where=where, why="legal reasons")
    if status == 407:
        return AccessError(
            "the proxy asks for a login (407)", where=where, do="name it in HTTPS_PROXY"
        )
    return AccessError(f"the host refuses it ({status})", where=where, do=advice())
