"""Secrets in every place where a user may put one, through every fault: none is ever written down.

Nor is one sent to another host than its own. What is looked through: files, logs at their most
talkative, standard output and error, and reports of bugs.
"""

import base64

import pytest
from faultcases import CASES, CONTENT, SHA1
from faultserver import FaultServer, send_to
from nursery import Nursery

# No waiting, small pieces, and a log of all that any library says.
PREPARATION = """
import logging, os
from nndata.download import draft, transfer
from nndata.http.clock import Clock
from nndata.http.response import Timing
draft.PIECE = transfer.PIECE = 1 << 15
Clock.sleep = lambda self, seconds: None
Timing.__init__.__kwdefaults__.update(connect=2, stall=0.1, drip=1000, window=0.2)
logging.basicConfig(filename=os.environ["NNDATA_HOME"] + "/log", level=logging.DEBUG)
"""
PLACES = ("variable", "file", "netrc", "mirror", "proxy")


def secrets(folder):
    """Put a canary into each place that is not the command line; return the environment."""
    token_file, netrc = folder / "tokens", folder / "netrc"
    token_file.write_text("127.0.0.1 c4n4ry-file\no.test c4n4ry-file\n")
    netrc.write_text("machine 127.0.0.1 login me password c4n4ry-netrc\n")
    for path in (token_file, netrc):
        path.chmod(0o600)
    everywhere = {
        "NNDATA_TOKEN_O_TEST": "c4n4ry-variable-of-the-origin",
        "HF_TOKEN": "c4n4ry-hub",
        "http_proxy": "http://me:c4n4ry-proxy@127.0.0.1:9/",
        "HTTPS_PROXY": "http://me:c4n4ry-proxy@127.0.0.1:9/",
        "NETRC": str(netrc),
    }
    return {
        "variable": {**everywhere, "NNDATA_TOKEN_127_0_0_1": "c4n4ry-variable"},
        "file": {**everywhere, "NNDATA_TOKEN_FILE": str(token_file)},
        "netrc": {**everywhere, "NNDATA_NETRC": "1"},
        "mirror": everywhere,
        "proxy": everywhere,
    }


def needles():
    """Return what no byte may hold: the canaries, and as they stand in a header."""
    pairs = [f"me:c4n4ry-{place}" for place in (*PLACES, "elsewhere")]
    packed = [base64.b64encode(pair.encode()).rstrip(b"=")[:-1] for pair in pairs]
    return [b"c4n4ry", *packed]


def told(folder, done):
    """Return where a canary is found."""
    found = [] if b"c4n4ry" not in done.told.encode() else ["standard output or error"]
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if any(needle in data + str(path).encode() for needle in needles()):
            found.append(str(path))
    return found


def run(name, place, nursery, folder):
    case, environment = CASES[name], secrets(folder)[place]
    out, home = folder / "work" / "out", folder / "work" / "home"
    home.mkdir(parents=True)
    script, greet = list(case.script), list(case.host.get("greet", ()))
    files = {"/a.bin": CONTENT, "/moved.bin": CONTENT}
    with FaultServer(files, script, always=case.always, greet=greet) as host:
        at = "://me:c4n4ry-mirror@" if place == "mirror" else "://"
        words = ["fetch", "url", "--urls=https://o.test/a.bin", f"--checksums={SHA1}"]
        words += ["--mirror", host.root.replace("://", at), "--raw", "--out", out]
        (done,) = nursery.run([words], PREPARATION, NNDATA_HOME=str(home), **environment)
        sent = [request.headers.get("authorization") for request in host.requests]
    assert done.code in (0, 2, 3, 4, 5, 6, 7, 12), f"{name}: {done}"
    assert "Traceback" not in done.told
    assert told(folder / "work", done) == [], f"{name}: {done}"
    return [header for header in sent if header]


@pytest.mark.parametrize("place", PLACES)
def test_a_canary_is_sent_to_its_own_host_and_nowhere_written(place, nursery, tmp_path):
    headers = set(run("always-503", place, nursery, tmp_path))
    pair = base64.b64encode(f"me:c4n4ry-{place}".encode()).decode()
    expected = {
        **{"variable": {"Bearer c4n4ry-variable"}, "file": {"Bearer c4n4ry-file"}},
        **{"netrc": {f"Basic {pair}"}, "mirror": {f"Basic {pair}"}, "proxy": set()},
    }
    assert headers == expected[place]


@pytest.mark.parametrize("place", PLACES)
def test_canaries_survive_some_faults_unseen(place, nursery, tmp_path):
    for name in list(CASES)[PLACES.index(place) * 7 :: 40]:
        (tmp_path / name).mkdir()
        run(name, place, nursery, tmp_path / name)


@pytest.mark.prove
@pytest.mark.parametrize("place", PLACES)
def test_canaries_survive_every_fault_unseen(place, nursery, tmp_path):
    for name in CASES:
        (tmp_path / name).mkdir()
        run(name, place, nursery, tmp_path / name)


def test_what_a_redirect_holds_is_not_told_and_no_secret_goes_along(nursery, tmp_path):
    """A store's signed address, and a login in it; then a failure there, which is told."""
    home, environment = tmp_path / "work", secrets(tmp_path)["variable"]
    home.mkdir()
    with FaultServer({"/a.bin": CONTENT}) as other, FaultServer({}) as host:
        away = f"http://me:c4n4ry-elsewhere@localhost:{other.port}/b.bin?sig=c4n4ry-signature"
        host.always = send_to(away)
        # The rule about private addresses is lifted: both hosts are on this machine.
        lifted = "import nndata.http.addresses as a\na.is_public = lambda address: True\n"
        words = ["fetch", "url", "--urls=https://o.test/a.bin", "--raw", "--out", home / "out"]
        (done,) = nursery.run(
            [[*words, "--mirror", host.root]],
            PREPARATION + lifted,
            NNDATA_HOME=str(home),
            **environment,
        )
        there = {name for request in other.requests for name in request.headers}
    assert done.code == 3, done
    assert other.requests and not there & {"authorization", "cookie", "if-range"}
    assert told(home, done) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_fetch_that_ends_well_has_no_canary_in_any_record(place, nursery, tmp_path):
    run("cut-in-the-middle", place, nursery, tmp_path)
    assert (tmp_path / "work" / "out" / "snapshot.json").exists()


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery
