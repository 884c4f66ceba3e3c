import contextlib
import email.utils
import http.client
import os
import re
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nndata.errors import BusyError, NotFoundError, UsageError
from nndata.samples import serve
from nndata.samples.server import Request, Server

DATA = bytes(range(256)) * 4
TIME = 1_790_000_000  # Mon, 21 Sep 2026 14:13:20 GMT
DATE = "Mon, 21 Sep 2026 14:13:20 GMT"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "site"
    (root / "wikipedia" / "dewiki").mkdir(parents=True)
    (root / "data.bz2").write_bytes(DATA)
    (root / "empty.txt").write_bytes(b"")
    (root / "wikipedia" / "12:30 & Ä.txt").write_text("half past")
    (root / ".hidden").write_text("hidden")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    (root / "in.txt").symlink_to("data.bz2")
    os.mkfifo(root / "pipe")
    for path in [root / "data.bz2", root / "empty.txt", *root.glob("wikipedia/**/*")]:
        os.utime(path, (TIME, TIME))
    with serve(root) as running:
        yield running


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send a path as it is written, and return status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def test_a_file_comes_whole_with_strong_validators(server: Server) -> None:
    status, headers, body = ask(server, "/data.bz2")
    assert (status, body) == (200, DATA)
    assert headers["Content-Length"] == "1024"
    assert headers["Content-Type"] == "application/x-bzip2"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Last-Modified"] == DATE
    assert headers["ETag"] == f'"{TIME * 10**9:x}-400"'


def test_head_says_the_same_without_a_body(server: Server) -> None:
    _, whole, _ = ask(server, "/data.bz2")
    status, headers, body = ask(server, "/data.bz2", "HEAD", Range="bytes=0-9")
    assert (status, body) == (200, b"")
    assert {k: v for k, v in headers.items() if k != "Date"} == {
        k: v for k, v in whole.items() if k != "Date"
    }


@pytest.mark.parametrize(
    ("asked", "span", "body"),
    [
        ("bytes=0-0", "bytes 0-0/1024", DATA[:1]),
        ("bytes=100-199", "bytes 100-199/1024", DATA[100:200]),
        ("bytes=1000-", "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=1000-99999", "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=-24", "bytes 1000-1023/1024", DATA[1000:]),
        ("bytes=-99999", "bytes 0-1023/1024", DATA),
    ],
)
def test_a_range_is_answered_with_just_its_bytes(
    server: Server, asked: str, span: str, body: bytes
) -> None:
    status, headers, got = ask(server, "/data.bz2", Range=asked)
    assert (status, headers["Content-Range"], got) == (206, span, body)
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_is_refused_with_the_size(server: Server, asked: str) -> None:
    status, headers, _ = ask(server, "/data.bz2", Range=asked)
    assert (status, headers["Content-Range"]) == (416, "bytes */1024")


@pytest.mark.parametrize(
    "asked", ["bytes=5-4", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes=-"]
)
def test_what_is_no_single_range_is_answered_with_the_whole(server: Server, asked: str) -> None:
    assert ask(server, "/data.bz2", Range=asked)[0::2] == (200, DATA)


def test_an_empty_file_has_no_range(server: Server) -> None:
    assert ask(server, "/empty.txt")[0::2] == (200, b"")
    assert ask(server, "/empty.txt", Range="bytes=0-")[0] == 416


def test_a_range_of_another_version_is_not_given(server: Server) -> None:
    etag = ask(server, "/data.bz2")[1]["ETag"]

    def status(validator: str) -> int:
        return ask(server, "/data.bz2", Range="bytes=0-9", If_Range=validator)[0]

    assert status(etag) == 206
    assert status(DATE) == 206
    assert status('"other"') == 200
    assert status(f"W/{etag}") == 200
    assert status("Mon, 21 Sep 2026 14:13:19 GMT") == 200


def test_a_replaced_file_has_another_etag_even_within_a_second(server: Server) -> None:
    before = ask(server, "/data.bz2")[1]["ETag"]
    (server.folder / "data.bz2").write_bytes(DATA[::-1])
    os.utime(server.folder / "data.bz2", ns=(TIME * 10**9 + 1, TIME * 10**9 + 1))
    status, headers, body = ask(server, "/data.bz2", Range="bytes=0-9", If_Range=before)
    assert (status, body) == (200, DATA[::-1])
    assert headers["ETag"] != before


def test_conditions_are_kept(server: Server) -> None:
    etag = ask(server, "/data.bz2")[1]["ETag"]
    earlier = email.utils.formatdate(TIME - 60, usegmt=True)

    def status(**headers: str) -> int:
        return ask(server, "/data.bz2", **headers)[0]

    assert status(If_None_Match=etag) == 304
    assert status(If_None_Match=f'"a", W/{etag}') == 304
    assert status(If_None_Match="*") == 304
    assert status(If_None_Match='"other"', If_Modified_Since=DATE) == 200
    assert status(If_Modified_Since=DATE) == 304
    assert status(If_Modified_Since=earlier) == 200
    assert status(If_Modified_Since="yesterday") == 200
    assert status(If_Match=etag, If_Unmodified_Since=earlier) == 200
    assert status(If_Match='"other"') == 412
    assert status(If_Unmodified_Since=DATE) == 200
    assert status(If_Unmodified_Since=earlier) == 412


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/wikipedia/../../secret.txt",
            "/..%2fsecret.txt",
        ),
        *("/out.txt", "/out/secret.txt", "/out/", "/.hidden", "/%2ehidden", "/pipe", "/nothing"),
        *("//etc/passwd", "/data.bz2/", "/data.bz2/x", "/data.bz2%00", "secret.txt", "/%ff"),
        *("http://x/../secret.txt", "/C:%5csecret.txt"),
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_and_nothing_hidden_is_shown(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status == 404
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<title>404 Not Found</title>" in body
    assert b"secret" not in body


def test_a_whole_url_is_taken_as_its_path(server: Server) -> None:
    assert ask(server, "http://example.org/data.bz2")[0::2] == (200, DATA)


def test_a_link_that_stays_inside_is_followed(server: Server) -> None:
    assert ask(server, "/in.txt")[0::2] == (200, DATA)


def test_a_folder_is_listed(server: Server) -> None:
    status, headers, body = ask(server, "/wikipedia/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = body.decode()
    assert "<h1>Index of /wikipedia/</h1>" in text
    assert re.findall(r'<a href="([^"]+)">', text) == [
        "../",
        "dewiki/",
        "12%3A30%20%26%20%C3%84.txt",
    ]
    assert "21-Sep-2026 14:13                   -" in text
    assert ask(server, "/wikipedia/12%3A30%20%26%20%C3%84.txt")[2] == b"half past"


def test_the_listing_of_the_root_leaves_out_what_is_hidden_or_leads_out(server: Server) -> None:
    names = re.findall(r'<a href="([^"]+)">', ask(server, "/")[2].decode())
    assert names == ["wikipedia/", "data.bz2", "empty.txt", "in.txt"]


def test_a_folder_without_its_slash_is_sent_there(server: Server) -> None:
    status, headers, _ = ask(server, "/wikipedia/dewiki?x=1")
    assert (status, headers["Location"]) == (301, "/wikipedia/dewiki/")


def test_an_index_page_stands_for_its_folder(server: Server) -> None:
    (server.folder / "wikipedia" / "index.html").write_text("<p>Welcome</p>")
    status, headers, body = ask(server, "/wikipedia/")
    assert (status, body) == (200, b"<p>Welcome</p>")
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_other_methods_are_refused(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, headers, _ = ask(server, "/data.bz2", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert (server.folder / "data.bz2").read_bytes() == DATA


def test_one_connection_carries_many_requests(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        for path, status in [("/data.bz2", 200), ("/nothing", 404), ("/", 200), ("/in.txt", 200)]:
            connection.request("GET", path)
            first = connection.sock
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, connection.sock) == (status, first)
        connection.request("GET", "/in.txt", headers={"If-None-Match": "*"})
        assert connection.getresponse().status == 304
        assert connection.sock is first


def test_nonsense_ends_the_connection_and_not_the_server(server: Server) -> None:
    for line, status in [
        (b"\x16\x03\x01 nonsense", b" 400 "),
        (b"GET http://[ HTTP/1.1", b" 404 "),
    ]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(line + b"\r\n\r\n")
            assert status in raw.recv(1000)
    assert ask(server, "/data.bz2")[0] == 200


def test_requests_are_remembered_in_order(server: Server) -> None:
    ask(server, "/data.bz2", Range="bytes=0-9")
    ask(server, "/nothing?x=1")
    ask(server, "/data.bz2", "HEAD")
    assert server.requests == [
        Request("GET", "/data.bz2", "bytes=0-9", 206),
        Request("GET", "/nothing", "", 404),
        Request("HEAD", "/data.bz2", "", 200),
    ]
    assert (server.count("/data.bz2"), server.count("/never")) == (2, 0)


def test_many_connections_at_once_each_get_their_bytes(server: Server) -> None:
    big = os.urandom(1 << 20)
    (server.folder / "big.bin").write_bytes(big)
    wrong: list[int] = []

    def fetch(number: int) -> None:
        start = number * 30_000
        body = ask(server, "/big.bin", Range=f"bytes={start}-{start + 29_999}")[2]
        if body != big[start : start + 30_000]:
            wrong.append(number)

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert server.count("/big.bin") == 32


def test_a_large_file_is_streamed_in_little_memory(server: Server) -> None:
    with open(server.folder / "large.bin", "wb") as file:
        file.truncate(512 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/large.bin")
        answer = connection.getresponse()
        count = 0
        while data := answer.read(1 << 20):
            count += len(data)
    assert count == 512 << 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10  # KiB; on macOS bytes, which is less


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(server: Server) -> None:
    with open(server.folder / "large.bin", "wb") as file:
        file.truncate(64 << 20)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        raw.recv(1000)
    assert ask(server, "/data.bz2")[2] == DATA


def test_a_closed_server_ends_its_connections_and_frees_its_port(tmp_path: Path) -> None:
    server = serve(tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.close()
    server.close()
    assert connection.sock.recv(1) == b""
    connection.close()
    with serve(tmp_path, port=server.port) as again:
        assert ask(again, "/")[0] == 200


def test_a_taken_port_is_told(tmp_path: Path, server: Server) -> None:
    with pytest.raises(BusyError, match=f"port {server.port} is taken; choose another, or 0"):
        serve(tmp_path, port=server.port)


def test_a_port_that_is_none_and_a_folder_that_is_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't listen on port 99999"):
        serve(tmp_path, port=99999)
    with pytest.raises(NotFoundError, match="no such folder"):
        serve(tmp_path / "nothing")


def test_a_mirror_root_is_the_folder_of_a_source_or_the_whole_site(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}/"
    assert server.root("wikipedia") == f"{server.url}wikipedia/"
    assert server.root("tatoeba") == server.url
