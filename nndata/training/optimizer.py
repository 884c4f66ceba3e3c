"""The usual optimizer of today: AdamW, with warm-up, cosine decay and clipping."""

from __future__ import annotations

from dataclasses import dataclass

from nndata.training.backend import keras

__all__ = ["Optimizer"]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """Options of AdamW; the rate rises for `warmup` steps, then falls along a cosine."""

    learning_rate: float = 1e-3
    final_share: float = 0.1  # of the learning rate, at the last step
    warmup: int = 100  # steps
    weight_decay: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.95
    clip: float = 1.0  # of the norm of all gradients together

    def build(self, steps: int) -> keras.optimizers.Optimizer:
        """Make the optimizer of a run of so many steps."""
        warmup = min(self.warmup, steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else self.learning_rate,
            decay_steps=max(1, steps - warmup),
            alpha=self.final_share,
            warmup_target=self.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
        return keras.optimizers.AdamW(
            rate,
            weight_decay=self.weight_decay,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            global_clipnorm=self.clip,
        )
