"""The usual optimizer of today: AdamW, with a warm-up, a schedule and clipping."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from nndata.config import nearest
from nndata.errors import ConfigError
from nndata.training.backend import keras, tf

__all__ = ["SCHEDULES", "Optimizer", "Rate"]

SCHEDULES = ("cosine", "linear", "constant", "inverse_sqrt")


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """Options of AdamW; the rate rises for `warmup` steps, then follows the schedule."""

    learning_rate: float = 1e-3
    schedule: str = "cosine"  # or linear, constant, inverse_sqrt
    final_share: float = 0.1  # of the learning rate, at the last step of cosine and linear
    warmup: int = 100  # steps
    weight_decay: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    clip: float = 1.0  # of the norm of all gradients together; 0 lets them be

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ConfigError(f"no schedule {self.schedule!r}{nearest(self.schedule, SCHEDULES)}")

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        """Make the optimizer of a run of so many steps."""
        return keras.optimizers.AdamW(
            Rate(
                self.learning_rate,
                schedule=self.schedule,
                final_share=self.final_share,
                warmup=min(self.warmup, steps // 2),
                steps=steps,
            ),
            weight_decay=self.weight_decay,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            global_clipnorm=self.clip or None,
        )


@keras.saving.register_keras_serializable("nndata")
@dataclass(frozen=True)
class Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The learning rate of each step.

    It rises in a straight line; from the warm-up to the last step it falls along half a cosine or
    in a straight line to its final share, or stays, or falls as 1 / sqrt(step) does.
    """

    peak: float
    schedule: str
    final_share: float
    warmup: int
    steps: int

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        rising = step / max(1, self.warmup)
        return self.peak * tf.where(step < self.warmup, rising, self._after(step))

    def _after(self, step: tf.Tensor) -> tf.Tensor:
        done = tf.clip_by_value((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        if self.schedule == "cosine":
            return self._between((1 + tf.cos(math.pi * done)) / 2)
        if self.schedule == "linear":
            return self._between(1 - done)
        if self.schedule == "inverse_sqrt":
            return tf.math.rsqrt(tf.maximum(step, 1.0) / max(1, self.warmup))
        return tf.ones_like(done)

    def _between(self, share: tf.Tensor) -> tf.Tensor:
        return self.final_share + (1 - self.final_share) * share

    def get_config(self) -> dict[str, Any]:
        """Return what makes it again."""
        return asdict(self)
