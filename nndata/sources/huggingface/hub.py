"""What the Hub says of a dataset at one revision: its commit, its card, and its files with hashes.

`GET /api/datasets/REPO/revision/REVISION?blobs=true` answers {"sha", "gated", "cardData",
"siblings": [{"rfilename", "size", "blobId", "lfs": {"sha256", "size"}}, …]}.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, unquote

from nndata.errors import AccessError, FormatError, NotFoundError
from nndata.source import Listing, RemoteFile

__all__ = ["ORIGIN", "Repository"]

ORIGIN = "https://huggingface.co/"
TOKEN = "NNDATA_TOKEN_HUGGINGFACE_CO"  # noqa: S105 - its name only


@dataclass(frozen=True, slots=True)
class Repository:
    """A dataset's repository at one commit."""

    repo: str
    commit: str
    card: dict[str, Any]
    files: dict[str, RemoteFile]  # by path

    @classmethod
    def read(cls, repo: str, revision: str, listing: Listing) -> Self:
        """Ask the Hub.

        Raises:
            NotFoundError: there is no such dataset or revision.
            AccessError: it is private or gated; or there is none: the Hub doesn't tell which.
        """
        url = f"{ORIGIN}api/datasets/{repo}/revision/{quote(revision, safe='')}?blobs=true"
        try:
            answer = json.loads(listing.read(url))
            commit, card = answer["sha"], answer.get("cardData") or {}
            told = {each["rfilename"]: each for each in answer["siblings"]}
            files = {path: _remote(repo, commit, path, told[path]) for path in sorted(told)}
            return cls(repo, commit, card if isinstance(card, dict) else {}, files)
        except AccessError as error:
            raise AccessError(
                "private, gated, or not there",
                where=f"{ORIGIN}datasets/{repo}",
                why=error.what,
                do=f"accept its terms on that page, and export {TOKEN}=hf_…",
            ) from error
        except NotFoundError as error:
            raise NotFoundError(
                f"no revision {revision!r} of a dataset {repo!r} on the Hub", where=url
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FormatError("not the answer of a Hub", where=url, why=repr(error)) from error

    @property
    def license(self) -> str:
        """Return the licence of the card: one identifier, or several with commas."""
        found = self.card.get("license") or "unknown"
        return ", ".join(map(str, found)) if isinstance(found, list) else str(found)

    def remote(self, path: str) -> RemoteFile:
        """Return a file as it is published."""
        return self.files[path]

    @staticmethod
    def path_of(repo: str, revision: str, url: str) -> str:
        """Return a file's path in the repository from its URL."""
        return unquote(url.removeprefix(f"{ORIGIN}datasets/{repo}/resolve/{revision}/"))


def _remote(repo: str, commit: str, path: str, told: dict[str, Any]) -> RemoteFile:
    """Describe a file: large ones are named by their SHA-256, the others by git's own hash."""
    url = f"{ORIGIN}datasets/{repo}/resolve/{commit}/{quote(path)}"
    size, lfs, blob = told.get("size"), told.get("lfs") or {}, told.get("blobId")
    if "sha256" in lfs:
        return RemoteFile(url, size, f"sha256:{lfs['sha256']}")
    if blob and size is not None:
        return RemoteFile(url, size, f"git-{size}:{blob}")
    return RemoteFile(url, size)
