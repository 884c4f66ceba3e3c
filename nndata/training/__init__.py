"""From batches to a trained model: a loop of our own, checkpoints, and what it measures."""

from nndata.training.checkpoint import load_weights
from nndata.training.evaluation import evaluate
from nndata.training.export import export, load_model
from nndata.training.loop import train
from nndata.training.optimizer import Optimizer
from nndata.training.replicas import scope
from nndata.training.run import Run
from nndata.training.trained import described, open_run

__all__ = [
    "Optimizer",
    "Run",
    "described",
    "evaluate",
    "export",
    "load_model",
    "load_weights",
    "open_run",
    "scope",
    "train",
]
