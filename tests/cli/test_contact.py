"""A contact is asked for once, where somebody can answer and a host wants one; then remembered."""

import os
import pty
import select
import stat
import subprocess
import time
from contextlib import closing

import mirrors
import pytest
from commands import PROGRAM, environment, nndata
from faultserver import FaultServer

from nndata import contact
from nndata.samples import serve

QUESTION = "dumps.wikimedia.org asks every visitor for a contact"
NOBODY = "the proxy leads nowhere: no byte of a test leaves this machine"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, home, *words, **more):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [*PROGRAM, *map(str, words)],
            stdin=slave,
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env=environment(home, **more),
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def until(self, words, seconds=30):
        """Read until these words; or to the end without any."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and (not words or words not in self.text):
            if select.select([self._master], [], [], 1)[0]:
                try:
                    self.text += os.read(self._master, 4096).decode()
                except OSError:
                    break
        assert words in self.text, self.text

    def type(self, line):
        os.write(self._master, f"{line}\n".encode())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def test_a_terminal_is_asked_once_and_the_answer_is_remembered(tmp_path):
    with FaultServer({}) as nobody:
        proxies = {"HTTPS_PROXY": nobody.root, "HTTP_PROXY": nobody.root}
        with closing(Terminal(tmp_path, "fetch", "wikipedia", **proxies)) as terminal:
            terminal.until(QUESTION)
            terminal.type("nobody")
            terminal.until("a contact is an e-mail address, or a page that names one")
            terminal.type("ada@example.org")
            terminal.until("remembered in ")
        path = tmp_path / "config" / "contact"
        assert path.read_text() == "ada@example.org\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with closing(Terminal(tmp_path, "plan", "wikipedia", **proxies)) as terminal:
            terminal.until("the proxy can't be reached")
            assert QUESTION not in terminal.text
    assert {request.method for request in nobody.requests} == {"CONNECT"}, NOBODY


def test_without_a_terminal_the_line_to_type_is_told(tmp_path):
    for verb in ("fetch", "plan"):
        done = nndata(verb, "wikipedia", home=tmp_path, code=2)
        assert "export NNDATA_CONTACT=" in done.stderr
        assert QUESTION not in done.stderr


@pytest.mark.parametrize("words", [("--offline",), ("--file", "none.xml")])
def test_nobody_is_asked_where_no_host_is_visited(tmp_path, words):
    with closing(Terminal(tmp_path, "fetch", "wikipedia", *words)) as terminal:
        terminal.until("")
        assert terminal.process.wait(30) == 3
    assert QUESTION not in terminal.text


def test_a_mirror_on_this_machine_wants_no_contact(tmp_path):
    mirrors.lay_out(tmp_path / "site", "simplewiki", "20260801", mirrors.tiny("one"))
    with serve(tmp_path / "site") as server:
        words = ("fetch", "wikipedia", "--mirror", server.url, "--workers", "0")
        with closing(Terminal(tmp_path, *words)) as terminal:
            terminal.until("")
            assert terminal.process.wait(30) == 0
    assert QUESTION not in terminal.text


def test_the_environment_goes_before_what_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("NNDATA_HOME", str(tmp_path))
    monkeypatch.delenv("NNDATA_CONTACT", raising=False)
    assert contact.find() == contact.Contact()
    path = contact.remember("ada@example.org")
    assert contact.find() == contact.Contact("ada@example.org", str(path))
    monkeypatch.setenv("NNDATA_CONTACT", " bob@example.org ")
    assert contact.find() == contact.Contact("bob@example.org", "NNDATA_CONTACT")


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("ada@example.org", ""),
        ("https://example.org/about", ""),
        ("ada", "an e-mail address"),
        ("", "an e-mail address"),
        ("ada@example.org\nX-Evil: 1", "plain characters"),
        ("ada@example.org (me)", "plain characters"),
        ("ädä@example.org", "plain characters"),
        ("a@" + "b" * 300, "at most 200"),
    ],
)
def test_what_goes_into_a_header_is_one_plain_line(text, flaw):
    assert contact.flaw(text).startswith(flaw)
    assert bool(contact.flaw(text)) == bool(flaw)
