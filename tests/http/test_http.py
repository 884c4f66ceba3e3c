"""The polite client: what it asks, where it goes, and what it never says."""

import logging
import os
import traceback

import faultserver as faults
import pytest
from authority import Authority
from faultserver import FaultServer
from requests import __version__ as requests_version

from nndata import __version__
from nndata.errors import (
    AccessError,
    IntegrityError,
    NetworkError,
    NndataError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from nndata.http import Client
from nndata.http.politeness import Clock, HostRule
from nndata.http.response import Timing, shown

ORIGIN = "https://origin.example/"


class QuickClock(Clock):
    def sleep(self, seconds: float) -> None:
        del seconds


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    ours = {"NNDATA_CONTACT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name in ours]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))


def client_of(host, **more):
    values = {"mirror": host.root, "origins": (ORIGIN,), "clock": QuickClock(seed=1)}
    return Client(**(values | {"timing": Timing(connect=2, stall=0.3)} | more))


def test_what_lies_below_the_origin_is_asked_at_the_mirror(tmp_path):
    with FaultServer({"/under/a.txt": b"text\n"}) as host:
        client = Client(mirror=host.root + "under", origins=(ORIGIN,))
        assert client.read(ORIGIN + "a.txt") == b"text\n"
        assert client.address("https://origin.example.evil/a") == "https://origin.example.evil/a"
        assert client.address("https://other.example/a") == "https://other.example/a"


def test_the_user_agent_names_us_and_whom_to_write_to():
    with FaultServer({"/a": b"text\n"}) as host:
        client_of(host).read(ORIGIN + "a")
        client_of(host, contact="me@example.org").read(ORIGIN + "a")
        sent = [request.headers for request in host.requests]
    library = f"python-requests/{requests_version}"
    assert sent[0]["user-agent"] == f"nndata/{__version__} {library}"
    assert sent[1]["user-agent"] == f"nndata/{__version__} (me@example.org) {library}"
    assert sent[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("contact", ["a\r\nX-Evil: 1", "naïve@example.org", "(x)"])
def test_a_contact_that_would_break_the_header_is_refused(contact):
    with pytest.raises(UsageError):
        Client(contact=contact)


def test_a_host_that_asks_for_a_contact_gets_no_request_without_one():
    with pytest.raises(UsageError) as raised:
        Client().read("https://dumps.wikimedia.org/simplewiki/")
    assert str(raised.value) == (
        "dumps.wikimedia.org: asks every visitor for a contact; "
        "export NNDATA_CONTACT=you@example.org"
    )
    assert raised.value.exit_code == 2


def test_no_contact_is_needed_for_a_mirror_on_this_machine():
    with FaultServer({"/a": b"text\n"}) as host:
        client = Client(mirror=host.root, origins=("https://dumps.wikimedia.org/",))
        assert client.read("https://dumps.wikimedia.org/a") == b"text\n"


def test_a_private_address_is_refused_unless_it_is_the_mirror():
    with FaultServer({"/a": b"text\n"}) as host, FaultServer({"/a": b"text\n"}) as other:
        with pytest.raises(RefusedError) as raised:
            Client().read(host.root + "a")
        assert f"--mirror http://127.0.0.1:{host.port} permits this" in str(raised.value)
        with pytest.raises(RefusedError):
            client_of(host).read(other.root + "a")
        with pytest.raises(RefusedError):
            client_of(host).read(f"http://localhost:{host.port}/a")
        assert host.requests == other.requests == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.org/a", "no url", "http://", ""]
)
def test_only_http_is_asked(url):
    with pytest.raises(UsageError):
        Client().read(url)


def test_a_redirect_is_followed_with_what_belongs_to_the_host():
    with FaultServer({"/b": b"text\n"}, [faults.send_to("b")]) as host:
        with client_of(host).open(ORIGIN + "a", headers={"X-Key": "k"}) as response:
            assert b"".join(response.chunks()) == b"text\n"
        assert [request.path for request in host.requests] == ["/a", "/b"]
        assert host.requests[1].headers["x-key"] == "k"


def test_a_redirect_to_another_host_takes_no_added_header_along(monkeypatch):
    """Both are on this machine under two names, so the rule about private addresses is lifted."""
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    with FaultServer({"/b": b"text\n"}) as other:
        away = f"http://user:secret@localhost:{other.port}/b"
        with FaultServer({}, [faults.send_to(away)]) as host:
            client = client_of(host)
            added = {"X-Key": "k", "Authorization": "Bearer t", "If-Range": '"e"'}
            with client.open(ORIGIN + "a", headers=added, span=(0, 2)) as response:
                assert b"".join(response.chunks()) == b"te"
            assert host.requests[0].headers["x-key"] == "k"
        there = other.requests[0].headers
    assert not {"x-key", "authorization", "if-range", "cookie"} & set(there)
    assert there["range"] == "bytes=0-1"


def test_cookies_are_not_kept():
    with FaultServer({"/a": b"text\n"}, [faults.header("Set-Cookie", "id=1; Path=/")]) as host:
        client = client_of(host)
        client.read(ORIGIN + "a")
        client.read(ORIGIN + "a")
        assert "cookie" not in host.requests[1].headers


def test_netrc_is_never_read(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer({"/a": b"text\n"}) as host:
        client_of(host).read(ORIGIN + "a")
        assert "authorization" not in host.requests[0].headers


def test_a_proxy_from_the_environment_is_used_but_not_for_this_machine(monkeypatch):
    proxied = faults.both(faults.status(200), faults.header("Content-Length", "3"))
    with FaultServer({}, always=proxied) as proxy, FaultServer({"/a": b"text\n"}) as host:
        monkeypatch.setenv("http_proxy", proxy.root)
        assert client_of(host).read(ORIGIN + "a") == b"text\n"
        assert proxy.requests == []
        assert Client().read("http://public.example/a") == b"no\n"
        assert proxy.requests[0].path == "http://public.example/a"
        for private in ("http://10.0.0.1/a", "http://2130706433/a", "http://169.254.169.254/a"):
            with pytest.raises(RefusedError):
                Client().read(private)


def test_a_listing_that_is_a_web_page_is_asked_for_three_times():
    with FaultServer({"/a.json": b"{}"}, [faults.page, faults.page]) as host:
        assert client_of(host).read(ORIGIN + "a.json") == b"{}"
    with FaultServer({"/a.json": b"{}"}, always=faults.page) as host:
        with pytest.raises(IntegrityError) as raised:
            client_of(host).read(ORIGIN + "a.json")
        assert len(host.requests) == 3
    assert "a web page came in place of .json" in str(raised.value)


def test_a_listing_without_length_must_have_an_end():
    with FaultServer({"/a.json": b'{"a": 1}'}, always=faults.without("Content-Length")) as host:
        assert client_of(host).read(ORIGIN + "a.json") == b'{"a": 1}'
        host.files["/a.json"] = b'{"a": '
        with pytest.raises(IntegrityError):
            client_of(host).read(ORIGIN + "a.json")


def test_a_listing_is_not_read_without_end():
    with FaultServer({"/a": b"x" * 1000}) as host, pytest.raises(IntegrityError) as raised:
        client_of(host).read(ORIGIN + "a", largest=999)
    assert "larger than 999 bytes" in str(raised.value)


def test_a_size_is_told_without_the_file():
    with FaultServer({"/a": b"x" * 1000}) as host:
        assert client_of(host).size(ORIGIN + "a") == 1000
        assert [request.method for request in host.requests] == ["HEAD"]
        assert host.sent == 0


@pytest.mark.parametrize("number", [405, 501])
def test_a_size_is_told_by_a_host_that_knows_no_head(number):
    with FaultServer({"/a": b"x" * 1000}, [faults.status(number)]) as host:
        assert client_of(host).size(ORIGIN + "a") == 1000
        assert host.sent <= 4


def test_what_is_not_there_is_said():
    with FaultServer({}) as host:
        with pytest.raises(NotFoundError):
            client_of(host).size(ORIGIN + "a")
        with pytest.raises(NotFoundError) as raised:
            client_of(host).read(ORIGIN + "a?key=canary")
        assert str(raised.value) == f"{host.root}a: the host has no such file (404)"


def test_a_403_that_means_slower_is_waited_for(tmp_path):
    slow = lambda host: HostRule(name="slow", slow_on_403=True, per_second=0)  # noqa: E731
    with FaultServer({"/a": b"text\n"}, [faults.status(403)] * 3) as host:
        with pytest.raises(AccessError):
            client_of(host).read(ORIGIN + "a")
        assert client_of(host, rules=slow, state=tmp_path).read(ORIGIN + "a") == b"text\n"


def test_no_network_is_said_soon_and_clearly():
    with FaultServer({}) as host:
        client = client_of(host)
    with pytest.raises(NetworkError) as raised:
        client.read(ORIGIN + "a")
    assert str(raised.value) == (
        f"{host.root}a: the host refuses connections (3 tries); run the same command again to go on"
    )


def test_never_more_requests_at_once_than_the_rule_allows(tmp_path):
    import threading

    two = lambda host: HostRule(name="two", connections=2, per_second=0)  # noqa: E731
    with FaultServer({"/a": b"text\n" * 100}, always=faults.drip(100, 0.005)) as host:
        clients = [client_of(host, rules=two, state=tmp_path, clock=Clock()) for _ in range(6)]
        threads = [threading.Thread(target=c.read, args=(ORIGIN + "a",)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(host.requests) == 6
        assert host.most_open <= 2


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.mark.parametrize("why", ["unknown", "expired", "of-another-name"])
def test_a_certificate_that_nobody_vouches_for_ends_it_at_once(why, authority, monkeypatch):
    if why != "unknown":
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    name = "example.org" if why == "of-another-name" else "127.0.0.1"
    certificate = authority.server(name, days=-1 if why == "expired" else 2)
    with FaultServer({"/a": b"text\n"}, certificate=certificate) as host:
        with pytest.raises(NetworkError) as raised:
            client_of(host).read(ORIGIN + "a")
        assert host.requests == []
    assert str(raised.value).startswith("127.0.0.1: the host's certificate can't be trusted")


def test_a_secure_host_never_sends_us_to_an_insecure_one(authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with FaultServer({"/a": b"text\n"}, certificate=authority.server()) as host:
        assert client_of(host).read(ORIGIN + "a") == b"text\n"
        host.script.append(faults.send_to("http://127.0.0.1:9/a"))
        with pytest.raises(RefusedError):
            client_of(host).read(ORIGIN + "a")


def test_only_the_place_and_path_of_a_url_are_shown():
    url = "https://me:canary@example.org:8080/a/b?token=canary#canary"
    assert shown(url) == "https://example.org:8080/a/b"


SECRETIVE = {
    "not-found": [faults.status(404)],
    "denied": [faults.status(403)],
    "busy": [faults.status(503)] * 8,
    "lost": [faults.refuse] * 8,
    "silent": [faults.silence] * 8,
    "cut": [faults.cut(0)] * 8,
    "a-page": [faults.page] * 3,
    "bad-length": [faults.header("Content-Length", "x")] * 8,
    "bad-headers": [faults.both(faults.without("Content-Length"), faults.header("a b", "c"))] * 8,
    "away": [faults.send_to("http://me:canary@10.0.0.1/?canary")],
    "elsewhere": [faults.send_to("gopher://canary@x/?canary")],
    "circle": [faults.send_to("/a.json?canary")] * 8,
}


@pytest.mark.parametrize("name", SECRETIVE)
def test_no_secret_is_ever_told(name, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with FaultServer({"/a.json": b"{}"}, SECRETIVE[name]) as host:
        root = host.root.replace("://", "://me:canary@")
        client = client_of(host, mirror=root, timing=Timing(stall=0.05))
        url = ORIGIN + "a.json?token=canary"
        with pytest.raises(NndataError) as raised:
            client.read(url)
        assert host.requests
    told = (
        "".join(traceback.format_exception(raised.value))
        + caplog.text
        + "".join(capfd.readouterr())
    )
    assert "canary" not in told
