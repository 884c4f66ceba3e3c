"""What a run is doing, for another terminal to read: one small file for each run, while it runs.

    <state>/runs/PID-RANDOM.json      rewritten about once a second, and once more at the end

A journal is a `Progress` in front of another one. It decides nothing and is in nobody's way: where
it can't be written the run goes on without it. An events log, if one is asked for, gets the same as
lines of JSON: start, progress, note, wait, retry, end.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import nndata
from nndata.errors import ExitCode, NndataError, storage_error
from nndata.owner import myself
from nndata.paths import temporary_beside
from nndata.progress import Progress, Task
from nndata.runs import SCHEMA_VERSION, runs_home, tidy

__all__ = ["Journal", "kept"]

BEAT = 1.0  # seconds between two writes
WINDOW = 10.0  # seconds over which a rate is taken
NOTES, TASKS = 5, 8  # of each, the last ones are kept
RETRY = "trying again"  # how the client's waits begin that are another try


class Journal:
    """One run's journal; `follow` puts it in front of what tells the user."""

    def __init__(
        self, verb: str, subject: str, folder: Path | None, log: IO[str] | None = None
    ) -> None:
        self._path = runs_home() / f"{os.getpid()}-{os.urandom(4).hex()}.json"
        self._log, self._lock, self._ended = log, threading.RLock(), threading.Event()
        self._facts: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "nndata": nndata.__version__,
            "verb": verb,
            "subject": subject,
            "folder": str(folder.absolute()) if folder else "",
            **asdict(myself()),
            "began": round(time.time(), 3),
        }
        self._tasks: dict[str, _Tally] = {}
        self._notes: deque[str] = deque(maxlen=NOTES)
        self._retries, self._told = 0, ""
        self._thread = threading.Thread(target=self._beat, name="journal", daemon=True)

    def begin(self) -> None:
        """Write the first state, and go on doing so until the end."""
        tidy(self._facts["folder"])
        self._event("start", {k: self._facts[k] for k in ("verb", "subject", "folder", "pid")})
        self._write({})
        self._thread.start()

    def at(self, folder: Path) -> None:
        """Name the folder of the result, where it is known only now."""
        self._facts["folder"] = str(folder.absolute())
        tidy(self._facts["folder"], but=self._path)

    def end(self, code: int, error: str = "") -> None:
        """Write how it ended."""
        self._ended.set()
        self._thread.join()
        self._tell_progress()
        outcome = {"exit_code": code, "error": error}
        self._event("end", outcome)
        self._write({"ended": round(time.time(), 3), **outcome})

    def follow(self, progress: Progress) -> Progress:
        """Return a progress that is told to the journal and to `progress`."""
        return _Followed(self, progress)

    def noted(self, message: str) -> None:
        """Remember a note."""
        with self._lock:
            self._notes.append(message)
        self._event("note", {"text": message})

    def waited(self, task: _Tally, reason: str) -> None:
        """Remember what a task waits for; nothing when it goes on."""
        with self._lock:
            task.waits_for = reason
            is_retry = RETRY in reason
            self._retries += is_retry
        if reason:
            self._event("retry" if is_retry else "wait", {"task": task.name, "text": reason})

    def add(self, task: _Tally) -> None:
        """Take a task in; of those that are over, the last ones stay."""
        with self._lock:
            before = self._tasks.get(task.name)
            key = task.name if before is None or before.over else f"{task.name} {id(task)}"
            self._tasks.pop(key, None)
            self._tasks[key] = task
            over = [name for name, one in self._tasks.items() if one.over]
            for name in over[: max(0, len(self._tasks) - TASKS)]:
                del self._tasks[name]

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            self._tell_progress()
            self._write({})

    def _tell_progress(self) -> None:
        with self._lock:
            told = [
                {"task": t.name, "done": t.done, "total": t.total} for t in self._tasks.values()
            ]
        if told and (line := json.dumps(told)) != self._told:
            self._told = line
            self._event("progress", self._state())

    def _state(self) -> dict[str, Any]:
        now = time.monotonic()
        with self._lock:
            tasks = [task.told(now) for task in self._tasks.values()]
            waits = next((t.waits_for for t in self._tasks.values() if t.waits_for), "")
            notes, retries = list(self._notes), self._retries
        open_ones = [task["name"] for task in tasks if not task["over"]]
        return {
            "doing": open_ones[-1] if open_ones else "",
            **_summary(tasks),
            "retries": retries,
            "waits_for": waits,
            "notes": notes,
            "tasks": tasks,
        }

    def _write(self, more: dict[str, Any]) -> None:
        state = {**self._facts, "updated": round(time.time(), 3), **self._state(), **more}
        # Neither durable nor needed: a reader that finds half of it takes the next one.
        temporary = temporary_beside(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
            temporary.replace(self._path)
        except (OSError, UnicodeError):
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _event(self, kind: str, more: dict[str, Any]) -> None:
        if self._log is None:
            return
        line = json.dumps({"event": kind, "time": round(time.time(), 3), **more})
        with self._lock:
            try:
                self._log.write(f"{line}\n")
                self._log.flush()
            except (OSError, ValueError):
                self._log = None  # a full disk under the log is no reason to stop


class _Followed:
    """A progress with a journal in front."""

    def __init__(self, journal: Journal, progress: Progress) -> None:
        self._journal, self._progress = journal, progress

    def note(self, message: str) -> None:
        self._journal.noted(message)
        self._progress.note(message)

    @contextlib.contextmanager
    def task(
        self, name: str, total: int | None = None, unit: str = "", done: int = 0
    ) -> Iterator[Task]:
        with self._progress.task(name, total, unit, done) as inner:
            tally = _Tally(self._journal, inner, name, total, unit, done)
            self._journal.add(tally)
            try:
                yield tally
            finally:
                tally.over, tally.waits_for = True, ""


class _Tally:
    """How far one task is, and how fast it went lately."""

    def __init__(
        self, journal: Journal, inner: Task, name: str, total: int | None, unit: str, done: int
    ) -> None:
        self._journal, self._inner, self._lock = journal, inner, threading.Lock()
        self.name, self.total, self.unit, self.done = name, total, unit, done
        self.over, self.waits_for = False, ""
        self._past: deque[tuple[float, int]] = deque([(time.monotonic(), done)])

    def advance(self, count: int = 1) -> None:
        with self._lock:
            self.done += count
        self._inner.advance(count)

    def waits(self, reason: str) -> None:
        self._journal.waited(self, reason)
        self._inner.waits(reason)

    def shows(self, numbers: str) -> None:
        self._inner.shows(numbers)

    def told(self, now: float) -> dict[str, Any]:
        """Return it as JSON; bytes or units, and seconds."""
        self._past.append((now, self.done))
        while now - self._past[0][0] > WINDOW and len(self._past) > 2:
            self._past.popleft()
        then, before = self._past[0]
        rate = (self.done - before) / max(now - then, 0.001)
        left = None if self.total is None else max(0, self.total - self.done)
        return {
            "name": self.name,
            "unit": self.unit,
            "done": self.done,
            "total": self.total,
            "rate": None if self.over else round(rate, 1),
            "eta": round(left / rate) if left is not None and rate > 0 and not self.over else None,
            "over": self.over,
        }


def _summary(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is asked first: bytes and parts, of the last task that counts them."""
    found: dict[str, Any] = {}
    for unit in ("B", "parts"):
        last: dict[str, Any] = next((task for task in reversed(tasks) if task["unit"] == unit), {})
        name = "bytes" if unit == "B" else unit
        found |= {f"{name}_done": last.get("done"), f"{name}_total": last.get("total")}
        if unit == "B":
            found |= {"rate": last.get("rate"), "eta": last.get("eta")}
    return found


@contextlib.contextmanager
def kept(
    verb: str, subject: str, folder: Path | None, *, log: Path | None = None
) -> Iterator[Journal]:
    """Keep a journal of what happens in the block, and of how it ends.

    Raises:
        StorageError: the events log can't be written; the journal itself may be missing.
    """
    with _opened(log) as file:
        journal = Journal(verb, subject, folder, file)
        journal.begin()
        try:
            yield journal
        except BaseException as error:
            journal.end(*_outcome(error))
            raise
        journal.end(ExitCode.DONE)


@contextlib.contextmanager
def _opened(log: Path | None) -> Iterator[IO[str] | None]:
    if log is None:
        yield None
        return
    try:
        file = open(log, "a", encoding="utf-8")  # noqa: SIM115 - closed below
    except OSError as error:
        raise storage_error(error, str(log)) from error
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):
            file.close()


def _outcome(error: BaseException) -> tuple[int, str]:
    """Return the exit code that the command line will give, and the error in words."""
    if isinstance(error, NndataError):
        return int(error.exit_code), str(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(bool(error.code)), ""
    if isinstance(error, KeyboardInterrupt):
        return int(ExitCode.INTERRUPTED), ""
    if isinstance(error, BrokenPipeError):
        return int(ExitCode.BROKEN_PIPE), ""
    if isinstance(error, OSError):
        return int(ExitCode.STORAGE), str(storage_error(error))
    return int(ExitCode.BUG), f"{type(error).__name__}: {error}"
