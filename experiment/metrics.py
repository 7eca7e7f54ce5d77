"""Numbers that summarise one training."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from experiment.support.errors import InputError

LAST = 5  # epochs, over which `last_five_*` are means


def best_epoch(curve: Sequence[Mapping[str, float]]) -> int:
    """Return the epoch, from 1, with the lowest validation loss; the first of equals.

    Early stopping would choose it: https://keras.io/api/callbacks/early_stopping/
    """
    return int(min(curve, key=lambda row: row["val_loss"])["epoch"])


def summarise(
    curve: Sequence[Mapping[str, float]],
    *,
    trained: Mapping[str, float],
    test: Mapping[str, float],
) -> dict[str, float]:
    """Return the metrics of one training: accuracies 0..1, losses in nats, after the last epoch.

    `curve` has a row per epoch, one or more. `trained` and `test` are `accuracy` and `loss` of the
    finished network on its training images and on the test images, with all units. Of the metrics,

    - `training_*` are means over the last epoch's batches, with Dropout at work, as Keras reports
      them, and `accuracy_gap` is that accuracy minus `validation_accuracy`;
    - `evaluated_training_*` are with all units;
    - `last_five_*` are means over the last five epochs (all, if fewer): another seed moves them
      less;
    - `validation_loss_rise` is the last validation loss minus the lowest, 0 or more.
    """
    last, last_five = curve[-1], curve[-LAST:]
    return {
        "accuracy_gap": last["accuracy"] - last["val_accuracy"],
        "best_epoch": best_epoch(curve),
        "evaluated_training_accuracy": trained["accuracy"],
        "evaluated_training_loss": trained["loss"],
        "last_five_validation_accuracy": fmean(row["val_accuracy"] for row in last_five),
        "last_five_validation_loss": fmean(row["val_loss"] for row in last_five),
        "test_accuracy": test["accuracy"],
        "test_loss": test["loss"],
        "training_accuracy": last["accuracy"],
        "training_loss": last["loss"],
        "validation_accuracy": last["val_accuracy"],
        "validation_loss": last["val_loss"],
        "validation_loss_rise": last["val_loss"] - min(row["val_loss"] for row in curve),
    }


def require_finite(metrics: Mapping[str, float], when: str, *, learning_rate: float) -> None:
    """End a training that diverged: raise InputError if a metric is infinite or NaN."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise InputError(
                f"{when}: expected a finite {name}; found {value}: the training diverged; lower"
                f" train.learning_rate (now {learning_rate:g})"
            )
