"""What a run is worth on examples that it doesn't learn from, every so many steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from nndata.errors import UsageError
from nndata.feed.tensorflow import Batches, Feed
from nndata.training.checkpoint import Standing
from nndata.training.evaluation import Evaluation
from nndata.training.replicas import Replicas

__all__ = ["Validation"]


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Which examples, how often, and what is best."""

    feed: Feed
    evaluation: Evaluation
    replicas: Replicas
    every: int  # steps
    best: str = "loss"  # the lowest; of any other metric the highest
    patience: int | None = None  # validations without a better one, after which to stop

    def __post_init__(self) -> None:
        if self.every < 1 or (self.patience is not None and self.patience < 1):
            asked = f"evaluate_every={self.every}, patience={self.patience}"
            raise UsageError(asked, do="take 1 or more")
        if self.best not in self.evaluation.names:
            known = ", ".join(self.evaluation.names)
            raise UsageError(f"best={self.best!r} is not measured", do=f"take one of: {known}")
        if self.feed.batching.total is None:
            raise UsageError(
                "validation data without an end",
                do="load it with epochs=1, shuffle=False and drop_remainder=False",
            )
        _ = self._batches  # refuses what machines can't share

    def is_due(self, step: int, steps: int) -> bool:
        """Say whether to validate after a step."""
        return step % self.every == 0 or step == steps

    @cached_property
    def _batches(self) -> Batches:
        host = self.replicas.host
        return self.feed.at(0, host=host if host[1] > 1 else None)

    def measure(self) -> dict[str, float]:
        """Return what the model is worth; each machine measures its share."""
        split = self.feed.batching.split
        return self.evaluation.means(self._batches, split, self.replicas.total)

    def judge(self, standing: Standing, step: int, found: Mapping[str, float]) -> Standing:
        """Return how the run stands after this."""
        after = standing.after(step, found[self.best], is_higher_better=self.best != "loss")
        # One at the end of a call is out of turn: were it counted, a run that was made in two calls
        # would lose patience sooner.
        return after if after.step == step or step % self.every == 0 else standing

    def is_exhausted(self, standing: Standing) -> bool:
        """Say whether patience has come to its end."""
        return self.patience is not None and standing.since >= self.patience
