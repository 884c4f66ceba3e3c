"""Wikipedia, from a dump to a model that writes: prepare, tokenize, pack, train, sample.

    python -m pipelines.wikipedia train configs/wikipedia/smoke.toml [key=value …]
    python -m pipelines.wikipedia sample configs/wikipedia/smoke.toml [writing.prompt="The river"]

Stop it anywhere: the same command goes on where it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

import nndata
from nndata.cli import main
from nndata.config import build, options, override, read_toml
from nndata.progress import for_stream
from nndata.samples import sample_world, serve
from nndata.sources.wikipedia import Wikipedia
from nndata.stages.packing import pack
from nndata.stages.tokenization import END, open_tokenizer, tokenize, train_tokenizer
from nndata.training import Optimizer, described, export, load_weights, scope
from nndata.training.backend import keras, tf
from nndata.training.models.transformer import Transformer, next_token_loss, packed, sample
from nndata.training.precision import set_precision

FIELDS = ("title", "text")


@dataclass(frozen=True, kw_only=True)
class Training:
    batch_size: int
    steps: int
    seed: int = 0
    accumulate: int = 1  # batches of a step
    precision: str = "float32"  # "mixed_bfloat16" on a GPU of today
    ema: float = 0.0  # of the weights, such as 0.999
    evaluate_every: int = 500  # where some articles are held out
    patience: int | None = None  # evaluations without a better one, after which to stop
    report_every: int = 50
    save_every: int = 500
    deterministic: bool = False  # bit for bit the same on the same machine, and slower


@dataclass(frozen=True, kw_only=True)
class Writing:
    prompt: str = ""
    tokens: int = 60
    temperature: float = 0.7
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Config:
    out: Path
    world: str = "real"  # "sample": the built-in one, served on loopback in the site's place
    mirror: str | None = None
    limit: int | None = None  # articles
    held_out: float = 0.0  # share of the articles that is not learned from: split "test"
    export: bool = False  # the trained model, as .keras and SavedModel too
    length: int  # tokens of a row
    source: Wikipedia
    model: Transformer
    optimizer: Optimizer = field(default_factory=Optimizer)
    training: Training
    writing: Writing = field(default_factory=Writing)


def train(config: Config) -> str:
    out, length, training = config.out, config.length, config.training
    progress = for_stream()

    # Articles as plain text, then as tokens, then in rows of one length: three datasets, each whole
    # or absent. What is there already is kept.
    with mirror(config) as root:
        articles = nndata.prepare(
            config.source,
            out=out / "articles",
            mirror=root,
            limit=config.limit,
            division=division(config),
            progress=progress,
        )
    vocabulary = train_tokenizer(
        articles,
        vocabulary=config.model.vocabulary,
        out=out / "tokenizer.json",
        fields=FIELDS,
        progress=progress,
    )
    tokens = tokenize(articles, vocabulary, out=out / "tokens", fields=FIELDS, progress=progress)
    rows = pack(tokens, length, out=out / "rows", progress=progress)
    progress.note(f"{len(articles):,} articles in {len(rows):,} rows of {length} tokens")

    # The order of batches is arithmetic: a resumed run sees the next one, and none twice.
    model = built(config)
    run = nndata.train(
        model,
        nndata.load(rows, batch_size=training.batch_size, seed=training.seed, map=packed(length)),
        out=out / "run",
        steps=training.steps,
        loss=next_token_loss,
        optimizer=config.optimizer,
        accumulate=training.accumulate,
        ema=training.ema,
        validation=held_out(rows, config),
        evaluate_every=training.evaluate_every,
        patience=training.patience,
        config={**options(config), "model": described(config.model)},
        report_every=training.report_every,
        save_every=training.save_every,
        tokens=length,
        progress=progress,
    )
    if config.export:
        progress.note(f"exported to {export(model, out / 'export')}")
    progress.note(f"{run.folder}: losses are drawn in loss.svg")
    return written(model, config)


def division(config: Config) -> dict[str, float] | None:
    """Say which share of the articles is for learning, and which is held out."""
    if not config.held_out:
        return None
    return {"train": 1 - config.held_out, "test": config.held_out}


def held_out(rows: nndata.Dataset, config: Config) -> tf.data.Dataset | None:
    """Load what is not learned from, once through and in its stored order."""
    if not config.held_out:
        return None
    return nndata.load(
        rows,
        "test",
        batch_size=config.training.batch_size,
        epochs=1,
        shuffle=False,
        drop_remainder=False,
        map=packed(config.length),
    )


def built(config: Config) -> keras.Model:
    """Make the model on all devices there are, with the numerics that are asked for."""
    with scope():
        if config.training.deterministic:
            tf.config.experimental.enable_op_determinism()
        model = config.model.build()
    set_precision(model, config.training.precision)
    return model


def written(model: keras.Model, config: Config) -> str:
    """Let the model go on from the prompt; with no prompt it begins an article."""
    tokenizer, writing = open_tokenizer(config.out / "tokenizer.json"), config.writing
    end = tokenizer.token_to_id(END)
    tokens = sample(
        model,
        [end, *tokenizer.encode(writing.prompt).ids],
        writing.tokens,
        temperature=writing.temperature,
        seed=writing.seed,
        end=end,
        context=config.length,
    )
    text: str = tokenizer.decode(tokens)
    return text


@contextlib.contextmanager
def mirror(config: Config) -> Iterator[str | None]:
    """Give the root that stands for the site; None is the site itself."""
    if config.world != "sample":
        yield config.mirror
        return
    with serve(sample_world(["wikipedia"])) as server:
        yield server.root("wikipedia")


def read(path: str, words: tuple[str, ...]) -> Config:
    """Read a configuration, with `table.key=value` words on top."""
    return build(Config, override(read_toml(Path(path)), words), where=path)


@click.group()
def program() -> None:
    """Wikipedia, from a dump to a model that writes."""


@program.command("train")
@click.argument("config")
@click.argument("words", nargs=-1)
def train_command(config: str, words: tuple[str, ...]) -> None:
    """Do all that CONFIG says, and print what the model writes; WORDS are key=value."""
    click.echo(train(read(config, words)))


@program.command("sample")
@click.argument("config")
@click.argument("words", nargs=-1)
def sample_command(config: str, words: tuple[str, ...]) -> None:
    """Print what the trained model of CONFIG writes."""
    chosen = read(config, words)
    model = built(chosen)
    load_weights(model, chosen.out / "run")
    click.echo(written(model, chosen))


if __name__ == "__main__":
    main(program)
