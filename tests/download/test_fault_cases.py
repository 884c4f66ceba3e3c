"""Every fault, on a fresh and on a resumed download, over one connection and over four, and TLS.

The end is the right bytes or the right error. Where the bytes were right all along, no more than
2 % and one piece for each fault are fetched twice.
"""

from random import Random

import pytest
from authority import Authority
from faultcases import CASES, CONTENT, PIECE, SHA1, SIZE
from faultserver import FaultServer, cut

from nndata.download import download, draft, transfer
from nndata.download.drafts import FOLDER, settle
from nndata.errors import IntegrityError, NetworkError
from nndata.http import Client
from nndata.http.politeness import Clock, HostRule
from nndata.http.response import Response, Timing
from nndata.source import RemoteFile

ORIGIN = "https://origin.example/"
KNOWN = {
    "sha1": RemoteFile(ORIGIN + "a.bin", SIZE, SHA1),
    "size": RemoteFile(ORIGIN + "a.bin", SIZE),
    "nothing": RemoteFile(ORIGIN + "a.bin"),
}
# Those that leave the file what it is: they may follow one another in any order.
MENDED = [case for case in CASES.values() if not case.ends and case.right == CONTENT]


class QuickClock(Clock):
    """Sleeps in no time."""

    def __init__(self):
        super().__init__(seed=7)
        self.slept = 0.0

    def monotonic(self):
        return super().monotonic() + self.slept

    def sleep(self, seconds):
        self.slept += seconds


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    for module in (draft, transfer):
        monkeypatch.setattr(module, "PIECE", PIECE)
    monkeypatch.setattr(transfer, "RUN", 2 * PIECE)


@pytest.fixture
def received(monkeypatch):
    """Count the bytes of bodies that the client takes."""
    counts, read = [], Response._read

    def counted(self):
        data = read(self)
        counts.append(len(data))
        return data

    monkeypatch.setattr(Response, "_read", counted)
    return counts


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def client_of(host, tmp_path, connections=1, **more):
    rule = HostRule(name="test", connections=4, per_file=connections, per_second=0)
    values = {
        "mirror": host.root,
        "origins": (ORIGIN,),
        "timing": Timing(connect=2, stall=0.08, drip=1000, window=0.2),
        "clock": QuickClock(),
        "state": tmp_path / "state",
        "rules": lambda host: rule,
    }
    return Client(**(values | more))


def leave_half(host, tmp_path, path, file):
    """Make a first process's work: it got half, then the network was gone."""
    host.script = [cut(0.5)]
    with pytest.raises(NetworkError):
        download(client_of(host, tmp_path, tries=1), file, path)
    (part,) = (path.parent / FOLDER).glob("*.part")
    assert part.stat().st_size == SIZE // 2
    return SIZE // 2 // PIECE * PIECE


def visible(folder):
    settle(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def run(case, tmp_path, received, *, resumed=False, connections=1, certificate=None):
    path, file = tmp_path / "out" / "a.bin", KNOWN[case.known]
    path.parent.mkdir()
    options = {"certificate": certificate, **case.host}
    greet = options.pop("greet", [])
    with FaultServer({"/a.bin": CONTENT, "/moved.bin": CONTENT}, **options) as host:
        missing = SIZE - leave_half(host, tmp_path, path, file) if resumed else SIZE
        host.script, host.greet, host.always = list(case.script), list(greet), case.always
        received.clear()
        host.most_open = 0
        if case.ends:
            with pytest.raises(case.ends) as raised:
                download(client_of(host, tmp_path, connections), file, path)
            assert raised.value.do or raised.value.where
            assert visible(path.parent) == {}
            host.script, host.always = [], None
        download(client_of(host, tmp_path, connections), file, path)
        assert host.most_open <= connections
    assert visible(path.parent) == {"a.bin": case.right}
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]
    if not case.ends:
        faults = (len(case.script) + len(greet)) * (connections if case.disturbs else 1)
        assert sum(received) <= missing + SIZE * (case.loses + 0.02) + PIECE * faults


# Everyday each fault meets a fresh download over one connection and a resumed one over four; the
# other two are in `make prove`.
LATER = pytest.mark.prove
FRESH = [pytest.param(1, id="one"), pytest.param(4, id="four", marks=LATER)]
RESUMED = [pytest.param(1, id="one", marks=LATER), pytest.param(4, id="four")]


@pytest.mark.parametrize("connections", FRESH)
@pytest.mark.parametrize("name", CASES)
def test_a_fault_ends_with_the_right_bytes_or_error(name, connections, tmp_path, received):
    run(CASES[name], tmp_path, received, connections=connections)


@pytest.mark.parametrize("connections", RESUMED)
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.resumes])
def test_a_fault_after_a_first_half_costs_no_more(name, connections, tmp_path, received):
    run(CASES[name], tmp_path, received, resumed=True, connections=connections)


@pytest.mark.parametrize(
    "name",
    [
        # What is about the connection itself is told again over TLS; the rest is in `make prove`.
        pytest.param(name, marks=[] if case.row in (6, 8, 9, 10, 22) else pytest.mark.prove)
        for name, case in CASES.items()
    ],
)
def test_a_fault_of_a_secure_host_ends_no_worse(name, tmp_path, received, authority, monkeypatch):
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    run(CASES[name], tmp_path, received, certificate=authority.server())


def test_there_are_more_than_a_hundred_faults_of_every_kind_in_the_table():
    assert len(CASES) >= 100
    assert {case.row for case in CASES.values()} >= {*range(6, 24), 50}


def run_schedule(seed, tmp_path):
    """Four random cases one after the other; replay one by its seed."""
    random = Random(seed)
    cases = [random.choice(MENDED) for _ in range(4)]
    script = [fault for case in cases for fault in case.script[:2]]
    greet = [fault for case in cases for fault in case.host.get("greet", ())]
    path = tmp_path / f"{seed}.bin"
    files = {"/a.bin": CONTENT, "/moved.bin": CONTENT}
    with FaultServer(files, script[:6], greet=greet) as host:
        try:
            download(client_of(host, tmp_path, random.choice([1, 2, 4])), KNOWN["sha1"], path)
        except (IntegrityError, NetworkError):  # there were more lies, or failures, than are borne
            assert visible(tmp_path) == {}, f"seed {seed}"
        else:
            assert path.read_bytes() == CONTENT, f"seed {seed}"
            path.unlink()
        host.script, host.greet = [], []
        download(client_of(host, tmp_path), KNOWN["sha1"], path)
        assert visible(tmp_path) == {path.name: CONTENT}, f"seed {seed}"
        path.unlink()


@pytest.mark.parametrize("seed", range(25))
def test_random_faults_end_with_the_right_bytes_or_an_error(seed, tmp_path):
    run_schedule(seed, tmp_path)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(1000, 1500))
def test_many_random_faults_end_with_the_right_bytes_or_an_error(seed, tmp_path):
    run_schedule(seed, tmp_path)
