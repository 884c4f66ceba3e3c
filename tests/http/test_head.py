"""Heads read line by line say what the standard library's parser says, odd ones included."""

import http.client
import io
import socket

import pytest

from nndata.http.head import Answer, read_head

HEADS = {
    "plain": b'Server: nginx/1.22\r\nContent-Length: 4096\r\nETag: "6-1"\r\n\r\n',
    "twice": b"Content-Length: 1\r\ncontent-length: 2\r\n\r\n",
    "spaces": b"A:b\r\nC:  \t d  \r\nE:\r\n\r\n",
    "folded": b"A: b\r\n  c\r\nD: e\r\n\r\n",
    "bare line feeds": b"A: b\nC: d\n\n",
    "no colon": b"A: b\r\nnonsense\r\nC: d\r\n\r\n",
    "space before the colon": b"A : b\r\nC: d\r\n\r\n",
    "bytes beyond ASCII": b"A: \xe4\xff\r\nB: \x85 \x1c c\r\n\r\n",
    "a bare carriage return": b"A: b\rC: d\r\nE: f\r\n\r\n",
    "cut off": b"A: b\r\nC: d",
    "nothing": b"\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_says_what_the_standard_library_reads_in_it(name):
    rest = b"the body: 1\r\n"
    ours, theirs = io.BytesIO(HEADS[name] + rest), io.BytesIO(HEADS[name] + rest)
    found, expected = read_head(ours), http.client.parse_headers(theirs)
    assert found.items() == expected.items()
    assert ours.read() == theirs.read()
    assert list(map(type, found.defects)) == list(map(type, expected.defects))


@pytest.mark.parametrize(
    "head", [b"A: b\r\n" * 101 + b"\r\n", b"A: " + b"b" * (1 << 16) + b"\r\n\r\n"]
)
def test_a_head_that_never_ends_is_refused(head):
    with pytest.raises(http.client.HTTPException):
        read_head(io.BytesIO(head))


def test_an_answer_has_what_its_head_says():
    ours, host = socket.socketpair()
    with ours, host:
        host.sendall(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 206 Some\r\nContent-Length: 3\r\n\r\nabc"
        )
        answer = Answer(ours)
        answer.begin()
        assert (answer.status, answer.length, answer.read()) == (206, 3, b"abc")
        assert answer.headers.items() == [("Content-Length", "3")]


def test_answers_are_read_without_the_parser_of_mail(monkeypatch):
    monkeypatch.setattr(http.client, "parse_headers", None)
    ours, host = socket.socketpair()
    with ours, host:
        host.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        answer = Answer(ours)
        answer.begin()
        assert answer.getheader("content-length") == "0"
