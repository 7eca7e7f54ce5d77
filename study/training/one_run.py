"""One run of the study: its images, its training, its metrics."""

import json
from statistics import fmean
from typing import Any, TypedDict

import numpy as np

from experiment.data.split import Dataset, divide
from experiment.metrics import LAST, require_finite, summarise
from experiment.network.checkpoint import START, Row
from experiment.parameters import ValidationFrom
from study.runs import Run

BINS = 15  # of equal width, over the probability of the predicted class


class Result(TypedDict):
    """What is stored of a run; see `train_one`."""

    curve: list[Row]
    metrics: dict[str, float]
    test_errors: list[int]
    calibration: dict[str, list[float]]


def train_one(
    run: Run,
    dataset: Dataset,
    *,
    filters: int,
    validation_split: float,
    validation_from: ValidationFrom,
    **settings: Any,
) -> Result:
    """Train and evaluate one network; `experiment.network.training` must be configured.

    Args:
        run: what to train.
        dataset: its images.
        filters: see `experiment.network.model.build_model`.
        validation_split: see `experiment.data.split.divide`.
        validation_from: see there.
        settings: what all runs share of the arguments of `train_epochs`.

    Returns:
        The curve; the test images that are classified wrongly after the last epoch (their places,
        from 0); the calibration (see `calibrate`); and the metrics of the pipeline
        (`experiment.metrics.summarise`), with:

        - `best_validation_accuracy`, `best_validation_loss`: of the epoch best in each. They are
          optimistic, since the validation images choose the epoch.
        - `best_epoch_test_accuracy`, `best_epoch_test_loss`: on the test images, with the weights
          of the epoch of the lowest validation loss: what early stopping keeps.
        - `last_five_test_accuracy`, `last_five_test_loss`: on the test images, means over the last
          five epochs, or over all where there are fewer.
        - `test_brier`, `test_calibration_error`: see `calibrate`.
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
    train, validation, unseen = (
        as_tensors(parts[name]) for name in ("train", "validation", "test")
    )
    network = build_model(
        image_shape=train.images.shape[1:],
        classes=train.classes,
        filters=filters,
        dense_units=run.dense_units,
        dropout_rate=run.dropout_rate,
        dropout_placement=run.placement,
        seed=run.seed,
        **json.loads(run.further or "{}"),
    )
    evaluate = Evaluation(network)
    states = train_epochs(
        network, train, validation, evaluate=evaluate, epochs=run.epochs, seed=run.seed, **settings
    )
    best, last_five = START, []
    for state in states:
        curve = state.curve
        if not best.curve or curve[-1]["val_loss"] < best.curve[-1]["val_loss"]:
            best = state
        # Nothing that the test images say changes a weight or chooses an epoch.
        if len(curve) > run.epochs - LAST:
            last_five.append(evaluate(unseen))
    trained, test = evaluate(train), last_five[-1]
    probabilities = predict(network, unseen.images)
    wrong = probabilities.argmax(axis=1) != parts["test"].labels
    calibration, scores = calibrate(probabilities, parts["test"].labels)
    restore(network, best)
    kept = evaluate(unseen)
    metrics = {
        **summarise(curve, trained=trained, test=test),
        **scores,
        "best_epoch_test_accuracy": kept["accuracy"],
        "best_epoch_test_loss": kept["loss"],
        "best_validation_accuracy": max(row["val_accuracy"] for row in curve),
        "best_validation_loss": min(row["val_loss"] for row in curve),
        "last_five_test_accuracy": fmean(each["accuracy"] for each in last_five),
        "last_five_test_loss": fmean(each["loss"] for each in last_five),
    }
    require_finite(metrics, "after the last epoch", learning_rate=settings["learning_rate"])
    return {
        "curve": curve,
        "metrics": metrics,
        "test_errors": [int(place) for place in wrong.nonzero()[0]],
        "calibration": calibration,
    }


def calibrate(
    probabilities: np.ndarray, labels: np.ndarray
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Compare how sure a network is with how often it is right.

    Args:
        probabilities: `float32 (n, classes)` in [0, 1].
        labels: integers `(n,)`.

    Returns:
        By bin of the probability of the predicted class, `BINS` of equal width, the `count` of
        images, their mean `confidence` and their `accuracy` (0 in an empty bin); and two scores:

        - `test_calibration_error`: mean of |confidence - accuracy|, weighted by count (expected
          calibration error, Guo et al. 2017, https://arxiv.org/abs/1706.04599);
        - `test_brier`: mean over images of the sum over classes of (probability - truth)^2, 0..2
          (Brier, Monthly Weather Review 78, 1950).
    """
    probabilities = probabilities.astype(np.float64)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    sums = [np.bincount(place, weights=w, minlength=BINS) for w in (confidence, right)]
    mean_confidence, accuracy = (total / np.maximum(count, 1) for total in sums)
    truth = np.eye(probabilities.shape[1])[labels]
    bins = {
        "count": count.tolist(),
        "confidence": mean_confidence.tolist(),
        "accuracy": accuracy.tolist(),
    }
    return bins, {
        "test_brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "test_calibration_error": float(count @ np.abs(mean_confidence - accuracy) / len(labels)),
    }
