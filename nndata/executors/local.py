"""Parts in processes of this machine: one part each at a time, and any of them may die.

Workers are fresh interpreters, never forks: they hold none of the caller's threads, locks or
TensorFlow. A worker's end is seen at once, because its channel closes with it; in the same way it
sees its parent's end, and leaves no orphan behind. Why not `multiprocessing`: its children run the
caller's main module again, with all that it imports.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import resource
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

from nndata.errors import MachineError, NndataError, UsageError
from nndata.executors.task import Receipt, Spec, failure, run_task
from nndata.sandbox import OUT_OF_MEMORY, Mark, Trials, Watch

__all__ = ["Local", "cores", "inline"]

TICK = 1.0  # seconds between two looks at the marks
SOON = 0.1  # and at whether the next part is ready
STALLED = 300  # ticks with one and the same record in hand, and no CPU to show for it
READY = b"ready"
COLLECTED = (50_000, 50, 100)  # records make many short-lived objects and hardly a cycle

# No TensorFlow, no thread pools, no arenas that count as memory; the same hashes everywhere.
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # mimalloc takes 1 GiB at once, which RLIMIT_DATA counts
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from nndata.executors.local import work; work(int(sys.argv[2]), int(sys.argv[3]))"
)


def cores() -> int:
    """Return how many processes this one may use at once."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def inline(
    tasks: Iterable[Spec | None], workers: int, seen: Callable[[int], None]
) -> Iterator[Receipt]:
    """Work on the parts in this very process: for a debugger. Nothing is sandboxed."""
    for spec in tasks:
        if spec is None:
            time.sleep(SOON)
            continue
        watch = Watch()
        try:
            receipt = run_task(spec, watch)
        except Exception as error:
            receipt = failure(spec, error, watch.record)
        seen(watch.record + 1)
        yield receipt


@dataclass
class _Job:
    """A part on its way: what to do, and what went wrong with it so far."""

    spec: Spec
    trials: Trials = field(default_factory=Trials)
    told: int = 0  # records that progress knows of

    def message(self) -> bytes:
        more = {"skip": self.trials.skip, "patient": sorted(self.trials.patient)}
        return json.dumps({**self.spec, **more, "main": _main_file(self.spec)}).encode()


class _Jobs:
    """What is to be handed out: parts to be tried again first."""

    def __init__(self, tasks: Iterable[Spec | None]) -> None:
        self._tasks, self.again, self.are_over = iter(tasks), deque[_Job](), False

    def take(self) -> _Job | None:
        """Return the next part; None where there is none, or none is ready yet."""
        if self.again:
            return self.again.popleft()
        try:
            spec = None if self.are_over else next(self._tasks)
        except StopIteration:
            self.are_over = True
            return None
        return _Job(spec) if spec else None


class Local:
    """An executor over worker processes, which start when first needed and live until `close`."""

    def __init__(self) -> None:
        self._workers: list[_Worker] = []

    def __call__(
        self, tasks: Iterable[Spec | None], workers: int, seen: Callable[[int], None]
    ) -> Iterator[Receipt]:
        jobs = _Jobs(tasks)
        try:
            while (busy := self._hand_out(jobs, workers)) or not jobs.are_over:
                tick = TICK if jobs.are_over or len(busy) == workers else SOON
                for worker in _with_news(busy, tick, seen):
                    receipt = self._hear(worker, jobs.again, seen)
                    if receipt is not None:
                        yield receipt
        finally:
            self._end([worker for worker in self._workers if worker.job])

    def close(self) -> None:
        """End all workers."""
        self._end(list(self._workers))

    def _hand_out(self, jobs: _Jobs, workers: int) -> list[_Worker]:
        """Give every free worker a part, as long as there are any; return those at work."""
        for place in range(workers):
            if place < len(self._workers) and self._workers[place].job:
                continue
            job = jobs.take()
            if job is None:
                break
            if place == len(self._workers):
                self._workers.append(_Worker())
            self._workers[place].begin(job)
        return [worker for worker in self._workers if worker.job]

    def _hear(
        self, worker: _Worker, again: deque[_Job], seen: Callable[[int], None]
    ) -> Receipt | None:
        """Return a worker's answer; where it died instead, learn from that."""
        job = worker.job
        assert job is not None
        try:
            message = worker.channel.recv_bytes()
        except (EOFError, OSError):
            return self._mourn(worker, job, again)
        if message == READY:
            worker.is_started = True
            return None
        worker.job = None
        answer: Receipt = json.loads(message)
        seen(max(0, answer.get("records", 0) - job.told))
        return answer

    def _mourn(self, worker: _Worker, job: _Job, again: deque[_Job]) -> Receipt | None:
        self._workers.remove(worker)
        status = worker.status()
        worker.end()
        if not worker.is_started:
            raise MachineError("a worker process can't start", why=f"exit status {status}")
        given_up = job.trials.died(worker.mark, status)
        if not given_up:
            again.append(job)
            return None
        return failure(job.spec, NndataError("the part can't be made", why=given_up))

    def _end(self, workers: list[_Worker]) -> None:
        for worker in workers:
            self._workers.remove(worker)
            worker.end()


def _with_news(busy: list[_Worker], tick: float, seen: Callable[[int], None]) -> list[_Worker]:
    """Wait a tick at most for workers that have something to say, be it by their death."""
    channels = wait([worker.channel for worker in busy], tick)
    for worker in busy:
        worker.look(seen)
    return [worker for worker in busy if worker.channel in channels]


class _Worker:
    """One process, seen from its parent."""

    def __init__(self) -> None:
        self.mark = Mark.create()
        self.job: _Job | None = None
        self.is_started = False
        self._looked, self._last, self._still = 0.0, -1, 0
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.process = _start(theirs.fileno(), self.mark.descriptor)
            self.channel = Connection(ours.detach())

    def begin(self, job: _Job) -> None:
        self.job, self._last, self._still = job, -1, 0
        self.mark.clear()
        with contextlib.suppress(OSError):  # its death shows when we listen
            self.channel.send_bytes(job.message())

    def look(self, seen: Callable[[int], None]) -> None:
        """Tell the records read since; end a worker that has stood still for minutes."""
        now, record = time.monotonic(), self.mark.record
        if self.job is None or record is None or now - self._looked < TICK:
            return
        seen(max(0, record - self.job.told))
        self.job.told = max(record, self.job.told)
        self._still = self._still + 1 if record == self._last else 0
        self._looked, self._last = now, record
        if self._still > STALLED:
            self.process.kill()

    def status(self) -> int:
        """Return the exit status of a process whose channel has closed."""
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def end(self) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()
        self.mark.close()


def _start(channel: int, mark: int) -> subprocess.Popen[bytes]:
    """Start a worker that no Ctrl-C reaches: its parent decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                _START,
                json.dumps(list(map(str, sys.path))),
                str(channel),
                str(mark),
            ],
            stdin=subprocess.DEVNULL,
            stdout=2,  # standard output is for results
            pass_fds=(channel, mark),
            env={**os.environ, **_ENVIRONMENT},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _main_file(spec: Spec) -> str | None:
    """Return the script to be run again where a source or transform is defined in it."""
    names = [spec["source"]["name"], *(transform["name"] for transform in spec["transforms"])]
    if not any(name.startswith("__main__:") for name in names):
        return None
    if path := getattr(sys.modules["__main__"], "__file__", None):
        return str(Path(path).absolute())
    raise UsageError(
        "a class defined at a prompt can't reach worker processes",
        where=", ".join(names),
        do="define it in a file, or ask for workers=0",
    )


def work(channel: int, mark: int) -> NoReturn:
    """Be a worker: answer each spec with a receipt or a failure, until the parent goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    for descriptor in (channel, mark):
        os.set_inheritable(descriptor, False)
    connection, shared, specs = Connection(channel), Mark(mark), queue.SimpleQueue[bytes]()
    threading.Thread(target=_listen, args=(connection, specs), daemon=True).start()
    import nndata.shards.writer  # noqa: F401 - without its libraries no worker can start

    gc.freeze()
    gc.set_threshold(*COLLECTED)
    connection.send_bytes(READY)
    while True:
        answer = _answer(json.loads(specs.get()), shared)
        connection.send_bytes(json.dumps(answer).encode())


def _listen(connection: Connection, specs: queue.SimpleQueue[bytes]) -> None:
    """Take in specs; when the parent's end closes, end this process whatever it is doing."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            specs.put(connection.recv_bytes())
    os._exit(0)


def _answer(spec: Spec, mark: Mark) -> Receipt:
    if spec["main"]:
        _run_main(spec["main"])
    watch = Watch(mark, frozenset(spec["patient"]))
    try:
        return run_task(spec, watch)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # with the mark as it stands
    except Exception as error:
        watch.rest()
        return failure(spec, error, watch.record)


def _run_main(path: str) -> None:
    """Make the classes of the caller's script findable, as `multiprocessing` does."""
    if getattr(sys.modules["__main__"], "__file__", None) == path:
        return
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    module.__dict__.update(runpy.run_path(path, run_name="__mp_main__"), __name__="__main__")
