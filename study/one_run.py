"""One run of the study: its images, its training, its metrics.

Its hash is part of every stored run's name (`study/store.py`): a change here trains all anew.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from experiment.checkpoint import Row
from experiment.dataset import Dataset, divide
from experiment.metrics import summarise
from study.grid import Run


def train_one(
    run: Run, dataset: Dataset, training: ModuleType, *, validation_split: float, **settings: Any
) -> tuple[dict[str, float], list[Row]]:
    """Trains and evaluates one network.

    Args:
        run: what to train.
        dataset: its images.
        training: `experiment.training`, configured.
        validation_split: see `experiment.dataset.divide`.
        settings: what all runs share of the arguments of `train_model`.

    Returns:
        Its metrics and its curve, as `train_model`.
    """
    parts = divide(
        dataset,
        validation_split=validation_split,
        train_samples=run.train_samples,
        seed=run.seed,
    )
    network, curve = training.train_model(
        training.as_tensors(parts["train"]),
        training.as_tensors(parts["validation"]),
        dropout_rate=run.dropout_rate,
        dropout_placement="dense" if run.placement == "none" else run.placement,
        epochs=run.epochs,
        seed=run.seed,
        **settings,
    )
    # The one use of the test images: nothing after this line changes the model.
    test = training.evaluate_model(network, training.as_tensors(parts["test"]))
    found = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    return found | _best(curve), curve


def _best(curve: Sequence[Row]) -> dict[str, float]:
    """What the validation images say at the best moment of each: an optimistic figure."""
    return {
        "best_validation_accuracy": max(row["val_accuracy"] for row in curve),
        "best_validation_loss": min(row["val_loss"] for row in curve),
    }
