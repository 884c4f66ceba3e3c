"""Addresses that may be connected to, and those that may not."""

import socket

import pytest

from nndata.errors import RefusedError
from nndata.http.addresses import is_loopback, is_public, resolve

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.0.1"),
    *("100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7"),
    *("203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:a00:1::", "2001:0:7f00:1::", "2001:db8::1", "100::1"),
    "2001:10::1",
]
PUBLIC = ["8.8.8.8", "208.80.154.142", "2620:0:861::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "::1", "0"],
)
def test_a_host_is_judged_by_where_it_leads(host):
    with pytest.raises(RefusedError) as raised:
        resolve(host, 8080, permitted=False)
    assert "--mirror http://" in str(raised.value)


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
