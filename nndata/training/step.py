"""One step of training, compiled: from a batch, or several, to weights that are a little better.

loss of each replica's share     scaled, where numbers are float16
  -> gradients                   added up over `accumulate` batches, then over all replicas
  -> clipped, applied            by the optimizer, as if one machine had seen all examples
  -> moving average
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from nndata.errors import UsageError
from nndata.feed.tensorflow import Batch
from nndata.training.average import Average
from nndata.training.backend import keras, tf
from nndata.training.checkpoint import Groups
from nndata.training.optimizer import Optimizer
from nndata.training.precision import LossScale, needs_scale
from nndata.training.replicas import Replicas

__all__ = ["Loss", "Seen", "Step", "built_optimizer", "compiled_loss"]

# What a batch costs: a number for each example, or one for all; the mean is made small.
Loss: TypeAlias = Callable[[keras.Model, Batch], tf.Tensor]
Gradients: TypeAlias = list[tf.Tensor]


class Seen(NamedTuple):
    """What a step has seen, while the device may still be working on it."""

    loss: tf.Tensor
    norm: tf.Tensor  # of all gradients together, before they are clipped


class Step:
    """A model, its loss and its optimizer, and all that changes with each step."""

    def __init__(
        self,
        model: keras.Model,
        loss: Loss | None,
        optimizer: keras.optimizers.Optimizer,
        replicas: Replicas,
        *,
        accumulate: int = 1,
        ema: float = 0.0,
    ) -> None:
        if loss is None and not model.compiled:
            raise UsageError("no loss to make small", do="give loss=…, or compile the model")
        if accumulate < 1:
            raise UsageError(f"accumulate={accumulate}", do="take 1 or more batches")
        self.model, self.loss, self._replicas = model, loss or compiled_loss, replicas
        self._optimizer = optimizer
        self._accumulate, self._ema, self._taken = accumulate, ema, 0
        self.average: Average | None = None
        self._scale: LossScale | None = None
        self._sums: dict[int, tf.Variable] = {}  # by the id of the weight; 0 is the loss
        self._used: list[keras.Variable] = []  # weights that the loss depends on
        self._outside: list[tf.Variable] = []

    def compile(self, spec: Any, jit: bool | None) -> None:
        """Make all variables, and trace the step for batches of this shape."""
        with self._replicas.scope():
            self._make(spec)
        jit = _pays(spec) if jit is None else jit
        alone = self._replicas.count == 1
        # Replicas talk to each other outside of what XLA compiles.
        self._local = self._gradients if alone else tf.function(self._gradients, jit_compile=jit)
        self._whole = tf.function(self._step, jit_compile=jit and alone)
        self._add = tf.function(self._added, jit_compile=jit and alone)
        self._end = tf.function(self._finished, jit_compile=jit and alone)
        if alone:
            first = self._whole if self._accumulate == 1 else self._add
            self._outside = self._strangers(first.get_concrete_function(spec).graph.variables)

    def _make(self, spec: Any) -> None:
        if not self.model.built:
            tf.function(lambda batch: self.loss(self.model, batch)).get_concrete_function(spec)
        weights = self.model.trainable_variables
        if not self._optimizer.built:
            self._optimizer.build(weights)
        if self._replicas.count > 1:
            # Summed by us, before gradients are clipped; Keras would sum the clipped ones.
            self._optimizer._all_reduce_sum_gradients = list
        if self._ema:
            self.average = Average(self.model, self._ema)
        if needs_scale(self.model):
            self._scale = LossScale()
        if self._accumulate > 1:
            self._sums = {id(one): _sum_of(one.shape, one.dtype) for one in weights}
            self._sums[0] = _sum_of((), tf.float32)

    def take(self, batch: Batch) -> Seen | None:
        """Learn from a batch; return what was seen when that makes a step, with some before it."""
        if self._accumulate == 1:
            return Seen(*self._whole(batch))
        self._add(batch)
        self._taken += 1
        if self._taken < self._accumulate:
            return None
        self._taken = 0
        return Seen(*self._end())

    @property
    def variables(self) -> Groups:
        """Return all that changes in training and must be saved, by groups."""
        groups = {
            "model": self.model.variables,
            "optimizer": self._optimizer.variables,
            "average": self.average.variables if self.average else [],
            "scale": self._scale.variables if self._scale else [],
            "outside": self._outside,
        }
        return {name: group for name, group in groups.items() if group}

    @property
    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self._optimizer.learning_rate.numpy())

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Put generators back to where they were: what is only looked at must not move them."""
        kept = [variable.numpy() for variable in self._outside]
        try:
            yield
        finally:
            for variable, value in zip(self._outside, kept, strict=True):
                variable.assign(value)

    def begin(self, restored: Container[str] | None) -> None:
        """Begin anew, or with the groups of variables that were restored."""
        if self.average and restored is not None and "average" not in restored:
            self.average.begin()
        self._replicas.scatter_seeds(self.model)

    def _gradients(self, batch: Batch) -> tuple[tf.Tensor, Gradients]:
        weights = self.model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.cast(self.loss(self.model, batch), tf.float32))
            scaled = loss * self._scale.value if self._scale else loss
        found = list(zip(weights, tape.gradient(scaled, weights), strict=True))
        self._used = [weight for weight, gradient in found if gradient is not None]
        # Dense, as replicas sum them: the norm of an embedding's sparse one, by which gradients are
        # clipped, would take a token that comes twice for two.
        return loss, [tf.convert_to_tensor(one) for _, one in found if one is not None]

    def _step(self, batch: Batch) -> Seen:
        return self._updated(*self._replicas.run(lambda share: _mean(*self._local(share)), batch))

    def _added(self, batch: Batch) -> None:
        def add(share: Batch) -> None:
            loss, gradients = self._local(share)
            for one, value in zip(self._sums_used(), [loss, *gradients], strict=True):
                one.assign_add(value)

        self._replicas.run(add, batch)

    def _finished(self) -> Seen:
        def emptied() -> tuple[tf.Tensor, Gradients]:
            sums = self._sums_used()
            loss, *gradients = [one.read_value() / self._accumulate for one in sums]
            for one in sums:
                one.assign(tf.zeros_like(one))
            return _mean(loss, gradients)

        return self._updated(*self._replicas.run(emptied))

    def _sums_used(self) -> list[tf.Variable]:
        return [self._sums[0], *(self._sums[id(weight)] for weight in self._used)]

    def _updated(self, loss: tf.Tensor, gradients: Gradients) -> Seen:
        if self._scale:
            gradients = self._replicas.run(self._unscaled, gradients)
        norm = tf.linalg.global_norm([self._replicas.first(one) for one in gradients])
        if self._scale:
            is_finite = tf.math.is_finite(norm)
            # Outside of replicas: in a branch inside they could not talk to each other.
            tf.cond(is_finite, lambda: self._apply(gradients), lambda: None)
            self._scale.update(is_finite)
        else:
            self._apply(gradients)
        return Seen(self._replicas.first(loss), norm)

    def _unscaled(self, gradients: Gradients) -> Gradients:
        assert self._scale
        return [one / self._scale.value for one in gradients]

    def _apply(self, gradients: Gradients) -> None:
        self._replicas.run(lambda found: self._optimizer.apply(found, self._used), gradients)
        if self.average:
            self.average.update(self._replicas.strategy, self._optimizer.iterations.value)

    def _strangers(self, variables: Sequence[tf.Variable]) -> list[tf.Variable]:
        """Return the variables of a graph that neither model nor optimizer hold.

        Such as the state of `tf.random.get_global_generator()`, or of Keras' own generator.
        """
        known = {id(variable.value) for group in self.variables.values() for variable in group}
        known |= set(map(id, self._sums.values()))
        return sorted(
            (one for one in variables if id(one) not in known),
            key=lambda one: (one.name, one.shape.as_list()),
        )


def compiled_loss(model: keras.Model, batch: Batch) -> tf.Tensor:
    """Return what `model.compile` asked for, of batches that are (x, y) or (x, y, weight)."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    loss = model.compute_loss(x, y, model(x, training=True), weight, training=True)
    # Keras gives each replica's share of a sum; here means are made of means.
    return loss * tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, loss.dtype)


def built_optimizer(
    chosen: Optimizer | keras.optimizers.Optimizer | None,
    model: keras.Model,
    steps: int,
    replicas: Replicas,
) -> keras.optimizers.Optimizer:
    """Return the optimizer of a run: what was chosen, or compiled, or else the usual one."""
    optimizer = chosen or (model.optimizer if model.compiled else None) or Optimizer()
    with replicas.scope():
        if isinstance(optimizer, Optimizer):
            return optimizer.build(steps)
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            optimizer = optimizer.inner_optimizer  # losses are scaled here
        if replicas.count > 1 and not hasattr(optimizer.iterations.value, "distribute_strategy"):
            # It was made for one device; it has learned nothing yet.
            return type(optimizer).from_config(optimizer.get_config())
    return optimizer


def _mean(loss: tf.Tensor, gradients: Gradients) -> tuple[tf.Tensor, Gradients]:
    """Return means over all replicas, on each of them."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return loss, gradients
    loss, *gradients = replica.all_reduce(tf.distribute.ReduceOp.MEAN, [loss, *gradients])
    return loss, gradients


def _sum_of(shape: Sequence[int], kind: Any) -> tf.Variable:
    """Make a variable that each replica adds to by itself."""
    return tf.Variable(
        tf.zeros(shape, kind),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )


def _pays(spec: Any) -> bool:
    """Say whether XLA can compile for such batches (numbers of known shapes), and gains by it.

    On a CPU a convnet's step was 4 times slower with it, a transformer's the same (measured).
    """
    if not tf.config.list_physical_devices("GPU"):
        return False
    return all(
        isinstance(one, tf.TensorSpec) and one.dtype != tf.string and one.shape.is_fully_defined()
        for one in tf.nest.flatten(spec)
    )
