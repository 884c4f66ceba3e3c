"""`nndata tokenize DIR`: text to tokens, with a vocabulary that is learnt or given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nndata.cli._options import FOLDER
from nndata.cli._stages import stage

if TYPE_CHECKING:
    from nndata.dataset import Dataset


@stage
@click.option("--tokenizer", type=FOLDER, required=True, help="File of the vocabulary.")
@click.option(
    "--vocabulary", type=click.IntRange(min=257), help="Learn one of so many tokens into that file."
)
@click.option("--field", "fields", multiple=True, help="Feature of text  [default: text]")
@click.option("--keep", multiple=True, help="Feature that stays beside the tokens.")
def command(
    dataset: Dataset,
    tokenizer: Path,
    vocabulary: int | None,
    fields: tuple[str, ...],
    keep: tuple[str, ...],
    progress: Any,
    **asked: Any,
) -> Dataset:
    """Make a dataset of tokens of one of text; splits stay."""
    from nndata.stages.tokenization import tokenize, train_tokenizer

    texts = fields or ("text",)
    if vocabulary is not None:
        train_tokenizer(
            dataset, vocabulary=vocabulary, out=tokenizer, fields=texts, progress=progress
        )
    return tokenize(dataset, tokenizer, fields=texts, keep=keep, progress=progress, **asked)
