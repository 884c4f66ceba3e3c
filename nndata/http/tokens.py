"""Secrets for hosts that ask for a login: each bound to one host, shown to nobody else.

Looked for, in this order:

    NNDATA_TOKEN_HUGGINGFACE_CO=…     the host in capitals, dots and dashes as underscores
    HF_TOKEN=…                        for huggingface.co, as its own tools read it
    NNDATA_TOKEN_FILE=PATH            lines "HOST TOKEN", readable by its owner alone
    ~/.netrc                          only if asked for, with NNDATA_NETRC=1
"""

from __future__ import annotations

import base64
import netrc
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nndata.errors import RefusedError, UsageError, storage_error
from nndata.http.addresses import is_loopback
from nndata.http.urls import place, shown

__all__ = ["Credential", "Secret", "Tokens", "variable"]

MASK = "***"
_OTHERS = {"huggingface.co": "HF_TOKEN"}  # what a host's own tools call it


class Secret:
    """A text that shows itself to nobody who doesn't ask with `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself: to be handed to the host that it is for, and nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (MASK,)


class Header(str):
    """The value of a header that holds a secret: right on the wire, masked where it is printed."""

    def __repr__(self) -> str:
        return repr(MASK)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (MASK,)


@dataclass(frozen=True, slots=True)
class Credential:
    """What one host is told, and where that was found."""

    secret: Secret
    origin: str  # "NNDATA_TOKEN_EXAMPLE_ORG", the path of a file
    scheme: str = "Bearer"

    @property
    def header(self) -> Header:
        """Return the value of the header `Authorization`."""
        return Header(f"{self.scheme} {self.secret.reveal()}")


class Tokens:
    """Finds the credential of a host, and gives it to no other.

    It goes over https only; over http to the user's own mirror on this machine.
    """

    def __init__(
        self,
        file: Path | str | None = None,
        *,
        netrc: bool = False,
        permitted: frozenset[tuple[str, int]] = frozenset(),
    ) -> None:
        self._file = Path(file) if file else None
        self._netrc, self._permitted = netrc, permitted
        self._bound: dict[str, str] = {}  # variable -> the one host that has it

    def find(self, url: str) -> Credential | None:
        """Return what to tell the host of a URL that the user or a source named."""
        host = place(url)[0]
        if not self.may_travel(url):
            return None
        return self._of_environment(host) or self._of_file(host) or self._of_netrc(host)

    def may_travel(self, url: str) -> bool:
        """Say whether nobody on the way could read along."""
        if urlsplit(url).scheme == "https":
            return True
        return is_loopback(place(url)[0]) and place(url) in self._permitted

    def _of_environment(self, host: str) -> Credential | None:
        for name in filter(None, (variable(host), _OTHERS.get(host))):
            if text := os.environ.get(name, "").strip():
                # a-b.org and a.b.org have one name: it is for whoever was asked first.
                if self._bound.setdefault(name, host) != host:
                    raise RefusedError(
                        f"{name} was given to {self._bound[name]} already",
                        where=host,
                        do="put the tokens of both hosts into a token file",
                    )
                return Credential(Secret(_plain(text, name)), name)
        return None

    def _of_file(self, host: str) -> Credential | None:
        if self._file is None:
            return None
        for number, line in enumerate(_private_lines(self._file), 1):
            words = line.partition("#")[0].split()
            if words and len(words) != 2:
                raise UsageError("not a line of HOST TOKEN", where=f"{self._file}:{number}")
            if words and words[0].lower() == host:
                where = f"{self._file}:{number}"
                return Credential(Secret(_plain(words[1], where)), str(self._file))
        return None

    def _of_netrc(self, host: str) -> Credential | None:
        if not self._netrc:
            return None
        path = Path(os.environ.get("NETRC") or "~/.netrc").expanduser()
        try:
            found = netrc.netrc(str(path)).hosts.get(host)  # never its `default`: that is no host
        except FileNotFoundError:
            return None
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            raise UsageError("can't be read as a netrc file", where=str(path)) from None
        if found is None:
            return None
        pair = base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode()
        return Credential(Secret(pair), str(path), "Basic")


def variable(host: str) -> str:
    """Return the environment's name for a host's token.

    >>> variable("data.my-site.org")
    'NNDATA_TOKEN_DATA_MY_SITE_ORG'
    """
    return "NNDATA_TOKEN_" + re.sub(r"[^A-Z0-9]", "_", host.upper())


def _plain(text: str, where: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError("a token is one word of plain characters", where=where)
    return text


def _private_lines(path: Path) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(
                    "others may read this token file", where=str(path), do=f"chmod 600 {path}"
                )
            return file.read().splitlines()
    except UnicodeDecodeError:
        raise UsageError("no text file", where=str(path)) from None
    except FileNotFoundError:
        raise UsageError("no such token file", where=str(path)) from None
    except OSError as error:
        raise storage_error(error, str(path)) from error


def advice(url: str, told: Credential | None, tokens: Tokens) -> str:
    """Say what to do about a host that refuses."""
    if told is not None:
        return f"check what {told.origin} holds, and whether the site asks you to accept terms"
    if not tokens.may_travel(url):
        return f"a login would need https, which {shown(url)} is not"
    return f"if you have a login there, export {variable(place(url)[0])}=YOUR_TOKEN"
