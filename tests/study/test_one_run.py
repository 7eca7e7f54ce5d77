"""One run of the study: it trains what the run says, on the images that the run says."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiment.data.split import Dataset, divide
from experiment.support.errors import InputError
from study.training import one_run
from study.training.one_run import calibrate, train_one
from tests.conftest import synthetic_arrays
from tests.study.made_up import MAIN

SETTING = replace(
    MAIN, dataset="own/tiny.npz", placement="both", dropout_rate=0.25, train_samples=60,
    dense_units=8, epochs=12, filters=2, batch_size=7, learning_rate=0.01, further='{"l2": 0.1}',
    validation_split=0.25, validation_from="stratified",
)  # fmt: skip
MODEL = {"image_shape": (8, 8, 1), "classes": 3, "filters": 2, "dense_units": 8, "seed": 5,
         "dropout_rate": 0.25, "dropout_placement": "both", "l2": 0.1}  # fmt: skip
TRAINING = {"epochs": 12, "batch_size": 7, "learning_rate": 0.01, "seed": 5}


# Two images in five have label 0, whatever they show: no network is always right.
ARRAYS = synthetic_arrays()
for name in ("y_train", "y_test"):
    ARRAYS[name][::5] = ARRAYS[name][1::5] = 0
DATASET = Dataset(**ARRAYS)


def test_divergence_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = replace(SETTING, epochs=1, further="")
    with pytest.raises(InputError, match=r"^epoch 1: .*; lower train.learning_rate \(now 1e\+20"):
        train_one(replace(plain, learning_rate=1e20), 5, DATASET)
    monkeypatch.setattr(one_run, "calibrate", lambda *_: ({}, {"test_brier": np.nan}))
    with pytest.raises(InputError, match=r"^after the last epoch: .* test_brier; .*\(now 0.01\)"):
        train_one(plain, 5, DATASET)


def test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Network, images and training are the setting's; figures are of the images that they name.

    Recomputed in NumPy from the probabilities of the network after each of its epochs.
    """
    from experiment.network import model, training

    parts: dict[str, tuple[Any, np.ndarray]] = {"test": (DATASET.x_test[..., None], DATASET.y_test)}
    probabilities: list[dict[str, np.ndarray]] = []
    build, train = model.build_model, training.train_epochs

    def build_model(**settings: Any) -> Any:
        assert settings == MODEL
        del settings["l2"]
        return build(**settings)

    def train_epochs(network: Any, images: Any, validation: Any, **settings: Any) -> Any:
        assert settings.items() >= TRAINING.items()
        for name, split in (("train", images), ("validation", validation)):
            parts[name] = split.images, np.asarray(split.labels)
        for state in train(network, images, validation, **settings):
            found = {name: training.predict(network, x) for name, (x, _) in parts.items()}
            probabilities.append(found)
            yield state

    monkeypatch.setattr(model, "build_model", build_model)
    monkeypatch.setattr(training, "train_epochs", train_epochs)
    result = train_one(SETTING, 5, DATASET)
    metrics, curve = result["metrics"], result["curve"]
    how: Any = {"validation_split": 0.25, "validation_from": "stratified", "train_samples": 60}
    for name, split in divide(DATASET, **how, seed=5).items():
        np.testing.assert_equal(parts[name], (split.images, split.labels))

    def evaluate(epoch: int, name: str) -> np.ndarray:
        found, labels = probabilities[epoch][name].astype(float), parts[name][1]
        right = found.argmax(axis=1) == labels
        return np.array([right.mean(), -np.log(found[np.arange(len(labels)), labels]).mean()])

    kept = int(np.argmin(curve["val_loss"]))
    assert 0 < kept < 11
    expected = {
        "evaluated_training": evaluate(-1, "train"),
        "validation": evaluate(-1, "validation"),
        "test": evaluate(-1, "test"),
        "best_epoch_test": evaluate(kept, "test"),
        "last_five_test": np.mean([evaluate(epoch, "test") for epoch in range(7, 12)], axis=0),
        "best_validation": np.array([max(curve["val_accuracy"]), min(curve["val_loss"])]),
    }
    for name, pair in expected.items():
        found = [metrics[f"{name}_accuracy"], metrics[f"{name}_loss"]]
        assert found == pytest.approx(pair, rel=1e-5)
    assert len({round(loss, 4) for _, loss in expected.values()}) == 6
    wrong = probabilities[-1]["test"].argmax(axis=1) != DATASET.y_test
    assert result["test_errors"] == np.flatnonzero(wrong).tolist()
    bins, scores = calibrate(probabilities[-1]["test"], DATASET.y_test)
    assert (result["calibration"], scores.items() <= metrics.items()) == (bins, True)


def test_calibration() -> None:
    """By hand, in 15 bins; a probability of 1 belongs to the last one."""
    rows = [[1, 0, 0], [0.61, 0.39, 0], [0.65, 0.2, 0.15], [0.2, 0.5, 0.3]]
    bins, scores = calibrate(np.array(rows, np.float32), np.array([0, 0, 1, 1]))
    shown = {place: [bins[name][place] for name in bins] for place in (7, 9, 14)}
    assert shown[14] == [1, 1, 1]
    assert shown[9] == pytest.approx([2, 0.63, 0.5])
    assert shown[7] == pytest.approx([1, 0.5, 1])
    assert sum(bins["count"]) == 4
    brier = (2 * 0.39**2 + 0.65**2 + 0.8**2 + 0.15**2 + 0.2**2 + 0.5**2 + 0.3**2) / 4
    error = (2 * 0.13 + 0.5) / 4
    assert scores == pytest.approx({"test_brier": brier, "test_calibration_error": error})
