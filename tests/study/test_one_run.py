"""One run of the study: it trains what the run says, on the images that the run says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiment.data.split import Dataset
from experiment.support.errors import InputError
from study.grid import Run
from study.training.one_run import train_one
from tests.conftest import synthetic_arrays

RUN = Run("data/own/tiny.npz", "dense", 0.25, 60, 8, 3, 4)
DATASET = Dataset(**synthetic_arrays())
SETTINGS: dict[str, Any] = {
    "batch_size": 7, "filters": 2, "learning_rate": 0.01,
    "validation_from": "last", "validation_split": 0.2,
}  # fmt: skip

LAYERS: dict[Any, list[str]] = {
    "none": [],
    "dense": ["dropout"],
    "pooling": ["pooling_dropout"],
    "both": ["pooling_dropout", "dropout"],
}


class TrainsError(Exception):
    """Stands for the training."""


def trained(run: Run, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Network, training and validation images, and settings, as they are given to the training."""
    from experiment.network import training

    given: list[Any] = []

    def train_epochs(*arguments: Any, **settings: Any) -> None:
        given.extend([*arguments, settings])
        raise TrainsError

    monkeypatch.setattr(training, "train_epochs", train_epochs)
    with pytest.raises(TrainsError):
        train_one(run, DATASET, **SETTINGS)
    network, images, validation, settings = given
    return network, images, validation, settings


def test_dropout_is_where_the_run_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for place, names in LAYERS.items():
        rate = 0.0 if place == "none" else 0.25
        network, *_ = trained(replace(RUN, placement=place, dropout_rate=rate), monkeypatch)
        found = [layer for layer in network.layers if "dropout" in layer.name]
        assert [layer.name for layer in found] == names
        assert {layer.rate for layer in found} <= {0.25}


@pytest.mark.parametrize(("seed", "samples"), [(0, 60), (4, 30), (4, 96)])
def test_images_settings_and_weights_are_those_of_the_run(
    seed: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiment.network.model import build_model

    run = replace(RUN, seed=seed, train_samples=samples)
    network, images, validation, settings = trained(run, monkeypatch)
    assert settings == {"epochs": 3, "seed": seed, "batch_size": 7, "learning_rate": 0.01}
    assert np.array_equal(validation.images[..., 0], DATASET.x_train[96:])
    assert np.array_equal(validation.labels, DATASET.y_train[96:])
    # By class, the first ones of a shuffle by the seed; the bits of the stored runs rest on it.
    random = np.random.default_rng(seed)
    chosen = [
        random.permutation(np.flatnonzero(DATASET.y_train[:96] == label))[: samples // 3]
        for label in range(3)
    ]
    expected = np.sort(np.concatenate(chosen))
    assert np.array_equal(images.images[..., 0], DATASET.x_train[expected])
    assert np.array_equal(images.labels, DATASET.y_train[expected])
    same = build_model(
        image_shape=(8, 8, 1), classes=3, filters=2, dense_units=8, dropout_rate=0.25,
        dropout_placement="dense", seed=seed,
    )  # fmt: skip
    for weights, others in zip(network.get_weights(), same.get_weights(), strict=True):
        assert np.array_equal(weights, others)


def test_run_that_diverges_says_what_to_do() -> None:
    with pytest.raises(
        InputError, match=r"^epoch 1: .*; lower train.learning_rate \(now 1e\+20\)$"
    ):
        train_one(RUN, DATASET, **SETTINGS | {"learning_rate": 1e20})


def test_kept_epoch_and_wrong_test_images_are_those_of_the_run() -> None:
    """Against the same network, trained for as many epochs as early stopping would keep."""
    random = np.random.default_rng(0)
    y_train, y_test = (
        np.where(random.uniform(size=len(labels)) < 0.4, random.integers(0, 3, len(labels)), labels)
        for labels in (DATASET.y_train, DATASET.y_test)
    )
    noisy = replace(DATASET, y_train=y_train.astype(np.uint8), y_test=y_test.astype(np.uint8))
    run, settings = replace(RUN, epochs=12), SETTINGS | {"learning_rate": 0.05}
    result = train_one(run, noisy, **settings)
    metrics, curve = result["metrics"], result["curve"]
    kept = int(metrics["best_epoch"])
    assert 1 < kept < 12
    other = train_one(replace(run, epochs=kept), noisy, **settings)["metrics"]
    for name in ("accuracy", "loss"):
        assert metrics[f"best_epoch_test_{name}"] == other[f"test_{name}"]
    assert metrics["test_loss"] != other["test_loss"]
    assert metrics["best_validation_accuracy"] == max(row["val_accuracy"] for row in curve)
    assert metrics["best_validation_loss"] == min(row["val_loss"] for row in curve)
    images = len(DATASET.y_test)
    wrong = result["test_errors"]
    assert 0 < len(wrong) == round((1 - metrics["test_accuracy"]) * images)
    assert sorted({*wrong}) == wrong
    assert 0 <= wrong[0] < wrong[-1] < images
