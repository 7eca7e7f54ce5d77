"""One run of the study: its images, its training, its metrics."""

from typing import Any, TypedDict

from experiment.common.metrics import require_finite, summarise
from experiment.common.parameters import ValidationFrom
from experiment.data.dataset import Dataset, divide
from experiment.network.checkpoint import START, Row
from study.grid import Run


class Result(TypedDict):
    """What is kept of a run; see `train_one`."""

    curve: list[Row]
    metrics: dict[str, float]
    test_errors: list[int]


def train_one(
    run: Run,
    dataset: Dataset,
    *,
    filters: int,
    validation_split: float,
    validation_from: ValidationFrom,
    **settings: Any,
) -> Result:
    """Trains and evaluates one network; `experiment.network.training` must be configured.

    Args:
        run: what to train.
        dataset: its images.
        filters: see `experiment.network.model.build_model`.
        validation_split: see `experiment.data.dataset.divide`.
        validation_from: see there.
        settings: what all runs share of the arguments of `train_epochs`.

    Returns:
        Its curve, the test images that it classifies wrongly after the last epoch (their places,
        from 0), and its metrics. These are those of the pipeline
        (`experiment.common.metrics.summarise`), and:

        - `best_validation_accuracy`, `best_validation_loss`: of the epoch best in each. They are
          optimistic, since the validation images choose the epoch.
        - `best_epoch_test_accuracy`, `best_epoch_test_loss`: on the test images, with the weights
          of the epoch of the lowest validation loss: what early stopping keeps.
        - `evaluated_training_accuracy`, `evaluated_training_loss`: after the last epoch on the
          training images, evaluated as the others are: with all units. (`training_accuracy` is
          the mean over the epoch's batches, with Dropout at work.)
    """
    from experiment.network.model import build_model
    from experiment.network.training import Evaluation, as_tensors, predict, restore, train_epochs

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
        dense_units=run.dense_units,
        dropout_rate=run.dropout_rate,
        dropout_placement=run.placement,
        seed=run.seed,
    )
    states = train_epochs(network, train, validation, epochs=run.epochs, seed=run.seed, **settings)
    best = START
    for state in states:
        curve = state.curve
        if not best.curve or curve[-1]["val_loss"] < best.curve[-1]["val_loss"]:
            best = state
    evaluate = Evaluation(network)
    trained = evaluate(train)
    # The test images are used here alone, and nothing that they say changes a weight.
    unseen = as_tensors(parts["test"])
    test = evaluate(unseen)
    wrong = predict(network, unseen.images).argmax(axis=1) != parts["test"].labels
    metrics = summarise(curve, test_accuracy=test["accuracy"], test_loss=test["loss"])
    restore(network, best)
    kept = evaluate(unseen)
    more = {
        "best_epoch_test_accuracy": kept["accuracy"],
        "best_epoch_test_loss": kept["loss"],
        "best_validation_accuracy": max(row["val_accuracy"] for row in curve),
        "best_validation_loss": min(row["val_loss"] for row in curve),
        "evaluated_training_accuracy": trained["accuracy"],
        "evaluated_training_loss": trained["loss"],
    }
    require_finite(metrics | more, "after the last epoch", learning_rate=settings["learning_rate"])
    return {
        "curve": curve,
        "metrics": metrics | more,
        "test_errors": [int(place) for place in wrong.nonzero()[0]],
    }
