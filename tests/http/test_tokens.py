"""Secrets: each bound to one host, over https, and shown to nobody else."""

import copy
import json
import logging
import os
import pickle
import traceback

import faultserver as faults
import pytest
from faultserver import FaultServer

from nndata.download import download
from nndata.errors import AccessError, NndataError, RefusedError, UsageError
from nndata.http import Client
from nndata.http.clock import Clock
from nndata.http.response import Timing
from nndata.http.tokens import Header, Secret, Tokens, variable
from nndata.source import RemoteFile

ORIGIN = "https://origin.example/"
CANARY = "canary-4711"
OURS = "NNDATA_TOKEN_127_0_0_1"


class QuickClock(Clock):
    def sleep(self, seconds: float) -> None:
        del seconds


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("NNDATA_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path / "home"))


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv(OURS, CANARY)


def client_of(host, **more):
    values = {"mirror": host.root, "origins": (ORIGIN,), "clock": QuickClock(seed=1)}
    return Client(**(values | {"timing": Timing(connect=2, stall=0.3)} | more))


def told(tokens, url):
    found = tokens.find(url)
    return found and (found.scheme, found.secret.reveal(), found.origin)


def private(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


def sent(host):
    return [request.headers.get("authorization") for request in host.requests]


def test_a_secret_shows_itself_to_nobody():
    secret = Secret(CANARY)
    shows = [repr(secret), str(secret), f"{secret}", f"{secret:>20}"]
    shows += [repr([secret]), repr({"a": secret}), repr(pickle.loads(pickle.dumps(secret)))]
    shows += [copy.deepcopy(secret).reveal(), repr(vars(Tokens())), repr(Header(f"B {CANARY}"))]
    shows += [pickle.loads(pickle.dumps(Header(CANARY)))]
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert not [one for one in shows if "canary" in one]
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("huggingface.co", "NNDATA_TOKEN_HUGGINGFACE_CO"),
        ("data.my-site.org", "NNDATA_TOKEN_DATA_MY_SITE_ORG"),
        ("127.0.0.1", "NNDATA_TOKEN_127_0_0_1"),
    ],
)
def test_a_hosts_variable_is_its_name_in_capitals(host, name):
    assert variable(host) == name


def test_a_token_is_for_its_host_alone(monkeypatch):
    monkeypatch.setenv("NNDATA_TOKEN_HUGGINGFACE_CO", CANARY)
    tokens = Tokens()
    assert told(tokens, "https://huggingface.co/a") == (
        "Bearer",
        CANARY,
        "NNDATA_TOKEN_HUGGINGFACE_CO",
    )
    assert told(tokens, "https://HuggingFace.co:8443/a")
    for other in ("cdn.huggingface.co", "huggingface.com", "evil.example", "xhuggingface.co"):
        assert told(tokens, f"https://{other}/huggingface.co") is None
    assert told(tokens, "http://huggingface.co/a") is None


def test_a_variable_that_two_hosts_could_mean_is_for_the_first_asked(monkeypatch):
    monkeypatch.setenv("NNDATA_TOKEN_MY_SITE_ORG", CANARY)
    tokens = Tokens()
    assert told(tokens, "https://my-site.org/a")
    with pytest.raises(RefusedError) as raised:
        tokens.find("https://my.site.org/a")
    assert str(raised.value) == (
        "my.site.org: NNDATA_TOKEN_MY_SITE_ORG was given to my-site.org already; "
        "put the tokens of both hosts into a token file"
    )


def test_the_hubs_own_variable_is_read_for_the_hub_alone(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", CANARY)
    assert told(Tokens(), "https://huggingface.co/a") == ("Bearer", CANARY, "HF_TOKEN")
    assert told(Tokens(), "https://cdn-lfs.huggingface.co/a") is None
    monkeypatch.setenv("NNDATA_TOKEN_HUGGINGFACE_CO", "nearer")
    assert told(Tokens(), "https://huggingface.co/a")[1] == "nearer"


def test_a_token_file_has_a_line_for_each_host(tmp_path, monkeypatch):
    text = f"# mine\nhuggingface.co  {CANARY}\n\nexample.org other # for work\n"
    path = private(tmp_path / "tokens", text)
    tokens = Tokens(path)
    assert told(tokens, "https://huggingface.co/a") == ("Bearer", CANARY, str(path))
    assert told(tokens, "https://example.org/a")[1] == "other"
    assert told(tokens, "https://mine/a") is None
    assert told(tokens, "https://cdn.huggingface.co/a") is None
    monkeypatch.setenv("NNDATA_TOKEN_EXAMPLE_ORG", "nearer")
    assert told(tokens, "https://example.org/a")[1] == "nearer"


def test_a_token_file_that_others_may_read_is_not_used(tmp_path):
    path = private(tmp_path / "tokens", f"example.org {CANARY}\n")
    path.chmod(0o640)
    with pytest.raises(UsageError) as raised:
        Tokens(path).find("https://example.org/a")
    assert str(raised.value) == f"{path}: others may read this token file; chmod 600 {path}"


@pytest.mark.parametrize("text", [f"{CANARY}\n", f"a b {CANARY}\n", f"example.org {CANARY}é\n"])
def test_a_wrong_line_of_a_token_file_is_said_without_what_is_in_it(text, tmp_path):
    path = private(tmp_path / "tokens", text)
    with pytest.raises(UsageError) as raised:
        Tokens(path).find("https://example.org/a")
    assert raised.value.where == f"{path}:1"
    assert "canary" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("value", [f"{CANARY}\r\nX-Evil: 1", f"{CANARY} x", f"{CANARY}\x7f"])
def test_a_token_that_would_break_the_header_is_refused(value, monkeypatch):
    monkeypatch.setenv(OURS, value)
    with FaultServer({"/a": b"text\n"}) as host:
        with pytest.raises(UsageError) as raised:
            client_of(host).read(ORIGIN + "a")
        assert host.requests == []
    assert "canary" not in str(raised.value)


def test_netrc_is_read_only_if_asked_for_and_never_its_default(tmp_path, monkeypatch):
    text = f"machine example.org login me password {CANARY}\ndefault login me password {CANARY}\n"
    monkeypatch.setenv("NETRC", str(private(tmp_path / "netrc", text)))
    assert told(Tokens(), "https://example.org/a") is None
    scheme, pair, origin = told(Tokens(netrc=True), "https://example.org/a")
    assert (scheme, pair, origin) == (
        "Basic",
        "bWU6Y2FuYXJ5LTQ3MTE=",  # me:canary-4711
        str(tmp_path / "netrc"),
    )
    assert told(Tokens(netrc=True), "https://other.example/a") is None


@pytest.mark.parametrize("asked", ["argument", "environment"])
def test_a_client_reads_netrc_and_token_file_where_it_is_told_to(asked, tmp_path, monkeypatch):
    netrc = private(tmp_path / "netrc", "machine 127.0.0.1 login me password secret\n")
    tokens = private(tmp_path / "tokens", f"127.0.0.1 {CANARY}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for number, (name, value) in enumerate([("netrc", True), ("token_file", tokens)]):
        more = {name: value} if asked == "argument" else {}
        if not more:
            monkeypatch.setenv(f"NNDATA_{name.upper()}", str(value))
        with FaultServer({"/a": b"text\n"}) as host:
            client_of(host, **more).read(ORIGIN + "a")
            assert sent(host) == [["Basic bWU6c2VjcmV0", f"Bearer {CANARY}"][number]]


@pytest.mark.usefixtures("token")
def test_the_token_goes_to_the_users_own_mirror_on_this_machine():
    with FaultServer({"/a": b"text\n"}) as host:
        client_of(host).read(ORIGIN + "a")
        client_of(host).size(ORIGIN + "a")
        assert sent(host) == [f"Bearer {CANARY}"] * 2


def test_a_login_in_a_mirrors_url_is_masked_too():
    with FaultServer({"/a": b"text\n"}) as host:
        root = host.root.replace("://", f"://me:{CANARY}@")
        client = client_of(host, mirror=root)
        client.read(ORIGIN + "a")
        assert sent(host) == ["Basic bWU6Y2FuYXJ5LTQ3MTE="]
        assert "bWU6Y2" not in repr(client._request(f"{root}a", "GET", {}).headers)


def test_the_origins_token_does_not_go_to_a_mirror(monkeypatch):
    monkeypatch.setenv("NNDATA_TOKEN_ORIGIN_EXAMPLE", CANARY)
    with FaultServer({"/a": b"text\n"}) as host:
        client_of(host).read(ORIGIN + "a")
        assert sent(host) == [None]


@pytest.mark.usefixtures("token")
def test_each_of_two_mirrors_gets_no_other_ones_token(tmp_path):
    """Both are on this machine under two names."""
    content = b"text\n"
    with FaultServer({"/a": content}, [faults.refuse]) as one, FaultServer({"/a": content}) as two:
        second = f"http://localhost:{two.port}/"
        client = client_of(one, mirror=(one.root, second))
        sha1 = "sha1:bf7f0aa7a55c6b26c45fb84b2e2cb59a7e9e2d15"
        with pytest.raises(NndataError):
            download(client, RemoteFile(ORIGIN + "a", 5, sha1), tmp_path / "a")
        assert set(sent(one)) == {f"Bearer {CANARY}"}
        assert set(sent(two)) == {None}


@pytest.mark.usefixtures("token")
def test_a_redirect_takes_the_token_to_no_other_place(monkeypatch):
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    monkeypatch.setenv("NNDATA_TOKEN_LOCALHOST", "another")
    with FaultServer({"/b": b"text\n", "/c": b"text\n"}) as other:
        away = f"http://localhost:{other.port}/b"
        script = [faults.send_to(away), faults.send_to("/b"), None]
        with FaultServer({"/b": b"text\n"}, script) as host:
            back = faults.send_to(f"{host.root}b")
            client_of(host).read(ORIGIN + "a")
            assert sent(other) == [None]
            client_of(host).read(ORIGIN + "a")
            assert sent(host) == [f"Bearer {CANARY}"] * 3  # the last one at the same place
            other.script, host.script = [back], [faults.send_to(away)]
            client_of(host).read(ORIGIN + "a")
            assert sent(host)[-1] is None  # it went away in between


def test_without_a_token_the_variable_to_set_is_named(monkeypatch):
    with FaultServer({"/a": b""}, always=faults.status(401)) as host:
        with pytest.raises(AccessError) as raised:
            client_of(host).read(ORIGIN + "a")
        assert str(raised.value) == (
            f"{host.root}a: the host refuses it (401); "
            "if you have a login there, export NNDATA_TOKEN_127_0_0_1=YOUR_TOKEN"
        )
        assert raised.value.exit_code == 4
        monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
        with pytest.raises(AccessError) as raised:
            Client().read(f"{host.root}a")
        assert raised.value.do == f"a login would need https, which {host.root}a is not"


@pytest.mark.usefixtures("token")
def test_with_a_token_it_is_said_whose_it_was():
    denied = faults.status(403)
    with FaultServer({}, always=denied) as host, pytest.raises(AccessError) as raised:
        client_of(host).read(ORIGIN + "a")
    assert raised.value.do == (
        f"check what {OURS} holds, and whether the site asks you to accept terms"
    )


def test_what_the_law_forbids_asks_for_no_token():
    forbidden = faults.status(451)
    with FaultServer({}, always=forbidden) as host, pytest.raises(AccessError) as raised:
        client_of(host).read(ORIGIN + "a")
    assert str(raised.value) == f"{host.root}a: the host may not give it (451) (legal reasons)"


FAULTS = {
    "denied": [faults.status(401)],
    "not-found": [faults.status(404)],
    "busy": [faults.status(503)] * 8,
    "lost": [faults.refuse] * 8,
    "silent": [faults.silence] * 8,
    "cut": [faults.cut(0)] * 8,
    "a-page": [faults.page] * 3,
    "bad-length": [faults.header("Content-Length", "x")] * 8,
    "bad-headers": [faults.both(faults.without("Content-Length"), faults.header("a b", "c"))] * 8,
    "away": [faults.send_to("http://10.0.0.1/?x")],
    "circle": [faults.send_to("/a.json?x")] * 8,
    "echo": [faults.status(418, Server=f"Bearer {CANARY}")],
    "wrong-bytes": [faults.flipped(0)] * 3,
}


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("name", FAULTS)
def test_no_token_is_in_what_is_told_or_written(name, caplog, capfd, tmp_path):
    caplog.set_level(logging.DEBUG)
    with FaultServer({"/a.json": b'{"a": 1}'}, FAULTS[name]) as host:
        client = client_of(host, timing=Timing(stall=0.05))
        file = RemoteFile(ORIGIN + "a.json", 8, "md5:" + "0" * 32)
        with pytest.raises(NndataError) as raised:
            download(client, file, tmp_path / "a.json")
        assert sent(host)[0] == f"Bearer {CANARY}"
    exception = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    said = "".join(exception.format()) + caplog.text + "".join(capfd.readouterr())
    said += "".join(p.read_text("latin-1") for p in tmp_path.rglob("*") if p.is_file())
    assert CANARY not in said


SIGNED = bytes(range(256)) * 1000


def test_a_signed_address_that_expires_is_asked_for_anew_and_pieces_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    monkeypatch.setattr("nndata.download.draft.PIECE", 1 << 16)
    with FaultServer({"/a": SIGNED}) as store:

        def signed(number):
            return faults.send_to(f"http://localhost:{store.port}/a?signature={number}")

        store.files |= {f"/a?signature={number}": SIGNED for number in (1, 2)}
        store.script += [faults.cut(200_000), faults.status(403), None]
        with FaultServer({}, [signed(1), signed(1), signed(2)]) as host:
            got = download(client_of(host), RemoteFile(ORIGIN + "a", 256_000), tmp_path / "a")
            assert len(host.requests) == 3
        assert [request.path[-1] for request in store.requests] == ["1", "1", "2"]
        assert [request.span for request in store.requests] == [
            None,
            (200_000, 256_000),
            (200_000, 256_000),
        ]
    assert got.size == 256_000
    assert (tmp_path / "a").read_bytes() == SIGNED


def test_a_plain_address_that_is_refused_is_asked_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    with FaultServer({}, always=faults.status(403)) as store:
        away = faults.send_to(f"http://localhost:{store.port}/a")
        with FaultServer({}, always=away) as host, pytest.raises(AccessError):
            download(client_of(host), RemoteFile(ORIGIN + "a", 5), tmp_path / "a")
        assert len(store.requests) == 1


def test_a_signed_address_that_is_refused_each_time_is_no_access(tmp_path, monkeypatch):
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    with FaultServer({}, always=faults.status(403)) as store:
        away = faults.send_to(f"http://localhost:{store.port}/a?signature={CANARY}")
        with FaultServer({}, always=away) as host, pytest.raises(AccessError) as raised:
            download(client_of(host), RemoteFile(ORIGIN + "a", 5), tmp_path / "a")
        assert len(store.requests) == 3
    assert raised.value.what == "the host refuses it (403)"
    assert "canary" not in str(raised.value)
