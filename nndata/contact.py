"""Whom a host may write to: from the environment, or as it was told once and is remembered."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nndata.errors import storage_error
from nndata.paths import atomic_write, config_home

__all__ = ["VARIABLE", "Contact", "find", "flaw", "remember"]

VARIABLE = "NNDATA_CONTACT"
LONGEST = 200  # characters


@dataclass(frozen=True)
class Contact:
    """A contact and where it comes from; both empty where there is none."""

    text: str = ""
    origin: str = ""


def find() -> Contact:
    """Return the contact of the environment, else the one that is remembered."""
    if text := os.environ.get(VARIABLE, "").strip():
        return Contact(text, VARIABLE)
    try:
        text = _path().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return Contact()
    return Contact() if flaw(text) else Contact(text, str(_path()))


def remember(text: str) -> Path:
    """Keep a contact for all runs to come, readable by its owner only; return where."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(f"{text}\n".encode())
    except OSError as error:
        raise storage_error(error, str(path)) from error
    return path


def flaw(text: str) -> str:
    """Say why a text is no contact; nothing when it is one."""
    if not text.isascii() or not text.isprintable() or set(text) & set("()"):
        return "plain characters on one line, without brackets"
    if "@" not in text and "://" not in text:
        return "an e-mail address, or a page that names one"
    return f"at most {LONGEST} characters" if len(text) > LONGEST else ""


def _path() -> Path:
    return config_home() / "contact"
