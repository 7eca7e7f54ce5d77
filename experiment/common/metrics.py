"""What one training shows, as numbers."""

import math
from collections.abc import Mapping, Sequence

from experiment.common.errors import InputError


def best_epoch(curve: Sequence[Mapping[str, float]]) -> int:
    """The epoch, from 1, with the lowest validation loss; the first of equals.

    Early stopping would choose it: https://keras.io/api/callbacks/early_stopping/
    """
    return int(min(curve, key=lambda row: row["val_loss"])["epoch"])


def summarise(
    curve: Sequence[Mapping[str, float]], *, test_accuracy: float, test_loss: float
) -> dict[str, float]:
    """The metrics of one variant.

    Args:
        curve: one mapping per epoch, in order, with `epoch` (from 1), `accuracy`, `loss`,
            `val_accuracy` and `val_loss`; one row or more.
        test_accuracy: share of the test images classified rightly, 0..1.
        test_loss: mean cross-entropy on the test images, in nats.

    Returns:
        Accuracy (0..1) and loss (nats) on training, validation and test images after the last
        epoch; and what describes overfitting:

        - `accuracy_gap`: training minus validation accuracy after the last epoch. Training
          accuracy is the mean over the epoch's batches, with Dropout at work, as Keras reports it.
        - `best_epoch`: see the function of that name.
        - `validation_loss_rise`: validation loss after the last epoch minus that of the best one,
          0 or more.
    """
    last = curve[-1]
    return {
        "accuracy_gap": last["accuracy"] - last["val_accuracy"],
        "best_epoch": best_epoch(curve),
        "test_accuracy": test_accuracy,
        "test_loss": test_loss,
        "training_accuracy": last["accuracy"],
        "training_loss": last["loss"],
        "validation_accuracy": last["val_accuracy"],
        "validation_loss": last["val_loss"],
        "validation_loss_rise": last["val_loss"] - min(row["val_loss"] for row in curve),
    }


def require_finite(metrics: Mapping[str, float], when: str, *, learning_rate: float) -> None:
    """Ends a training that diverged.

    Raises:
        InputError: one of the metrics is infinite or no number.
    """
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise InputError(
                f"{when}: expected a finite {name}; found {value}: the training diverged; lower"
                f" train.learning_rate (now {learning_rate:g})"
            )
