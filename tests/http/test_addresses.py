"""Addresses that may be connected to, and those that may not."""

import socket

import pytest
from faultserver import FaultServer, send_to, status

from nndata.errors import NetworkError, NndataError, RefusedError, UsageError
from nndata.http import Client, connections
from nndata.http.addresses import is_loopback, is_public, resolve
from nndata.http.clock import Clock
from nndata.http.response import Timing

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.0.1"),
    *("100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::", "2001:db8::1", "100::1"),
    *("2001:10::1", "3fff::1", "5f00::1", "192.88.99.1", "168.63.129.16", "100.100.100.200"),
    *("2001:470::5efe:10.0.0.1", "2001:470::200:5efe:7f00:1", "::ffff:0:127.0.0.1", "::1.2.3.4"),
    *("2001:0:0:0:0:0:3f57:fefe", "2002:c0a8:101::1", "fd00:ec2::254", "192.0.0.170", "1::1"),
]
PUBLIC = [
    "8.8.8.8",
    "192.175.48.1",
    "208.80.154.142",
    "2620:0:861::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address):
    assert is_public(address)


# The same few places, as people and attackers write them.
WRITTEN = [
    *("localhost", "LOCALHOST", "127.0.0.1", "127.1", "127.0.1", "127.255.255.254"),
    *("2130706433", "0x7f000001", "0X7F000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1"),
    *("017700000001", "00000177.0.0.1", "0", "0.0.0.0", "0x0", "00", "0.0"),
    *("10.0.0.1", "0xa000001", "167772161", "012.0.0.1", "10.1", "192.168.1.1", "0xc0a80101"),
    *("3232235777", "0300.0250.1.1", "192.168.257", "172.16.0.1", "0xac100001", "2886729729"),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518"),
    *("100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255", "4294967295"),
    *("::1", "::", "0:0:0:0:0:0:0:1", "0000::1", "::ffff:127.0.0.1", "::ffff:7f00:1"),
    *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1"),
    *("fd00:ec2::254", "fc00::1", "ff02::1", "fec0::1", "::127.0.0.1", "::ffff:0:7f00:1"),
]


@pytest.mark.parametrize("host", WRITTEN)
def test_a_host_is_judged_by_where_it_leads(host):
    with pytest.raises(RefusedError) as raised:
        resolve(host, 8080, permitted=False)
    assert "--mirror http://" in str(raised.value)


def test_private_places_are_told_in_more_than_a_hundred_forms():
    assert len(set(PRIVATE)) + len(set(WRITTEN)) > 100


def client_of(**more):
    clock = Clock(seed=1)
    clock.sleep = lambda seconds: None
    return Client(clock=clock, timing=Timing(connect=1, stall=0.2), **more)


def url_of(host):
    return f"http://{f'[{host}]' if ':' in host else host}:9/a"


@pytest.mark.parametrize(
    "host", [*WRITTEN, "１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost"]
)
def test_no_form_of_a_private_place_is_asked_with_or_without_a_proxy(host, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with pytest.raises((RefusedError, UsageError)):
        client_of().read(url_of(host))
    with FaultServer({}, always=status(200)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.root)
        with pytest.raises((RefusedError, UsageError)):
            client_of().read(url_of(host))
        assert proxy.requests == []


@pytest.mark.parametrize("host", WRITTEN)
def test_no_form_of_a_private_place_is_gone_to_from_the_users_mirror(host):
    with FaultServer({}, always=send_to(url_of(host))) as server:
        with pytest.raises((RefusedError, UsageError)):
            client_of(mirror=server.root, origins=("https://o.example/",)).read(
                "https://o.example/a"
            )
        assert len(server.requests) == 1


HOSTILE_LOCATIONS = [
    *("http://[::1", "http://a:99999/", "http://a:b/", "http://", "http:///a", "//", "http:a"),
    *("http://a..b/", "http://.a/", "http://" + "a" * 300 + "/", "http://a b/", "http://a\\@b/"),
    *("http://%31%32%37.0.0.1/", "http://xn--/", "http://\x00/", "http://a\tb/", "http://[1]/"),
    *("javascript:1", "data:,x", "file:///etc/passwd", "ftp://a/", "gopher://a/", "HTTP://[::1]/"),
    *("http://[v1.x]/", "http://[fe80::1%25lo]/", "http://\xad/", "?", "#", "http://a:-1/"),
]


@pytest.mark.parametrize("location", HOSTILE_LOCATIONS, ids=range(len(HOSTILE_LOCATIONS)))
def test_a_location_that_makes_no_sense_ends_in_an_error_of_ours(location):
    with FaultServer({}, always=send_to(location)) as server, pytest.raises(NndataError):
        client_of(mirror=server.root, origins=("https://o.example/",)).read("https://o.example/a")


def test_a_name_is_looked_up_once_and_what_was_judged_is_what_is_connected_to(monkeypatch):
    """A name server that answers otherwise the second time (rebinding) finds nobody asking."""
    answers, asked, connected = iter(["8.8.8.8", "127.0.0.1"]), [], []

    def look_up(host, port, *args, **more):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address, *args, **more):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(connections.sockets, "create_connection", connect)
    with pytest.raises(NetworkError):
        client_of(tries=1).read("http://rebound.example:81/a")
    assert (asked, connected) == (["rebound.example"], [("8.8.8.8", 81)])
    with pytest.raises(RefusedError):
        client_of(tries=1).read("http://rebound.example:81/a")
    assert connected == [("8.8.8.8", 81)]


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "::1"])
def test_a_public_name_for_a_private_address_is_refused(address, monkeypatch):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with pytest.raises(RefusedError):
        client_of().read("http://127.0.0.1.nip.example/a")


def test_a_permitted_place_is_resolved():
    ((family, *_, address),) = resolve("127.0.0.1", 8080, permitted=True)
    assert (family, address) == (socket.AF_INET, ("127.0.0.1", 8080))


def test_one_private_address_among_public_ones_is_refused(monkeypatch):
    found = [(socket.AF_INET, 1, 6, "", (a, 80)) for a in ("8.8.8.8", "192.168.1.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with pytest.raises(RefusedError):
        resolve("rebound.example", 80, permitted=False)


def test_loopback_is_known_without_a_name_server():
    assert is_loopback("LOCALHOST.") and is_loopback("127.8.0.1") and is_loopback("[::1]")
    assert not is_loopback("example.org") and not is_loopback("10.0.0.1")
