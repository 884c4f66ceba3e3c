"""Which addresses may be connected to: public ones, and the one place that a mirror names."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from typing import Any

from nndata.errors import RefusedError

__all__ = ["is_loopback", "is_public", "refuse", "resolve"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What newer tables of Python's know as not for everybody, and older ones don't.
_RESERVED = tuple(map(ipaddress.ip_network, ("3fff::/20", "5f00::/16", "192.88.99.0/24")))
_CLOUD = ipaddress.ip_address("168.63.129.16")  # Azure's host, which gives its guests secrets
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # the last 32 bits are an IPv4 address


def is_public(text: str) -> bool:
    """Say whether an address is one that anybody may reach, looking into IPv4 inside IPv6.

    >>> is_public("8.8.8.8"), is_public("::ffff:127.0.0.1"), is_public("169.254.169.254")
    (True, False, False)
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(one.is_global and not _special(one) for one in _meant(address))


def _special(address: Address) -> bool:
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    is_set_aside = address.is_multicast or address.is_reserved or address.is_unspecified
    is_set_aside = is_set_aside or any(address in network for network in _RESERVED)
    return is_set_aside or site_local or address == _CLOUD


def _meant(address: Address) -> list[Address]:
    """Return the addresses that a connection may really end at."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64:  # what a name server gives on networks that only have IPv6
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if int(address) >> 32 & 0xFDFFFFFF == 0x5EFE:  # ISATAP: the last 32 bits, in any network
        return [address, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    tunnel = [address.sixtofour] if address.sixtofour else list(address.teredo or ())
    return [address, *tunnel]


@lru_cache(maxsize=1024)  # every request asks several times
def is_loopback(host: str) -> bool:
    """Say whether a host of a URL is this machine, without asking a name server."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def resolve(host: str, port: int, *, permitted: bool) -> list[tuple[Any, ...]]:
    """Look a host up, once, so that a second answer can't lead elsewhere than the judged one.

    Raises:
        RefusedError: any of its addresses is private, and it is not `permitted`.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not permitted and not all(is_public(str(address[0])) for *_, address in found):
        raise refuse(host, port)
    return found


def refuse(host: str, port: int) -> RefusedError:
    """Make the error that says how a private address can be meant."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return RefusedError(
        "a private address is not connected to",
        where=place,
        do=f"--mirror http://{place} permits this one address, if you mean it",
    )
