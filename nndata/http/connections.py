"""Connections that go where they were meant to: looked up once, judged, and no further."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import connection as sockets

from nndata.http.addresses import is_loopback, is_public, refuse, resolve
from nndata.http.deadlines import Deadlines
from nndata.http.head import Answer

__all__ = ["FAILURES", "Session", "is_untrusted", "reason"]

Places = frozenset[tuple[str, int]]  # (host, port)
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)

# In this order, by the names of the classes in an error's chain: what urllib3 and requests write
# themselves may hold a query or a password.
_UNREACHED: tuple[tuple[set[str], str], ...] = (
    ({"gaierror", "NameResolutionError"}, "the host's name can't be looked up"),
    ({"ProxyError"}, "the proxy can't be reached"),
    ({"ConnectTimeoutError", "ConnectTimeout"}, "the host doesn't answer"),
    ({"ConnectionRefusedError"}, "the host refuses connections"),
    ({"NewConnectionError"}, "the host can't be reached"),
)
_BROKEN: tuple[tuple[set[str], str], ...] = (
    ({"ReadTimeoutError", "ReadTimeout"}, "the host doesn't answer"),
    ({"InvalidHeader"}, "the host contradicts itself in its headers"),
    ({"SSLError"}, "the secure connection failed"),
)


class Session:
    """Sends requests as they are: no cookies, no netrc, no redirects, no retries of its own."""

    def __init__(self, permitted: Places, deadlines: Deadlines, patience: float) -> None:
        self._permitted = permitted
        self._adapter = _Adapter(_pools(permitted, deadlines, patience))

    def prepare(self, method: str, url: str, headers: dict[str, str]) -> requests.PreparedRequest:
        """Make a request; raise an error of requests or `ValueError` for a URL that makes none."""
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.prepare_url(url, None)
        request.prepare_headers(headers)
        if "@" in url:
            request.prepare_auth(None, url)
        return request

    def send(
        self, request: requests.PreparedRequest, host: str, port: int, timeout: tuple[float, float]
    ) -> requests.Response:
        """Send it, by the environment's proxy unless the host is this machine."""
        proxies = {} if is_loopback(host) else get_environ_proxies(request.url or "")
        if proxies and (host, port) not in self._permitted:
            asked = urlsplit(request.url or "").hostname or ""  # in plain letters and figures
            if is_loopback(asked) or not _may_be_public(asked.rstrip(".")):
                raise refuse(host, port)  # the proxy would look it up and connect, unjudged
        is_secure = (request.url or "").startswith("https:")
        verify = _certificates() if is_secure else True
        return self._adapter.send(
            request, stream=True, timeout=timeout, proxies=proxies, verify=verify
        )


class _Adapter(requests.adapters.HTTPAdapter):
    """Connects to the very address that was looked up and judged.

    It is asked itself: a session of requests would do half as much again for each request, on
    cookies, hooks and redirects that are not wanted here.
    """

    def __init__(self, pools: dict[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__(pool_maxsize=64, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Wrap the bare answer, of which no cookies and no encoding are asked."""
        response = requests.Response()
        response.raw = resp
        return response


def _pools(
    places: Places, deadlines: Deadlines, patience: float
) -> dict[str, type[HTTPConnectionPool]]:
    """Make pools of connections that go to permitted places and wait so long for a head."""

    class Judged(HTTPConnection):
        response_class = Answer

        def _new_conn(self) -> Any:
            return _connect(self, places)

        def connect(self) -> None:
            with deadlines.limit(patience, self._shut):  # hands may be shaken for ever, too
                super().connect()

        def getresponse(self) -> Any:
            late: list[bool] = []
            with deadlines.limit(patience, lambda: self._shut(late)):
                response = super().getresponse()
            if late:  # a head that is cut off is taken for a short one
                raise TimeoutError
            return response

        def _shut(self, late: list[bool] | None = None) -> None:
            if late is not None:
                late.append(True)
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    class Secure(Judged, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Judged

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _connect(connection: HTTPConnection, permitted: Places) -> Any:
    host, port = connection.host.strip("[]").lower(), connection.port
    failure: Exception = OSError(f"{host} has no address")
    for *_, address in resolve(host, port, permitted=(host, port) in permitted):
        try:
            return sockets.create_connection(
                address[:2],
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise urllib3.exceptions.ConnectTimeoutError(connection, "timed out") from failure
    raise urllib3.exceptions.NewConnectionError(connection, str(failure)) from failure


def is_untrusted(error: BaseException) -> bool:
    """Say whether the host's certificate is why it failed: no other try will mend that."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def reason(error: BaseException) -> tuple[str, bool]:
    """Say in words of our own what went wrong, and whether the host was reached at all."""
    names = {type(cause).__name__ for cause in _causes(error)}
    for reached, kinds in ((False, _UNREACHED), (True, _BROKEN)):
        for wanted, words in kinds:
            if names & wanted:
                return words, reached
    return "the connection was lost", True


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _may_be_public(host: str) -> bool:
    """Judge an address that is written out; a name is the proxy's to look up."""
    try:
        return is_public(host)
    except ValueError:
        pass
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))  # 2130706433, 0x7f.1
    except (OSError, ValueError):
        return True


def _certificates() -> str | bool:
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((path for name in names if (path := os.environ.get(name))), True)
