"""One run of the study: it trains what the run says, on the images that the run says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiment.data.split import Dataset
from experiment.support.errors import InputError
from study.runs import Setting
from study.training.one_run import BINS, calibrate, train_one
from tests.conftest import synthetic_arrays

SETTING = Setting(
    dataset="own/tiny.npz",
    placement="dense",
    dropout_rate=0.25,
    train_samples=60,
    dense_units=8,
    epochs=3,
    filters=2,
    batch_size=7,
    learning_rate=0.01,
    validation_from="last",
    validation_split=0.2,
    threads=1,
    instructions="avx2",
)


def make_noisy() -> Dataset:
    """Images of which four in ten have a label at random, so that no network is always right."""
    random = np.random.default_rng(0)
    arrays = synthetic_arrays()
    for name in ("y_train", "y_test"):
        wrong = random.uniform(size=len(arrays[name])) < 0.4
        arrays[name][wrong] = random.integers(0, 3, wrong.sum())
    return Dataset(**arrays)


DATASET = make_noisy()


class TrainsError(Exception):
    """Stands for the training."""


def catch_training(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Network, training and validation images, and settings, as they are given to the training."""
    from experiment.network import training

    given: list[Any] = []

    def train_epochs(*arguments: Any, **settings: Any) -> None:
        given.extend([*arguments, settings])
        raise TrainsError

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    with pytest.raises(TrainsError):
        train_one(setting, 4, DATASET)
    return given


def test_dropout_is_where_the_run_says(monkeypatch: pytest.MonkeyPatch) -> None:
    layers: dict[Any, list[str]] = {
        "none": [], "dense": ["dropout"], "pooling": ["pooling_dropout"],
        "both": ["pooling_dropout", "dropout"],
    }  # fmt: skip
    for place, names in layers.items():
        rate = 0.25 if names else 0.0
        setting = replace(SETTING, placement=place, dropout_rate=rate)
        network, *_ = catch_training(setting, monkeypatch)
        found = {layer.name: layer.rate for layer in network.layers if "dropout" in layer.name}
        assert found == dict.fromkeys(names, 0.25)


@pytest.mark.parametrize("samples", [30, 96])
def test_images_settings_and_weights(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from experiment.network.model import build_model

    setting = replace(SETTING, train_samples=samples)
    network, images, validation, settings = catch_training(setting, monkeypatch)
    del settings["evaluate"]
    assert settings == {"epochs": 3, "seed": 4, "batch_size": 7, "learning_rate": 0.01}
    assert np.array_equal(validation.images[..., 0], DATASET.x_train[96:])
    assert np.array_equal(validation.labels, DATASET.y_train[96:])
    assert len({image.tobytes() for image in images.images.numpy()}) == samples
    counts = np.bincount(DATASET.y_train[:96]) * samples / 96
    assert np.abs(np.bincount(images.labels) - counts).max() < 1
    same = build_model(
        image_shape=(8, 8, 1), classes=3, filters=2, dense_units=8, dropout_rate=0.25,
        dropout_placement="dense", seed=4,
    )  # fmt: skip
    for weights, others in zip(network.get_weights(), same.get_weights(), strict=True):
        assert np.array_equal(weights, others)


def test_divergence_is_one_line() -> None:
    with pytest.raises(
        InputError, match=r"^epoch 1: .*; lower train.learning_rate \(now 1e\+20\)$"
    ):
        train_one(replace(SETTING, learning_rate=1e20), 4, DATASET)


def test_figures_are_of_the_images_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recomputed in NumPy from the probabilities of the network after each of its epochs."""
    from experiment.network import training

    probabilities: list[dict[str, np.ndarray]] = []
    splits: dict[str, Any] = {}
    original = training.train_epochs

    def train_epochs(network: Any, train: Any, validation: Any, **settings: Any) -> Any:
        splits.update(training=train, validation=validation)
        test = DATASET.x_test[..., None]
        for state in original(network, train, validation, **settings):
            parts = {"test": test, **{name: split.images for name, split in splits.items()}}
            probabilities.append(
                {name: training.predict(network, part) for name, part in parts.items()}
            )
            yield state

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    result = train_one(replace(SETTING, epochs=12), 4, DATASET)
    metrics, curve = result["metrics"], result["curve"]
    labels = {name: np.asarray(split.labels) for name, split in splits.items()}
    labels["test"] = DATASET.y_test

    def evaluate(epoch: int, name: str) -> tuple[float, float]:
        found, truth = probabilities[epoch][name].astype(float), labels[name]
        losses = -np.log(found[np.arange(len(truth)), truth])
        return (found.argmax(axis=1) == truth).mean(), losses.mean()

    kept = int(np.argmin(curve["val_loss"]))
    assert 0 < kept < 11
    expected = {
        "evaluated_training": evaluate(-1, "training"),
        "validation": evaluate(-1, "validation"),
        "test": evaluate(-1, "test"),
        "best_epoch_test": evaluate(kept, "test"),
        "last_five_test": tuple(
            np.mean([evaluate(epoch, "test") for epoch in range(7, 12)], axis=0)
        ),
        "best_validation": (max(curve["val_accuracy"]), min(curve["val_loss"])),
    }
    for name, pair in expected.items():
        assert (metrics[f"{name}_accuracy"], metrics[f"{name}_loss"]) == pytest.approx(
            pair, rel=1e-5
        )
    assert len({round(accuracy, 4) for accuracy, _ in expected.values()}) == 4
    wrong = probabilities[-1]["test"].argmax(axis=1) != DATASET.y_test
    assert result["test_errors"] == np.flatnonzero(wrong).tolist()
    bins, scores = calibrate(probabilities[-1]["test"], DATASET.y_test)
    assert (result["calibration"], scores.items() <= metrics.items()) == (bins, True)


def test_calibration() -> None:
    """Against a loop over images; a probability of 1 belongs to the last bin."""
    random = np.random.default_rng(0)
    probabilities = random.dirichlet([0.5, 0.5, 0.5], 400).astype(np.float32)
    probabilities[0] = [0, 1, 0]
    labels = random.integers(0, 3, 400)
    right: list[list[bool]] = [[] for _ in range(BINS)]
    sure: list[list[float]] = [[] for _ in range(BINS)]
    brier = 0.0
    for row, label in zip(probabilities.astype(float), labels, strict=True):
        place = min(int(max(row) * BINS), BINS - 1)
        sure[place].append(max(row))
        right[place].append(bool(np.argmax(row) == label))
        brier += sum((p - (c == label)) ** 2 for c, p in enumerate(row)) / 400
    bins, scores = calibrate(probabilities, labels)
    assert bins["count"] == [len(each) for each in sure]
    assert bins["count"][:5] == [0] * 5  # of three classes, the surest has a third or more
    means = [[np.mean(each) if each else 0.0 for each in found] for found in (sure, right)]
    assert bins["confidence"] == pytest.approx(means[0])
    assert bins["accuracy"] == pytest.approx(means[1])
    error = sum(
        len(s) * abs(np.mean(s) - np.mean(r)) for s, r in zip(sure, right, strict=True) if s
    )
    assert scores == pytest.approx({"test_brier": brier, "test_calibration_error": error / 400})
