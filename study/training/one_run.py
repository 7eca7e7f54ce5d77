"""One run of the study: its images, its training, its metrics."""

import json
from statistics import fmean
from typing import Any

import numpy as np

from experiment.data.split import Dataset, divide
from experiment.files import CURVE_COLUMNS
from experiment.metrics import LAST, require_finite, summarise
from experiment.network.checkpoint import START
from study.runs import Setting

BINS = 15  # of equal width, over the probability of the predicted class


def train_one(setting: Setting, seed: int, dataset: Dataset) -> dict[str, Any]:
    """Train and evaluate one network; `experiment.network.training` must be configured.

    Returns:
        What is stored of a run: its `curve`, by column; its `test_errors`, the places (from 0) of
        the test images that it gets wrong after the last epoch; its `calibration`, see `calibrate`;
        and its `metrics`, those of `experiment.metrics.summarise` and

        - `best_validation_*`: of the epoch best in each; optimistic, since they choose the epoch;
        - `best_epoch_test_*`: with the weights of the epoch of the lowest validation loss;
        - `last_five_test_*`: means over the last five epochs, or over all where there are fewer;
        - `test_brier`, `test_calibration_error`: see `calibrate`.
    """
    from experiment.network.model import build_model
    from experiment.network.training import Evaluation, as_tensors, predict, restore, train_epochs

    parts = divide(
        dataset,
        validation_split=setting.validation_split,
        validation_from=setting.validation_from,
        train_samples=setting.train_samples,
        seed=seed,
    )
    train, validation, unseen = map(as_tensors, parts.values())
    network = build_model(
        image_shape=train.images.shape[1:],
        classes=train.classes,
        filters=setting.filters,
        dense_units=setting.dense_units,
        dropout_rate=setting.dropout_rate,
        dropout_placement=setting.placement,
        seed=seed,
        **json.loads(setting.further or "{}"),
    )
    evaluate = Evaluation(network)
    best, last_five = START, []
    for state in train_epochs(
        network,
        train,
        validation,
        evaluate=evaluate,
        epochs=setting.epochs,
        batch_size=setting.batch_size,
        learning_rate=setting.learning_rate,
        seed=seed,
    ):
        curve = state.curve
        if not best.curve or curve[-1]["val_loss"] < best.curve[-1]["val_loss"]:
            best = state
        # Nothing that the test images say changes a weight or chooses an epoch.
        if len(curve) > setting.epochs - LAST:
            last_five.append(evaluate(unseen))
    trained, test = evaluate(train), last_five[-1]
    labels, probabilities = parts["test"].labels, predict(network, unseen.images)
    calibration, scores = calibrate(probabilities, labels)
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
    require_finite(metrics, "after the last epoch", learning_rate=setting.learning_rate)
    return {
        "curve": {name: [row[name] for row in curve] for name in CURVE_COLUMNS[1:]},
        "metrics": metrics,
        "test_errors": np.flatnonzero(probabilities.argmax(axis=1) != labels).tolist(),
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
        `test_calibration_error`, the mean of |confidence - accuracy|, weighted by count (Guo et al.
        2017, https://arxiv.org/abs/1706.04599), and `test_brier`, the mean over images of the sum
        over classes of (probability - truth)^2, 0..2 (Brier, Monthly Weather Review 78, 1950).
    """
    probabilities = probabilities.astype(np.float64)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    sums = [np.bincount(place, weights=w, minlength=BINS) for w in (confidence, right)]
    mean_confidence, accuracy = (total / np.maximum(count, 1) for total in sums)
    truth = np.eye(probabilities.shape[1])[labels]
    bins = {"count": count, "confidence": mean_confidence, "accuracy": accuracy}
    scores = {
        "test_brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "test_calibration_error": float(count @ np.abs(mean_confidence - accuracy) / len(labels)),
    }
    return {name: values.tolist() for name, values in bins.items()}, scores
