"""One run of the study: its images, its training, its metrics."""

from typing import Any

from experiment.common.metrics import require_finite, summarise
from experiment.common.parameters import ValidationFrom
from experiment.data.dataset import Dataset, divide
from experiment.network.checkpoint import Row
from study.grid import Run


def train_one(
    run: Run,
    dataset: Dataset,
    *,
    filters: int,
    dense_units: int,
    validation_split: float,
    validation_from: ValidationFrom,
    **settings: Any,
) -> tuple[dict[str, float], list[Row]]:
    """Trains and evaluates one network; `experiment.network.training` must be configured.

    Args:
        run: what to train.
        dataset: its images.
        filters: see `experiment.network.model.build_model`.
        dense_units: likewise.
        validation_split: see `experiment.data.dataset.divide`.
        validation_from: see there.
        settings: what all runs share of the arguments of `train_epochs`.

    Returns:
        Its metrics and its curve. The metrics are those of the pipeline
        (`experiment.common.metrics.summarise`), and:

        - `best_validation_accuracy`, `best_validation_loss`: of the epoch best in each. They are
          optimistic, since the validation images choose the epoch.
        - `evaluated_training_accuracy`, `evaluated_training_loss`: after the last epoch on the
          training images, evaluated as the others are: with all units. (`training_accuracy` is
          the mean over the epoch's batches, with Dropout at work.)
    """
    from experiment.network.model import build_model
    from experiment.network.training import Evaluation, as_tensors, train_epochs

    parts = divide(
        dataset,
        validation_split=validation_split,
        validation_from=validation_from,
        train_samples=run.train_samples,
        seed=run.seed,
    )
    train, validation = as_tensors(parts["train"]), as_tensors(parts["validation"])
    network = build_model(
        image_shape=train.images.shape[1:],
        classes=train.classes,
        filters=filters,
        dense_units=dense_units,
        dropout_rate=run.dropout_rate,
        dropout_placement=run.placement,
        seed=run.seed,
    )
    states = train_epochs(network, train, validation, epochs=run.epochs, seed=run.seed, **settings)
    curve = [state.curve[-1] for state in states]
    evaluate = Evaluation(network)
    trained = evaluate(train)
    # The one use of the test images: nothing after this line changes the model.
    test = evaluate(as_tensors(parts["test"]))
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    more = {
        "best_validation_accuracy": max(row["val_accuracy"] for row in curve),
        "best_validation_loss": min(row["val_loss"] for row in curve),
        "evaluated_training_accuracy": trained["accuracy"],
        "evaluated_training_loss": trained["loss"],
    }
    require_finite(metrics | more, "after the last epoch", learning_rate=settings["learning_rate"])
    return metrics | more, curve
