"""Asking the user for a contact: once, on a terminal, for hosts that want one of every visitor."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from nndata import contact
from nndata.source import Source

__all__ = ["introduce", "use_remembered"]


def introduce(source: Source, asked: Mapping[str, Any]) -> None:
    """Have a contact ready for the hosts of a source, if any of them asks for one.

    Where there is nobody to ask, the host's own error says what to type.
    """
    is_local = asked["offline"] or asked["sample"] or asked["files"] or source.local_files()
    if use_remembered() or is_local:
        return
    asking = _asking(source, asked["mirror"])
    if asking and sys.stdin.isatty() and sys.stderr.isatty():
        text = click.prompt(
            f"{asking} asks every visitor for a contact: your e-mail address, or a page about you",
            value_proc=_fit,
            err=True,
        )
        click.echo(f"remembered in {contact.remember(text)}", err=True)
        os.environ[contact.VARIABLE] = text


def use_remembered() -> bool:
    """Put the contact that is known where the client looks for it; say whether there is one."""
    known = contact.find()
    if known.text:
        os.environ[contact.VARIABLE] = known.text
    return bool(known.text)


def _asking(source: Source, mirrors: Sequence[str]) -> str:
    """Return the first host of a source that asks for a contact; mirrors stand for its origin."""
    from nndata.http.politeness import rule_for

    own = [origin for origin in source.origins if not mirrors or origin not in source.mirrored]
    hosts = [urlsplit(root).hostname or "" for root in [*mirrors, *own]]
    return next((host for host in hosts if host and rule_for(host).contact), "")


def _fit(text: str) -> str:
    text = text.strip()
    if why := contact.flaw(text):
        raise click.UsageError(f"a contact is {why}")
    return text
