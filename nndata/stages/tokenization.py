"""Text to tokens: train a byte-level byte-pair vocabulary, then tokenize a dataset with it.

    vocabulary = train_tokenizer(articles, vocabulary=4096, out="tokenizer.json")
    tokens = tokenize(articles, vocabulary, out="tokens")      # tokens: 412, 17, 9, …, 0

Token 0 is the end of a text; it stands after each document. Tokens are stored as uint16, or as
uint32 where the vocabulary is larger than that (see `tokens`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import FormatError, MissingExtra, NotFoundError, UsageError
from nndata.example import Dropped, Example, Features
from nndata.order import Order
from nndata.paths import atomic_write
from nndata.preparation import prepare
from nndata.progress import SILENT, Progress
from nndata.source import RawFile, RemoteFile
from nndata.stages.stored import StoredDataset, StoredSnapshot
from nndata.stages.tokens import kind_for, raw, stored

__all__ = ["END", "Tokenize", "open_tokenizer", "tokenize", "train_tokenizer"]

END = "<|end|>"
SAMPLE = 64 << 20  # bytes of text that a vocabulary is learnt from: more hardly changes it
_TOGETHER = 256  # documents read at once


def train_tokenizer(
    dataset: Dataset,
    *,
    vocabulary: int,
    out: Path | str,
    fields: Sequence[str] = ("text",),
    sample: int = SAMPLE,
    progress: Progress = SILENT,
) -> Path:
    """Learn a byte-level byte-pair vocabulary; a file that the same call made is kept.

    It is learnt from documents in the order of seed 0 until `sample` bytes are reached, so the same
    dataset always gives the same vocabulary.
    """
    path = Path(out)
    _check_fields(dataset.features, fields)
    if vocabulary < 257:
        raise UsageError(f"a vocabulary of {vocabulary}", do="take at least 257: bytes and the end")
    wanted = {
        "dataset": dataset.manifest.digest,
        "examples": len(dataset),
        "vocabulary": vocabulary,
        "fields": list(fields),
        "sample": sample,
        "tokenizers": _tokenizers().__version__,
    }
    receipt = path.with_name(path.name + ".receipt")
    if _is_made(path, receipt, wanted):
        return path
    trained = _train(_sample(dataset, fields, sample, progress), vocabulary)
    _write(path, trained.to_str(pretty=True).encode())
    _write(receipt, json.dumps({**wanted, "sha256": _sha256(path)}, indent=1).encode() + b"\n")
    return path


def tokenize(
    dataset: Dataset,
    tokenizer: Path | str,
    *,
    out: Path | str,
    fields: Sequence[str] = ("text",),
    keep: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Make a dataset of tokens; of the other features only `keep` stay.

    `fields` are joined by an empty line. Ids, origins and the division into splits stay too.
    """
    _check_fields(dataset.features, fields)
    _check_fields(dataset.features, keep)
    path = Path(tokenizer)
    step = Tokenize(
        sha256=_sha256(path),
        kind=kind_for(max(open_tokenizer(path).get_vocab().values(), default=0) + 1),
        fields=tuple(fields),
        keep=tuple(keep),
    )
    return prepare(
        _TextsSnapshot(dataset, path, step.sha256),
        [step],
        out=out,
        division=dataset.manifest.division,
        workers=workers,
        progress=progress,
    )


def open_tokenizer(path: Path | str) -> Any:
    """Open a vocabulary as a `tokenizers.Tokenizer`: `.encode(text).ids`, `.decode(ids)`."""
    try:
        return _tokenizers().Tokenizer.from_str(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError("no such tokenizer", where=str(path)) from error
    except Exception as error:  # the library raises nothing narrower
        if isinstance(error, MissingExtra):
            raise
        raise FormatError("not a tokenizer", where=str(path), why=str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Tokenize:
    """Puts tokens in the place of text, the end of the text after them."""

    sha256: str  # of the tokenizer's bytes; where it lies is no part of what is asked for
    kind: str = "uint32"  # of the numbers that tokens are stored as
    fields: tuple[str, ...] = ("text",)
    keep: tuple[str, ...] = ()

    libraries: ClassVar[tuple[str, ...]] = ("tokenizers",)

    def features(self, before: Features) -> Features:
        """Return the id, what is kept, and tokens."""
        kept = {name: before[name] for name in self.keep}
        return Features({**kept, "tokens": raw(self.kind, "token ids of the text")})

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        """Yield the tokens of each document; one without text is left out."""
        for example in examples:
            text = "\n\n".join(example[name] for name in self.fields if example.get(name))
            if not text:
                yield Dropped("no text", example["origin"], example["id"])
                continue
            kept = {name: example.get(name) for name in ("id", *self.keep, "origin")}
            ids = [*self._model.encode(text).ids, self._model.token_to_id(END)]
            yield {**kept, "tokens": stored(ids, self.kind)}

    @cached_property
    def _model(self) -> Any:
        path = _PLACES[self.sha256]
        model = open_tokenizer(path)
        if _sha256(path) != self.sha256:
            raise FormatError("the tokenizer has changed meanwhile", where=str(path))
        if model.token_to_id(END) is None:
            raise FormatError(f"the tokenizer has no token {END}", where=str(path))
        model.encode_special_tokens = True  # a text that says "<|end|>" doesn't end there
        return model


# Where a tokenizer lies on this machine, by its digest. It comes with the files of a part, and not
# with the options of the transform: those are the same wherever the folders are moved to.
_PLACES: dict[str, Path] = {}


class Texts(StoredDataset):
    """A dataset whose parts bring the tokenizer along."""

    def parse(self, *files: RawFile) -> Iterator[Example]:
        """Yield the examples of a shard, once it is known where the tokenizer lies."""
        *shard, tokenizer = files
        _PLACES[tokenizer.digest.removeprefix("sha256:")] = tokenizer.path
        yield from super().parse(*shard)


class _TextsSnapshot(StoredSnapshot):
    """The shards of a dataset, each with the tokenizer beside it."""

    def __init__(self, dataset: Dataset, tokenizer: Path, sha256: str) -> None:
        super().__init__(dataset)
        self.source = Texts.of(dataset)
        url, size = f"tokenizer:sha256:{sha256}", tokenizer.stat().st_size
        self._tokenizer = RawFile(tokenizer, url, 0, size, digest=f"sha256:{sha256}")
        beside = RemoteFile(url, size, self._tokenizer.digest)
        self.parts = tuple(replace(part, files=(*part.files, beside)) for part in self.parts)

    def _raw(self, file: RemoteFile) -> RawFile:
        return self._tokenizer if file.url == self._tokenizer.url else super()._raw(file)


def _train(texts: Iterable[str], vocabulary: int) -> Any:
    library = _tokenizers()
    model = library.Tokenizer(library.models.BPE())
    model.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    return model


def _sample(
    dataset: Dataset, fields: Sequence[str], size: int, progress: Progress
) -> Iterator[str]:
    """Yield texts of documents drawn from all over the dataset, up to so many bytes."""
    order, taken = Order(len(dataset)), 0
    with progress.task("vocabulary", None, "B") as task:
        for first in range(0, len(dataset), _TOGETHER):
            positions = np.arange(first, min(first + _TOGETHER, len(dataset)))
            for index in order[positions].tolist():
                example = dataset[index]
                text = "\n\n".join(example[name] for name in fields if example.get(name))
                taken += len(text.encode())
                task.advance(len(text.encode()))
                yield text
                if taken >= size:
                    return


def _check_fields(features: Features, names: Sequence[str]) -> None:
    for name in names:
        if name not in features:
            raise UsageError(f"no feature {name!r}; there are: {', '.join(features)}")


def _is_made(path: Path, receipt: Path, wanted: dict[str, Any]) -> bool:
    try:
        made = json.loads(receipt.read_bytes())
    except (OSError, ValueError):
        return False
    return bool(path.is_file() and made == {**wanted, "sha256": _sha256(path)})


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(data)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise NotFoundError("no such tokenizer", where=str(path)) from error


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtra.of("tokenizers", "tensorflow") from error
    return tokenizers
