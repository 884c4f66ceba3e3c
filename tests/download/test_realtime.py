"""Stalls in real seconds, with the times that users have: each is acted on within 35 s."""

import ssl
import time

import pytest
from authority import Authority
from faultserver import FaultServer, silence, stall

from nndata.download import download
from nndata.http import Client
from nndata.source import RemoteFile

pytestmark = pytest.mark.realtime

ORIGIN = "https://origin.example/"
CONTENT = bytes(range(256)) * 1000


def mute(connection):
    time.sleep(60)


def seconds_between_requests(host, tmp_path):
    """Return when the second connection came, seconds after the first."""
    began, client = time.monotonic(), Client(mirror=host.root, origins=(ORIGIN,))
    download(client, RemoteFile(ORIGIN + "a.bin", len(CONTENT)), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    # The wait before the second try is part of the time: 1 to 2 s after one failure.
    return host.requests[-1].at - began


@pytest.mark.parametrize("fault", [stall(0.5), silence], ids=["in-the-body", "before-the-head"])
def test_a_stall_is_acted_on_within_35_seconds(fault, tmp_path):
    with FaultServer({"/a.bin": CONTENT}, [fault]) as host:
        assert 30 <= seconds_between_requests(host, tmp_path) <= 35


def test_a_host_that_never_shakes_hands_is_left_within_35_seconds(tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    context: ssl.SSLContext = authority.server()
    with FaultServer({"/a.bin": CONTENT}, certificate=context, greet=[mute]) as host:
        assert 10 <= seconds_between_requests(host, tmp_path) <= 35
