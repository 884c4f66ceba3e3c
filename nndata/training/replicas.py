"""Where a model is trained: one device, several GPUs of a machine, or several machines.

with nndata.training.scope():      # before nndata.load and all else of TensorFlow
    model = Convnet().build()      # one replica on each device, here and on all machines
nndata.train(model, batches, …)    # the same lines on every machine

Machines are those of TF_CONFIG, which clusters set; they share the folder of the run. Host h of H
reads rows h::H of each global batch, and among its R devices the r-th reads rows h + H r :: H R,
so however many there are, a step sees the same examples.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

from nndata.errors import NetworkError, UsageError
from nndata.feed.tensorflow import Batch, Feed
from nndata.training.ahead import Ahead
from nndata.training.backend import keras, tf

__all__ = ["Replicas", "scope"]

logger = logging.getLogger(__name__)

# What the others see when one of them is gone.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


def scope() -> contextlib.AbstractContextManager[Any]:
    """Make what is built in this block for all devices: several GPUs, the machines of TF_CONFIG.

    Raises:
        UsageError: TensorFlow was used before, and TF_CONFIG names several machines.
    """
    strategy = _strategy(os.environ.get("TF_CONFIG", ""))
    return contextlib.nullcontext() if strategy is None else strategy.scope()


@lru_cache(maxsize=1)  # machines are joined once in the life of a process
def _strategy(config: str) -> tf.distribute.Strategy | None:
    if (machines := _machines(config)) > 1:
        # TensorFlow waits, for an hour, without a word.
        logger.warning("joining the %d machines of TF_CONFIG: waits until all are there", machines)
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except RuntimeError as error:
            raise UsageError(
                "TF_CONFIG names several machines, which must be joined first of all",
                why=str(error),
                do="begin with `with nndata.training.scope():`, before nndata.load",
            ) from error
        except ValueError as error:
            raise UsageError(
                "TF_CONFIG does not say which machine this is",
                why=str(error),
                do='give it a task too, such as {"type": "worker", "index": 0}',
            ) from error
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return None


def _machines(config: str) -> int:
    """Return how many machines TF_CONFIG names as trainers."""
    try:
        cluster = json.loads(config or "{}").get("cluster", {})
        return sum(len(cluster.get(kind, ())) for kind in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise UsageError(f"TF_CONFIG can't be read: {error}", do="mend it, or unset it") from error


class Replicas:
    """All replicas of a model, here and on other machines, as one."""

    def __init__(self, model: keras.Model) -> None:
        values = [variable.value for variable in model.variables]
        mirrored = next((v for v in values if hasattr(v, "distribute_strategy")), None)
        self.strategy = mirrored.distribute_strategy if mirrored is not None else _one()
        if mirrored is None and _machines(os.environ.get("TF_CONFIG", "")) > 1:
            raise UsageError(
                "the model was made for this machine alone, and TF_CONFIG names several",
                do="make it in `with nndata.training.scope():`, or unset TF_CONFIG",
            )

    @property
    def count(self) -> int:
        """Return how many replicas there are on all machines."""
        return int(self.strategy.num_replicas_in_sync)

    @cached_property
    def host(self) -> tuple[int, int]:
        """Return which machine this is, and how many there are."""
        resolver = self.strategy.cluster_resolver
        tasks = resolver.cluster_spec().as_dict() if resolver else {}
        chiefs, workers = len(tasks.get("chief", ())), len(tasks.get("worker", ()))
        if chiefs + workers < 2:
            return 0, 1
        first = chiefs if resolver.task_type == "worker" else 0
        return first + resolver.task_id, chiefs + workers

    @property
    def is_chief(self) -> bool:
        """Say whether this machine writes what all of them share."""
        return self.host[0] == 0

    @property
    def idle(self) -> int:
        """Return how many GPUs of this machine are not made use of."""
        used = self.count // self.host[1]
        return max(0, len(tf.config.list_physical_devices("GPU")) - used)

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """Make the variables of this block on all replicas."""
        return self.strategy.scope() if self.count > 1 else contextlib.nullcontext()

    def batches(self, feed: Feed, start: int) -> Ahead[Batch]:
        """Return global batches from one on; each is what this machine's replicas have of it."""
        shares = [feed.at(start, host=share) for share in self._shares]
        for one in shares:
            _ = one.dataset  # traced in this thread: Keras has a state for each
        together = map(self._together, zip(*shares, strict=False))
        return Ahead(shares[0] if self.count == 1 else together, [one.stop for one in shares])

    @property
    def _shares(self) -> list[tuple[int, int] | None]:
        """Return which host of how many each replica here reads as."""
        if self.count == 1:
            return [None]
        host, hosts = self.host
        local = self.count // hosts
        return [(host + hosts * replica, hosts * local) for replica in range(local)]

    def _together(self, batches: Sequence[Batch]) -> Any:
        one = iter(batches)
        return self.strategy.experimental_distribute_values_from_function(lambda _: next(one))

    def run(self, function: Any, *values: Any) -> Any:
        """Call a function on every replica."""
        return self.strategy.run(function, args=values)

    def first(self, value: Any) -> Any:
        """Return the value of the first replica here."""
        return self.strategy.experimental_local_results(value)[0]

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the sums of numbers over all machines; each must come here with as many."""
        hosts = self.host[1]
        if hosts == 1:
            return list(values)
        shares = tf.constant([value / (self.count // hosts) for value in values], tf.float64)
        found = self.first(self._summed(shares))
        return [float(value) for value in found.numpy()]

    @cached_property
    def _summed(self) -> Any:
        return tf.function(lambda shares: self.run(_sum, shares), autograph=False)

    def settle(self, model: keras.Model) -> None:
        """Let replicas agree on what each keeps for itself: the means of batch normalisation."""
        kept = [v for v in model.non_trainable_variables if tf.as_dtype(v.dtype).is_floating]
        if self.count == 1 or not kept:
            return

        def mean() -> None:
            replica = tf.distribute.get_replica_context()
            for variable in kept:
                variable.assign(replica.all_reduce(tf.distribute.ReduceOp.MEAN, variable.value))

        tf.function(lambda: self.run(mean), autograph=False)()

    def scatter_seeds(self, model: keras.Model) -> None:
        """Give each replica random numbers of its own; the first keeps those that are saved."""
        seeds = [v for v in model.variables if v.path.endswith("seed_generator_state")]
        if self.count == 1 or not seeds:
            return

        def move() -> None:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            for variable in seeds:
                state = variable.value.read_value()
                ahead = tf.cast(tf.stack([replica, 0]), state.dtype)
                variable.assign(state + ahead)

        tf.function(lambda: self.run(move), autograph=False)()

    @contextlib.contextmanager
    def told(self, folder: os.PathLike[str], saved: Callable[[], int]) -> Iterator[None]:
        """Turn what is raised when another machine is gone into words."""
        try:
            yield
        except LOST as error:
            if self.host[1] == 1:
                raise
            raise NetworkError(
                "a machine of this run is gone",
                where=str(folder),
                why=_reason(str(error).splitlines()),
                do="start the same command on each of them again: it goes on after step "
                f"{saved():,}",
            ) from error


def _reason(lines: Sequence[str]) -> str:
    """Return the line that says most, among those about graphs and nodes."""
    for word in ("/job:", "Collective ops"):
        if found := [line for line in lines if word in line]:
            return found[0].strip()
    return lines[0] if lines else ""


def _one() -> tf.distribute.Strategy:
    return tf.distribute.get_strategy()


def _sum(values: tf.Tensor) -> tf.Tensor:
    here = tf.identity(values)  # on this replica's device, which an argument isn't
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, here)
