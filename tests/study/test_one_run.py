"""One run of the study: it trains what the run says, on the images that the run says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiment.data.split import Dataset
from experiment.support.errors import InputError
from study.training.one_run import BINS, calibrate, train_one
from tests.conftest import synthetic_arrays
from tests.study.made_up import MAIN

SETTING = replace(
    MAIN, dataset="own/tiny.npz", dropout_rate=0.25, train_samples=60, dense_units=8, epochs=3,
    filters=2, batch_size=7, learning_rate=0.01,
)  # fmt: skip


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


@pytest.mark.parametrize(
    ("place", "layers", "samples"),
    [
        ("none", [], 30),
        ("dense", ["dropout"], 96),
        ("pooling", ["pooling_dropout"], 30),
        ("both", ["pooling_dropout", "dropout"], 60),
    ],
)
def test_what_is_trained(
    place: Any, layers: list[str], samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers, first weights, images and settings, as they are given to the training."""
    from experiment.network import training
    from experiment.network.model import build_model

    given: list[Any] = []

    def train_epochs(*arguments: Any, **settings: Any) -> None:
        given.extend([*arguments, settings])
        raise TrainsError

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    rate = 0.25 if layers else 0.0
    setting = replace(SETTING, placement=place, dropout_rate=rate, train_samples=samples)
    with pytest.raises(TrainsError):
        train_one(setting, 4, DATASET)
    network, images, validation, settings = given
    found = {layer.name: layer.rate for layer in network.layers if "dropout" in layer.name}
    assert found == dict.fromkeys(layers, 0.25)
    same = build_model(
        image_shape=(8, 8, 1), classes=3, filters=2, dense_units=8, dropout_rate=rate,
        dropout_placement=place, seed=4,
    )  # fmt: skip
    for weights, others in zip(network.get_weights(), same.get_weights(), strict=True):
        assert np.array_equal(weights, others)
    del settings["evaluate"]
    assert settings == {"epochs": 3, "seed": 4, "batch_size": 7, "learning_rate": 0.01}
    assert np.array_equal(validation.images[..., 0], DATASET.x_train[96:])
    assert np.array_equal(validation.labels, DATASET.y_train[96:])
    assert len({image.tobytes() for image in images.images.numpy()}) == samples
    counts = np.bincount(DATASET.y_train[:96]) * samples / 96
    assert np.abs(np.bincount(images.labels) - counts).max() < 1


def test_divergence_is_one_line() -> None:
    with pytest.raises(InputError, match=r"^epoch 1: .*; lower train.learning_rate \(now 1e\+20"):
        train_one(replace(SETTING, learning_rate=1e20), 4, DATASET)


def test_figures_are_of_the_images_that_they_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recomputed in NumPy from the probabilities of the network after each of its epochs."""
    from experiment.network import training

    parts: dict[str, tuple[Any, np.ndarray]] = {"test": (DATASET.x_test[..., None], DATASET.y_test)}
    probabilities: list[dict[str, np.ndarray]] = []
    original = training.train_epochs

    def train_epochs(network: Any, train: Any, validation: Any, **settings: Any) -> Any:
        for name, split in (("training", train), ("validation", validation)):
            parts[name] = split.images, np.asarray(split.labels)
        for state in original(network, train, validation, **settings):
            found = {name: training.predict(network, images) for name, (images, _) in parts.items()}
            probabilities.append(found)
            yield state

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    result = train_one(replace(SETTING, epochs=12), 4, DATASET)
    metrics, curve = result["metrics"], result["curve"]

    def evaluate(epoch: int, name: str) -> np.ndarray:
        found, labels = probabilities[epoch][name].astype(float), parts[name][1]
        right = found.argmax(axis=1) == labels
        return np.array([right.mean(), -np.log(found[np.arange(len(labels)), labels]).mean()])

    kept = int(np.argmin(curve["val_loss"]))
    assert 0 < kept < 11
    expected = {
        "evaluated_training": evaluate(-1, "training"),
        "validation": evaluate(-1, "validation"),
        "test": evaluate(-1, "test"),
        "best_epoch_test": evaluate(kept, "test"),
        "last_five_test": np.mean([evaluate(epoch, "test") for epoch in range(7, 12)], axis=0),
        "best_validation": np.array([max(curve["val_accuracy"]), min(curve["val_loss"])]),
    }
    for name, pair in expected.items():
        found = [metrics[f"{name}_accuracy"], metrics[f"{name}_loss"]]
        assert found == pytest.approx(pair, rel=1e-5)
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
    images: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    brier = 0.0
    for row, label in zip(probabilities.astype(float), labels, strict=True):
        place = min(int(max(row) * BINS), BINS - 1)
        images[place].append((max(row), np.argmax(row) == label))
        brier += sum((p - (c == label)) ** 2 for c, p in enumerate(row)) / 400
    means = np.array([np.mean(each, axis=0) if each else (0, 0) for each in images])
    count = np.array([len(each) for each in images])
    bins, scores = calibrate(probabilities, labels)
    assert bins["count"] == count.tolist()
    assert bins["count"][:5] == [0] * 5  # of three classes, the surest has a third or more
    assert [*zip(bins["confidence"], bins["accuracy"], strict=True)] == pytest.approx(means)
    error = count @ np.abs(means[:, 0] - means[:, 1]) / 400
    assert scores == pytest.approx({"test_brier": brier, "test_calibration_error": error})
