"""How one feature lies in the bytes of an example: its payload, and a head that follows from it."""

from __future__ import annotations

from nndata.example import Feature
from nndata.formats.tfexample.packing import packer
from nndata.formats.tfexample.unpacking import payload_of, unpacker
from nndata.formats.tfexample.wire import LIST, message, varint

__all__ = ["Field"]

_CACHED = 1 << 12  # heads kept of each feature


class Field:
    """One feature's entry in the map: name, list and all lengths, then the payload.

    All that comes before the payload follows from the payload's length, so it is made once for each
    length, and compared rather than parsed when read: `heads` is by the length of the payload,
    `known` by that of the entry, as it is met first.
    """

    def __init__(self, name: str, feature: Feature) -> None:
        self.name, self.optional, self._feature = name, feature.optional, feature
        self.pack, self.unpack = packer(feature), unpacker(feature)
        key = name.encode()
        self._key = b"\n" + varint(len(key)) + key + b"\x12"
        self._tag = LIST[feature.kind] << 3 | 2
        # The elements of a list of bytes bring their tags; one packed or single payload needs one.
        self._bare = feature.many and LIST[feature.kind] == 1
        self.heads: dict[int, bytes] = {}
        self.known: dict[int, tuple[bytes, int, int]] = {}

    def head(self, length: int) -> bytes:
        """Return all that comes before a payload of so many bytes."""
        no_element = self._bare or (not length and LIST[self._feature.kind] > 1)
        inner = b"" if no_element else b"\n" + varint(length)
        body = bytes([self._tag]) + varint(len(inner) + length) + inner
        entry = self._key + varint(len(body) + length) + body
        head = b"\n" + varint(len(entry) + length) + entry
        if len(self.heads) < _CACHED:
            self.heads[length] = head
            self.known[len(entry) + length] = head, len(head), len(head) + length
        return head

    def payload(self, data: bytes, at: int, stop: int) -> bytes:
        """Return the payload of the entry whose value begins at `at`, whoever wrote it."""
        value_at, value_end = message(data, at, stop, 18)
        list_at, list_end = message(data, value_at, value_end, self._tag)
        if not stop == value_end == list_end:
            raise ValueError(f"feature {self.name!r} holds more than one list")
        payload = payload_of(self._feature, data, list_at, list_end)
        self.head(len(payload))  # to be known when the next one comes
        return payload
