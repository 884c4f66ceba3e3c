"""Several addresses for one content: the fastest healthy one carries, the checksum decides."""

import contextlib
import hashlib
import json
import socket
from random import Random

import faultserver as faults
import pytest
from faultserver import FaultServer

from nndata.download import download, draft, transfer
from nndata.download.checksum import Whole
from nndata.download.drafts import FOLDER
from nndata.download.writer import Carried, Writer
from nndata.errors import IntegrityError, NetworkError, NndataError, NotFoundError, RefusedError
from nndata.http import Client, mirrors
from nndata.http.clock import Clock
from nndata.http.mirrors import Carrier, Mirrors
from nndata.http.politeness import UNLIMITED, HostRule
from nndata.http.response import Timing
from nndata.progress import SILENT
from nndata.registry import make_source, source_class, source_names
from nndata.source import RemoteFile

ORIGIN = "https://origin.example/"
PIECE = 1 << 16
CONTENT = Random(1).randbytes(300_000)  # five pieces
OTHER = Random(2).randbytes(300_000)
SMALL = Random(3).randbytes(20_000)


class QuickClock(Clock):
    """Sleeps in no time, and remembers for how long it would have."""

    def __init__(self) -> None:
        super().__init__(seed=7)
        self.slept: list[float] = []
        self.passed = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + sum(self.slept) + self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Told(type(SILENT)):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    for module in (draft, transfer):
        monkeypatch.setattr(module, "PIECE", PIECE)
    monkeypatch.setattr(transfer, "RUN", 2 * PIECE)
    monkeypatch.setattr(mirrors, "LARGE", PIECE)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def client_of(tmp_path, *hosts, **more):
    values = {
        "mirror": [getattr(host, "root", host) for host in hosts],
        "origins": (ORIGIN,),
        "timing": Timing(connect=2, stall=0.3, drip=100, window=1),
        "clock": QuickClock(),
        "state": tmp_path / "state",
        "progress": Told(),
    }
    return Client(**(values | more))


def published(name, content=CONTENT):
    return RemoteFile(ORIGIN + name, len(content), "sha1:" + hashlib.sha1(content).hexdigest())


def spans(host):
    return [request.span for request in host.requests]


def lies(answer):
    """Send other bytes of the same length."""
    answer.body = bytes(255 - byte for byte in answer.body)


def takes(clock, seconds):
    """Let so much of the clock's time pass before the answer comes."""

    def fault(answer):
        clock.passed += seconds

    return fault


def nobody():
    """Return a root on this machine at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"http://127.0.0.1:{unused.getsockname()[1]}/"


def test_the_first_stands_for_the_origin_and_is_alone_asked_what_there_is(tmp_path, out):
    with FaultServer({"/list": b"a\n", "/a": SMALL}) as first, FaultServer({}) as second:
        client = client_of(tmp_path, first, second)
        assert client.read(ORIGIN + "list") == b"a\n"
        assert client.size(ORIGIN + "a") == 20_000
        assert client.address(ORIGIN + "a") == first.root + "a"
        assert second.requests == []


@pytest.mark.parametrize(
    "file",
    [
        RemoteFile(ORIGIN + "a", 20_000),
        RemoteFile(ORIGIN + "a", 20_000, published("a", SMALL).checksum, (0, 100)),
    ],
    ids=["without-checksum", "a-span"],
)
def test_what_no_checksum_decides_is_asked_of_the_first_alone(file, tmp_path, out):
    with FaultServer({"/a": SMALL}) as first, FaultServer({"/a": SMALL}) as second:
        client = client_of(tmp_path, first, second)
        for number in range(3):
            download(client, file, out / str(number))
        assert (len(first.requests), second.requests) == (3, [])


def test_a_built_in_mirror_is_not_asked_when_the_user_names_one(tmp_path, out):
    with FaultServer({"/a": SMALL}) as named, FaultServer({"/a": SMALL}) as built_in:
        client = client_of(tmp_path, named, mirrors=(built_in.root,))
        assert [one.root for one in client.mirrors.carriers(ORIGIN)] == [named.root]
        for number in range(3):
            download(client, published("a", SMALL), out / str(number))
        assert (len(named.requests), built_in.requests) == (3, [])


def test_a_built_in_mirror_carries_what_the_origin_vouches_for(tmp_path, out, monkeypatch):
    """On the open network; here the rule about private addresses is lifted."""
    monkeypatch.setattr("nndata.http.addresses.is_public", lambda address: True)
    with FaultServer({"/a": SMALL}) as origin, FaultServer({"/a": SMALL}) as mirror:
        client = Client(origins=(origin.root,), mirrors=(mirror.root,), state=tmp_path / "state")
        file = RemoteFile(f"{origin.root}a", 20_000, published("a", SMALL).checksum)
        for number in range(2):
            download(client, file, out / str(number))
        assert (len(origin.requests), len(mirror.requests)) == (1, 1)


def test_a_built_in_mirror_may_not_be_private(tmp_path, out):
    with FaultServer({"/a": SMALL}) as mirror:
        client = client_of(tmp_path, mirrors=(mirror.root,), origins=(nobody(),), mirror=None)
        file = RemoteFile(client.mirrors._origins[0] + "a", 20_000, published("a", SMALL).checksum)
        with pytest.raises(RefusedError):
            download(client, file, out / "a")
        assert mirror.requests == []


def test_a_mirror_of_the_first_origin_holds_no_other(tmp_path):
    client = Client(
        origins=("https://a.example/x", "https://b.example"),
        mirrors=("https://m.example/copy",),
        state=tmp_path,
    )
    held = {
        url: [carrier.address(url) for carrier in client.mirrors.carriers(url)]
        for url in ("https://a.example/x/1", "https://b.example/2", "https://a.example/3")
    }
    assert held == {
        "https://a.example/x/1": ["https://a.example/x/1", "https://m.example/copy/1"],
        "https://b.example/2": ["https://b.example/2"],
        "https://a.example/3": ["https://a.example/3"],
    }


@pytest.mark.parametrize("name", source_names())
def test_every_built_in_mirror_is_a_root_over_https(name):
    kind = source_class(name)
    assert all(root.startswith("https://") and root.endswith("/") for root in kind.mirrors)
    assert not set(kind.mirrors) & set(kind.origins)


def test_editions_of_digits_have_mirrors_of_their_own():
    assert make_source("mnist", {}).mirrors == (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    assert "fashion-mnist" in make_source("mnist", {"variant": "fashion"}).mirrors[0]
    assert make_source("mnist", {"variant": "kmnist"}).mirrors == ()


def test_each_is_measured_once_then_the_fastest_is_asked(tmp_path, out):
    files, clock = {f"/{number}": SMALL for number in range(8)}, QuickClock()
    with FaultServer(files, always=takes(clock, 9)) as slow, FaultServer(files) as fast:
        client = client_of(tmp_path, slow, fast, clock=clock)
        for number in range(8):
            download(client, published(str(number), SMALL), out / str(number))
        assert (len(slow.requests), len(fast.requests)) == (1, 7)


def test_a_large_file_is_shared_until_each_was_measured(tmp_path, out):
    clock = QuickClock()
    with (
        FaultServer({"/a": CONTENT}, always=takes(clock, 9)) as slow,
        FaultServer({"/a": CONTENT}) as fast,
    ):
        download(client_of(tmp_path, slow, fast, clock=clock), published("a"), out / "a")
        assert spans(slow) == [(0, 131_072)]
        assert spans(fast) == [(131_072, 262_144), (262_144, 300_000)]
    assert (out / "a").read_bytes() == CONTENT


def test_one_that_slows_down_is_not_waited_for(tmp_path, out, monkeypatch):
    monkeypatch.setattr(mirrors, "FAIR", 0.05)
    slows = faults.drip(500, 0.01)
    with (
        FaultServer({"/a": CONTENT}, [None], always=slows) as first,
        FaultServer({"/a": CONTENT}) as second,
    ):
        client = client_of(tmp_path, first, second)
        for carrier, rate in zip(client.mirrors.carriers(ORIGIN), (9e6, 5e5), strict=True):
            carrier.measured(10_000_000, 10_000_000 / rate)
        download(client, published("a"), out / "a")
        assert spans(first) == [(0, 131_072), (131_072, 262_144)]
        assert first.sent < 131_072 + 30_000
        assert first.sent + second.sent < 300_000 + 5_000
    assert (out / "a").read_bytes() == CONTENT


def test_the_second_fastest_is_asked_while_the_fastest_has_no_connection_left():
    def carrier(name, connections, seconds):
        rule = HostRule(name=name, connections=connections)
        made = Carrier("", f"https://{name}/", rule, is_first=False)
        made.measured(10 << 20, seconds)
        return made

    fast, near, far = carrier("fast", 1, 1), carrier("near", 1, 1.9), carrier("far", 9, 4)
    choice = Mirrors((), (), (), lambda host: UNLIMITED, Clock())
    among = [far, near, fast]
    taken = [choice.take(among, 10 << 20, lambda one: False) for _ in range(4)]
    assert taken == [fast, near, fast, fast]  # better to wait for it than to ask one far slower
    assert choice.take(among, 10 << 20, lambda one: one is fast) is None
    choice.give_back(near)
    assert choice.take(among, 10 << 20, lambda one: one is fast) is near


def test_each_keeps_its_own_rule_for_one_file(tmp_path, out):
    def rules(host):
        return HostRule(name="three", connections=8, per_file=3, per_second=0)

    content = Random(5).randbytes(40 * PIECE)
    slowly = faults.drip(32_768, 0.005)
    with (
        FaultServer({"/a": content}, always=slowly) as first,
        FaultServer({"/a": content}, always=slowly) as second,
    ):
        client = client_of(tmp_path, first, second, rules=rules)
        download(client, published("a", content), out / "a")
        assert 1 <= first.most_open <= 3
        assert 1 <= second.most_open <= 3
    assert (out / "a").read_bytes() == content


def test_a_dead_one_costs_no_wait_while_another_lives(tmp_path, out):
    with FaultServer({"/a": SMALL, "/b": SMALL}) as living:
        client = client_of(tmp_path, nobody(), living)
        download(client, published("a", SMALL), out / "a")
        download(client, published("b", SMALL), out / "b")
        assert client.clock.slept == []
        assert len(living.requests) == 2


def test_a_dead_one_is_asked_again_when_it_has_rested(tmp_path, out):
    files = {f"/{number}": SMALL for number in range(3)}
    with FaultServer(files, [faults.refuse]) as first, FaultServer(files) as second:
        client = client_of(tmp_path, first, second)
        for number in range(3):
            download(client, published(str(number), SMALL), out / str(number))
            client.clock.sleep(3)
        assert [request.path for request in first.requests] == ["/0", "/2"]
        assert [request.path for request in second.requests] == ["/0", "/1"]


@pytest.mark.parametrize(
    "fault", [faults.stall(100_000), faults.reset(100_000), faults.drip(40, 0.5)]
)
def test_where_one_fails_another_goes_on(fault, tmp_path, out):
    with FaultServer({"/a": CONTENT}, [fault]) as first, FaultServer({"/a": CONTENT}) as second:
        client = client_of(tmp_path, first, second)
        download(client, published("a"), out / "a")
        assert first.sent + second.sent <= 300_000 + 2_000  # nothing is fetched twice
        assert client.clock.slept == []
    assert (out / "a").read_bytes() == CONTENT


def test_retry_after_of_one_is_no_wait_for_the_other(tmp_path, out):
    busy = faults.status(503, Retry_After="600")
    with FaultServer({"/a": SMALL}, always=busy) as first, FaultServer({"/a": SMALL}) as second:
        client = client_of(tmp_path, first, second)
        for number in range(5):
            download(client, published("a", SMALL), out / str(number))
        assert (len(first.requests), len(second.requests)) == (1, 5)
        assert client.clock.slept == []


def test_tags_are_compared_with_those_of_the_same_host(tmp_path, out):
    cut = faults.cut(100_000)
    with (
        FaultServer({"/a": CONTENT}, [cut, cut, cut]) as first,
        FaultServer({"/a": CONTENT}, [cut, cut, cut], modified=True) as second,
    ):
        second.tag = lambda content: "0123another"
        client = client_of(tmp_path, first, second)
        download(client, published("a"), out / "a")
        for host in (first, second):
            tags = {r.headers.get("if-range") for r in host.requests} - {None}
            assert tags <= {f'"{host.tag(CONTENT)}"'}
        assert first.sent + second.sent == 300_000
        assert client.progress.notes == []
    assert (out / "a").read_bytes() == CONTENT


def test_what_a_mirror_does_not_have_another_has(tmp_path, out):
    with FaultServer({"/a": SMALL}) as first, FaultServer({}) as second:
        client = client_of(tmp_path, first, second)
        for number in range(4):
            download(client, published("a", SMALL), out / str(number))
        assert (len(first.requests), len(second.requests)) == (4, 1)
        assert client.progress.notes == [
            f"{second.root}: the host has no such file (404); going on with another"
        ]


def test_what_the_first_lost_a_mirror_may_still_have(tmp_path, out):
    with FaultServer({}) as first, FaultServer({"/a": SMALL}) as second:
        download(client_of(tmp_path, first, second), published("a", SMALL), out / "a")
    assert (out / "a").read_bytes() == SMALL


def test_what_nobody_has_is_said_of_all(tmp_path, out):
    with FaultServer({}) as first, FaultServer({}) as second:
        with pytest.raises(NotFoundError) as raised:
            download(client_of(tmp_path, first, second), published("a", SMALL), out / "a")
        assert str(raised.value) == (
            f"{first.root}a: the host has no such file (404) "
            f"({second.root}: the host has no such file (404))"
        )


def test_when_all_are_dead_that_is_no_network(tmp_path, out):
    first, second = nobody(), nobody()
    with pytest.raises(NetworkError) as raised:
        download(client_of(tmp_path, first, second), published("a", SMALL), out / "a")
    assert raised.value.exit_code == 5
    assert raised.value.where == f"{first}a"
    assert raised.value.why == f"3 tries; {second}: the host refuses connections"


def test_a_mirror_that_lies_is_named_and_asked_no_more(tmp_path, out):
    files = {f"/{number}": SMALL for number in range(6)}
    with FaultServer(files) as honest, FaultServer(files, always=lies) as liar:
        client = client_of(tmp_path, honest, liar)
        for number in range(6):
            download(client, published(str(number), SMALL), out / str(number))
            assert (out / str(number)).read_bytes() == SMALL
        assert (len(honest.requests), len(liar.requests)) == (6, 1)
        assert client.progress.notes[-1] == (
            f"{liar.root}: 1 of 1 pieces of 1 contradicted what is published; not asked again"
        )


def test_a_first_one_that_lies_is_asked_last(tmp_path, out):
    with (
        FaultServer({"/a": SMALL, "/b": SMALL, "/c": SMALL}, [lies]) as first,
        FaultServer({"/a": SMALL, "/b": SMALL}) as second,
    ):
        client = client_of(tmp_path, first, second)
        for name in "abc":
            download(client, published(name, SMALL), out / name)
        assert [request.path for request in first.requests] == ["/a", "/c"]
        assert [request.path for request in second.requests] == ["/a", "/b", "/c"]


def test_of_a_wrong_whole_only_one_carriers_pieces_are_fetched_again(tmp_path, out):
    clock = QuickClock()
    with (
        FaultServer({"/a": CONTENT}, always=takes(clock, 9)) as honest,
        FaultServer({"/a": CONTENT}, always=faults.flipped(5)) as liar,
    ):
        client = client_of(tmp_path, honest, liar, clock=clock)
        # The first run comes from one, the rest from the other, who is faster.
        download(client, published("a"), out / "a")
        assert spans(honest) == [(0, 131_072), None]
        assert spans(liar) == [(131_072, 262_144), (262_144, 300_000), (0, 131_072)]
        assert client.progress.notes[-1] == (
            f"{liar.root}: 3 of 5 pieces of a contradicted what is published; not asked again"
        )
    assert (out / "a").read_bytes() == CONTENT


def test_right_pieces_are_kept_when_the_smaller_share_was_wrong(tmp_path, out):
    clock = QuickClock()
    with (
        FaultServer({"/a": CONTENT}, always=faults.both(lies, takes(clock, 9))) as liar,
        FaultServer({"/a": CONTENT}) as honest,
    ):
        client = client_of(tmp_path, liar, honest, clock=clock)
        download(client, published("a"), out / "a")
        assert spans(liar) == [(0, 131_072)]
        assert honest.sent == 300_000  # each byte once
        assert client.progress.notes[-1] == (
            f"{liar.root}: 2 of 2 pieces of a contradicted what is published; asked last"
        )
    assert (out / "a").read_bytes() == CONTENT


def test_who_brought_right_pieces_of_a_wrong_whole_is_not_blamed(tmp_path, out):
    with (
        FaultServer({"/a": CONTENT}) as first,
        FaultServer({"/a": CONTENT}, always=lies) as liar,
        FaultServer({"/a": CONTENT}) as third,
    ):
        client = client_of(tmp_path, first, liar, third)
        download(client, published("a"), out / "a")
        assert [len(host.requests) for host in (first, liar, third)] == [2, 1, 1]
        assert [one.has_lied for one in client.mirrors.carriers(ORIGIN)] == [False, True, False]
    assert (out / "a").read_bytes() == CONTENT


def test_a_piece_of_two_carriers_is_nobodys(out):
    one, other = (
        Carrier("", f"https://{name}/", UNLIMITED, is_first=False) for name in ("one", "other")
    )
    carried: Carried = {}
    with contextlib.closing(draft.Draft.fresh(out / "a", alone=True)) as begun:
        writer = Writer(begun, Whole(), carried, 0, 3 * PIECE)
        for size, carrier in ((PIECE + 5, one), (PIECE - 5, other), (PIECE, other)):
            writer.write(memoryview(bytes(size)), carrier)
    assert carried == {0: one, PIECE: None, 2 * PIECE: other}


def test_a_page_in_place_of_the_file_is_fetched_elsewhere(tmp_path, out):
    content = b"BZh9" + SMALL
    with (
        FaultServer({"/a.bz2": content}) as honest,
        FaultServer({"/a.bz2": content}, always=faults.page) as portal,
    ):
        client = client_of(tmp_path, portal, honest)
        download(client, published("a.bz2", content), out / "a")
        download(client, published("a.bz2", content), out / "b")
        assert (len(portal.requests), len(honest.requests)) == (1, 2)
    assert (out / "a").read_bytes() == content


def test_what_everyone_has_otherwise_is_refused_after_three_tries(tmp_path, out):
    with (
        FaultServer({"/a": SMALL}, always=lies) as first,
        FaultServer({"/a": SMALL}, always=faults.flipped(9)) as second,
    ):
        client = client_of(tmp_path, first, second)
        with pytest.raises(IntegrityError) as raised:
            download(client, published("a", SMALL), out / "a")
        assert raised.value.exit_code == 6
        assert raised.value.why == f"3 times from {first.root}, {second.root}"
        assert len(first.requests) + len(second.requests) == 3
    assert list(out.iterdir()) == [] or not (out / "a").exists()


def test_a_bit_lost_on_the_way_convicts_nobody(tmp_path, out):
    with FaultServer({"/a": SMALL, "/b": SMALL}, [faults.flipped(1)]) as first:
        client = client_of(tmp_path, first, nobody())
        client.mirrors.carriers(ORIGIN)[1].rest(client.clock.monotonic(), 1e4)
        download(client, published("a", SMALL), out / "a")
        download(client, published("b", SMALL), out / "b")
    assert [one.has_lied for one in client.mirrors.carriers(ORIGIN)] == [False, False]


def test_a_mirror_without_ranges_is_left_and_nothing_is_lost(tmp_path, out):
    with (
        FaultServer({"/a": CONTENT}) as first,
        FaultServer({"/a": CONTENT}, always=faults.no_ranges) as second,
    ):
        client = client_of(tmp_path, first, second)
        download(client, published("a"), out / "a")
        assert spans(first) == [(0, 131_072), (131_072, 262_144), (262_144, 300_000)]
        assert len(second.requests) == 1
    assert (out / "a").read_bytes() == CONTENT


def test_who_gives_no_ranges_is_asked_again_before_a_liar_is_believed_to_be_all_there_is(
    tmp_path, out
):
    with (
        FaultServer({"/a": CONTENT}, always=faults.no_ranges) as honest,
        FaultServer(
            {"/a": CONTENT}, always=faults.both(faults.no_ranges, faults.flipped(5))
        ) as liar,
    ):
        client = client_of(tmp_path, honest, liar)
        download(client, published("a"), out / "a")
    assert (out / "a").read_bytes() == CONTENT
    assert [one.has_lied for one in client.mirrors.carriers(ORIGIN)] == [False, True]


def test_a_mirror_may_lead_to_no_private_place(tmp_path, out):
    with (
        FaultServer({"/a": SMALL}) as secret,
        FaultServer({}, always=faults.send_to(secret.root + "a")) as mirror,
        FaultServer({"/a": SMALL}) as first,
    ):
        client = client_of(tmp_path, first, mirror)
        for number in range(3):
            download(client, published("a", SMALL), out / str(number))
        assert secret.requests == []
        assert len(mirror.requests) == 1


def test_no_record_names_a_mirror(tmp_path, out):
    dies = faults.status(418)
    with (
        FaultServer({"/a": CONTENT}, [None, dies]) as first,
        FaultServer({"/a": CONTENT}, [None, dies], modified=True) as second,
    ):
        client = client_of(tmp_path, first, second, tries=1)
        file = RemoteFile(ORIGIN + "a", 2 * len(CONTENT), published("a").checksum)
        with pytest.raises(NndataError):
            download(client, file, out / "a")
        file = published("a")
        got = download(client, file, out / "a")
    assert got.checked == f"{file.checksum} published"
    assert not list(out.rglob("*.pieces"))


def test_kept_pieces_of_two_carriers_are_gone_on_with(tmp_path, out):
    file, gone = published("a"), faults.status(418)
    with (
        FaultServer({"/a": CONTENT}, [None, gone]) as first,
        FaultServer({"/a": CONTENT}, [None, gone]) as second,
    ):
        with pytest.raises(NetworkError):
            download(client_of(tmp_path, first, second), file, out / "a")
        (ledger,) = (out / FOLDER).glob("*.pieces")
        head = json.loads(ledger.read_text().split("\n")[0])
        assert head["url"] == ORIGIN + "a"
        assert sorted(head["hosts"]) == sorted(f"127.0.0.1:{h.port}" for h in (first, second))
        download(client_of(tmp_path, first, second), file, out / "a")
        assert first.sent + second.sent < 300_000 + 10
    assert (out / "a").read_bytes() == CONTENT


BAD = (
    None,
    lies,
    faults.flipped(7),
    faults.page,
    faults.no_ranges,
    faults.other_range(3),
    faults.cut(70_000),
    faults.reset(1),
    faults.refuse,
    faults.status(404),
    faults.status(403),
    faults.status(503),
    faults.status(429, Retry_After="3"),
    faults.header("Content-Length", "many"),
    faults.chunked(),
    faults.without("ETag"),
)


@pytest.mark.parametrize("seed", range(40))
def test_random_faults_at_two_of_three_end_with_the_right_bytes_or_an_error(seed, tmp_path, out):
    random = Random(seed)
    files = {"/a": CONTENT, "/b": SMALL}

    def host(bad):
        script = [random.choice(BAD) for _ in range(random.randint(0, 6))] if bad else []
        return FaultServer(files, script, always=random.choice(BAD) if bad > 1 else None)

    hosts = [host(bad) for bad in random.sample((0, 1, 2), 3)]
    rule = HostRule(name="x", connections=8, per_file=random.choice((1, 2)), per_second=0)
    with hosts[0], hosts[1], hosts[2]:
        client = client_of(tmp_path, *hosts, rules=lambda host: rule)
        for name, content in (("a", CONTENT), ("b", SMALL)):
            try:
                download(client, published(name, content), out / name)
            except IntegrityError:
                assert not (out / name).exists()
            else:
                assert (out / name).read_bytes() == content
        assert not [one for one in client.mirrors.carriers(ORIGIN) if one.open]
