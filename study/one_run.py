"""One run of the study: its images, its training, its metrics."""

from types import ModuleType
from typing import Any

from experiment.common.metrics import summarise
from experiment.common.parameters import ValidationFrom
from experiment.data.dataset import Dataset, divide
from experiment.network.checkpoint import Row
from study.grid import Run


def train_one(
    run: Run,
    dataset: Dataset,
    training: ModuleType,
    *,
    validation_split: float,
    validation_from: ValidationFrom,
    **settings: Any,
) -> tuple[dict[str, float], list[Row]]:
    """Trains and evaluates one network.

    Args:
        run: what to train.
        dataset: its images.
        training: `experiment.network.training`, configured.
        validation_split: see `experiment.data.dataset.divide`.
        validation_from: see there.
        settings: what all runs share of the arguments of `train_model`.

    Returns:
        Its metrics and its curve, as `train_model`. The metrics are those of the pipeline
        (`experiment.common.metrics.summarise`), and:

        - `best_validation_accuracy`, `best_validation_loss`: of the epoch best in each. They are
          optimistic, since the validation images choose the epoch.
        - `evaluated_training_accuracy`, `evaluated_training_loss`: after the last epoch on the
          training images, evaluated as the others are: with all units. (`training_accuracy` is
          the mean over the epoch's batches, with Dropout at work.)
    """
    parts = divide(
        dataset,
        validation_split=validation_split,
        validation_from=validation_from,
        train_samples=run.train_samples,
        seed=run.seed,
    )
    train, validation = (training.as_tensors(parts[name]) for name in ("train", "validation"))
    network, curve = training.train_model(
        train,
        validation,
        dropout_rate=run.dropout_rate,
        dropout_placement="dense" if run.placement == "none" else run.placement,
        epochs=run.epochs,
        seed=run.seed,
        **settings,
    )
    trained = training.evaluate_model(network, train)
    # The one use of the test images: nothing after this line changes the model.
    test = training.evaluate_model(network, training.as_tensors(parts["test"]))
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    more = {
        "best_validation_accuracy": max(row["val_accuracy"] for row in curve),
        "best_validation_loss": min(row["val_loss"] for row in curve),
        "evaluated_training_accuracy": trained["accuracy"],
        "evaluated_training_loss": trained["loss"],
    }
    return metrics | more, curve
