"""Bytes onto the disk, against nginx on loopback: verified and durable, as fast as others copy.

The floor of a large file is `curl -O`, `sync FILE`, `sha256sum`, one after another; we hash while
bytes come, and sync once. The floor of small files is `wget -i`, which neither hashes nor syncs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, command_usage

LARGE = int(os.environ.get("NNDATA_BENCH_BYTES", 1 << 30))
SMALL, COUNT = 4096, int(os.environ.get("NNDATA_BENCH_FILES", 10_000))
RUNS = 5
CONFIG = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }}
}}
"""
_HUB = """
import sys, huggingface_hub.file_download as hub
with open(sys.argv[2], "wb") as file:
    hub.http_get(sys.argv[1], file)
"""


def run() -> Iterator[Figure]:
    """Yield a large file's and many small files' seconds, each beside others on the same server."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        print("skipped: nginx is not installed (Debian package nginx-light)")
        return
    with tempfile.TemporaryDirectory() as name, _nginx(Path(name)) as root:
        place = Path(name)
        yield from _large(place, root)
        yield from _small(place, root)


def _large(place: Path, root: str) -> Iterator[Figure]:
    digest, url = _write_large(place / "www" / "large.bin"), f"{root}large.bin"
    out = place / "out"
    rivals: dict[str, list[str]] = {
        "curl, sync, sha256sum": _shell(
            f"curl -s -O {url} && sync large.bin && sha256sum large.bin"
        ),
        "aria2c -x4 --checksum": _shell(
            f"aria2c -q -x4 -s4 --allow-overwrite --checksum=sha-256={digest} {url}"
        ),
        "huggingface_hub http_get": [sys.executable, "-c", _HUB, url, "large.bin"],
    }
    ours = [*_nndata(root, out), "--urls", url, "--checksums", f"sha256:{digest}"]
    taken, peaks = _turns({"nndata": ours, **_installed(rivals)}, out)
    base = command_usage([sys.executable, "-c", "import nndata.download, nndata.snapshot"])[2]
    size = f"{LARGE >> 20} MiB"
    for name, seconds in taken.items():
        best = statistics.median(seconds) / statistics.median(taken["nndata"])
        yield Figure(f"{size}: {name}", statistics.median(seconds), "s", "nndata's speed", 1 / best)
    more = peaks["nndata"] - base
    yield Figure(f"{size}: nndata's memory over the import", more, "MB", "64 MB", more / 64)


def _small(place: Path, root: str) -> Iterator[Figure]:
    folder = place / "www" / "small"
    folder.mkdir()
    names = [f"{number:05d}.bin" for number in range(COUNT)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(number.to_bytes(4) * (SMALL // 4))
    urls, out = [f"{root}small/{name}" for name in names], place / "out"
    (place / "list.txt").write_text("".join(f"{url}\n" for url in urls))
    ours = [*_nndata(root, out), *(word for url in urls for word in ("--urls", url))]
    listed = place / "list.txt"
    rivals = {
        "wget -i": _shell(f"wget -q -i {listed}"),
        "wget -i, sync": _shell(f"wget -q -i {listed} && sync -f ."),
        "aria2c -i": _shell(f"aria2c -q -i {listed}"),
    }
    taken, _ = _turns({"nndata": ours, **_installed(rivals)}, out, runs=3)
    for name, seconds in taken.items():
        ratio = statistics.median(taken["nndata"]) / statistics.median(seconds)
        words = f"{COUNT:,} files of 4 KiB: {name}"
        yield Figure(words, statistics.median(seconds), "s", "nndata's speed", ratio)


def _turns(
    commands: dict[str, list[str]], out: Path, runs: int = RUNS
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Run the commands in turns, each into an empty folder; return seconds and peak MB."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, float] = {}
    for _ in range(runs):
        for name, command in commands.items():
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            wall, _, peak = _in_folder(out, command)
            taken[name].append(wall)
            peaks[name] = max(peak, peaks.get(name, 0))
            os.sync()
    return taken, peaks


def _in_folder(out: Path, command: list[str]) -> tuple[float, float, float]:
    before = Path.cwd()
    os.chdir(out)
    try:
        return command_usage(command, NNDATA_HOME=str(out / "home"))
    finally:
        os.chdir(before)


def _nndata(root: str, out: Path) -> list[str]:
    words = ["fetch", "url", "--raw", "-q", "--out", str(out / "raw"), "--mirror", root]
    return [sys.executable, "-m", "nndata", *words]


def _installed(commands: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out, and say so, what isn't on this machine."""
    found = {}
    for name, command in commands.items():
        tool = name.split()[0].rstrip(",")
        if shutil.which(tool) or importlib.util.find_spec(tool):
            found[name] = command
        else:
            print(f"skipped: {tool} is not installed")
    return found


def _shell(command: str) -> list[str]:
    return ["sh", "-c", command]


def _write_large(path: Path) -> str:
    digest, block = hashlib.sha256(), os.urandom(1 << 24)
    with open(path, "wb") as file:
        for number in range(LARGE // len(block)):
            data = number.to_bytes(8) + block[8:]
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


@contextlib.contextmanager
def _nginx(folder: Path) -> Iterator[str]:
    (folder / "www").mkdir()
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, port=port))
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    server = subprocess.Popen([binary, "-e", f"{folder}/error.log", "-c", str(config)])
    try:
        _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(10)


def _wait(attempt: Callable[[], object]) -> None:
    for _ in range(100):
        with contextlib.suppress(OSError):
            attempt()
            return
        time.sleep(0.05)
    raise RuntimeError("the server doesn't start")
