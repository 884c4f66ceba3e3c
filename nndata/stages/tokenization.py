"""Text to tokens: train a byte-level byte-pair vocabulary, then tokenize a dataset with it.

    vocabulary = train_tokenizer(articles, vocabulary=4096, out="tokenizer.json")
    tokens = tokenize(articles, vocabulary, out="tokens")      # tokens: [412, 17, 9, …, 0]

Token 0 is the end of a text; it stands after each document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nndata.dataset import Dataset
from nndata.errors import FormatError, MissingExtra, NotFoundError, UsageError
from nndata.example import Dropped, Example, Feature, Features
from nndata.order import Order
from nndata.paths import atomic_write
from nndata.progress import SILENT, Progress
from nndata.stages.stored import transformed

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
    step = Tokenize(
        tokenizer=str(tokenizer),
        sha256=_sha256(Path(tokenizer)),
        fields=tuple(fields),
        keep=tuple(keep),
    )
    division = dataset.manifest.division
    return transformed(
        dataset, [step], out=out, division=division, workers=workers, progress=progress
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


@dataclass(frozen=True)
class Tokenize:
    """Puts tokens in the place of text, the end of the text after them."""

    tokenizer: str  # path of the file
    sha256: str  # of its bytes, so that another vocabulary under the same name is told apart
    fields: tuple[str, ...] = ("text",)
    keep: tuple[str, ...] = ()

    libraries: ClassVar[tuple[str, ...]] = ("tokenizers",)

    def features(self, before: Features) -> Features:
        """Return the id, what is kept, and tokens."""
        kept = {name: before[name] for name in self.keep}
        return Features({**kept, "tokens": Feature("int", many=True, description="of the text")})

    def __call__(self, examples: Iterable[Example], /) -> Iterator[Example | Dropped]:
        """Yield the tokens of each document; one without text is left out."""
        end = self._model.token_to_id(END)
        for example in examples:
            text = "\n\n".join(example[name] for name in self.fields if example.get(name))
            if not text:
                yield Dropped("no text", example["origin"], example["id"])
                continue
            kept = {name: example.get(name) for name in ("id", *self.keep, "origin")}
            yield {**kept, "tokens": [*self._model.encode(text).ids, end]}

    @cached_property
    def _model(self) -> Any:
        model = open_tokenizer(self.tokenizer)
        if _sha256(Path(self.tokenizer)) != self.sha256:
            raise FormatError("the tokenizer has changed meanwhile", where=self.tokenizer)
        if model.token_to_id(END) is None:
            raise FormatError(f"the tokenizer has no token {END}", where=self.tokenizer)
        model.encode_special_tokens = True  # a text that says "<|end|>" doesn't end there
        return model


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
