"""From batches to a trained model: a loop of our own, checkpoints, and what it measures."""

from nndata.training.checkpoint import load_weights
from nndata.training.loop import Run, train
from nndata.training.optimizer import Optimizer

__all__ = ["Optimizer", "Run", "load_weights", "train"]
