"""The networks of the page against Keras, and against the pipeline's own."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from explore.networks import (
    IMAGES,
    compute_probabilities,
    compute_units,
    main,
    measure,
    pack_weights,
    read_weights,
    switch_off_strongest,
    unpack,
    unpack_weights,
)
from tests.conftest import ROOT

each_network = pytest.mark.parametrize("name", VARIANTS)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / "explore/networks.json").read_text())
    return content


def images_of(stored: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(unpack(stored["images"]), np.uint8).reshape(-1, 28, 28)


@each_network
def test_stored_network_is_the_pipelines(stored: dict[str, Any], name: str) -> None:
    """Run `python -m explore.networks` where this fails."""
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for out in lock["stages"][f"train_{name}"]["outs"]}
    metrics = json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8"))
    found, train = stored["networks"][name], load_parameters(ROOT / "params.yaml").train
    assert found["md5"] == outs[f"models/{name}.keras"]
    assert (stored["rate"], stored["seed"]) == (train.dropout_rate, train.seed)
    assert found["test"]["all"] == pytest.approx(metrics["test_accuracy"], abs=1e-7)


@each_network
def test_eight_bits_change_no_probability_by_a_hundredth(stored: dict[str, Any], name: str) -> None:
    weights = unpack_weights(stored["networks"][name])
    probabilities = compute_probabilities(weights, compute_units(weights, images_of(stored)))
    assert probabilities.shape == (100, 10)
    np.testing.assert_allclose(probabilities, stored["networks"][name]["exact"], atol=1e-2)


@each_network
def test_probabilities_are_those_of_keras(stored: dict[str, Any], name: str) -> None:
    """The first images of each class are in the order of the test set."""
    exact, labels = np.array(stored["networks"][name]["exact"]), np.array(stored["labels"])
    keras = pd.read_csv(ROOT / f"metrics/{name}.predictions.csv")
    for label, rows in keras.groupby("label"):
        mine, first = exact[labels == label], rows[:10]
        assert mine.argmax(axis=1).tolist() == first["prediction"].tolist()
        np.testing.assert_allclose(mine.max(axis=1), first["probability"], atol=1e-4)


@each_network
def test_shares_of_all_test_images(stored: dict[str, Any], name: str) -> None:
    """Recomputed by other code where the pipeline has run, and so has its models and images."""
    model, images, found = ROOT / f"models/{name}.keras", ROOT / IMAGES, stored["networks"][name]
    if not (model.is_file() and images.is_file()):
        pytest.skip("make repro has not run here")
    if hashlib.md5(model.read_bytes(), usedforsecurity=False).hexdigest() != found["md5"]:
        pytest.skip("the pipeline's results have changed")
    weights = read_weights(model)
    with np.load(images) as arrays:
        pictures, labels = arrays["images"][..., 0], arrays["labels"]
    units = np.concatenate([compute_units(weights, p) for p in np.array_split(pictures, 20)])
    logits = units @ weights[4] + weights[5]
    weakest = np.sort(units, axis=1)[:, -10, None]
    assert ((units >= weakest).sum(axis=1) == 10).mean() > 0.999
    left = np.where(units >= weakest, 0, units) @ weights[4] + weights[5]
    same = (logits.argmax(axis=1) == left.argmax(axis=1)).mean()
    assert found["test"]["survive"] == pytest.approx(same, abs=2e-4)
    assert found["test"]["all"] == pytest.approx((logits.argmax(axis=1) == labels).mean(), abs=2e-4)
    assert stored["tested"] == len(labels)


def test_measured_shares() -> None:
    """Two units that each speak for a class: the stronger one off, the answer is the other."""
    weights = [np.zeros(0)] * 4 + [np.eye(2, dtype=np.float32), np.zeros(2, np.float32)]
    units = np.array([[3, 1], [1, 3], [3, 1], [3, 1]], np.float32)
    found = measure(weights, units, np.array([0, 1, 0, 1]), rate=0.0)
    assert found == {"all": 0.75, "one": 0.75, "mean": 0.75, "survive": 0.75}
    # With half of the units dropped, right where the right one of two is kept, or none and it is 0.
    found = measure(weights, units, np.array([0, 1, 0, 1]), rate=0.5)
    assert found["one"] == pytest.approx((2 * 0.75 + 0.5 + 0.25) / 4, abs=0.03)
    assert found["mean"] == 0.75
    # Alone, the unit outvotes the bias only when it makes up for what is dropped.
    weights[5] = np.array([0, 3], np.float32)
    found = measure(weights, np.array([[2, 0]], np.float32), np.array([0]), rate=0.5)
    assert found["all"] == 0
    assert found["one"] == pytest.approx(0.5, abs=0.1)


def test_the_ten_strongest_are_switched_off() -> None:
    units = np.random.default_rng(0).random((5, 16)).astype(np.float32)
    off = switch_off_strongest(units)
    assert (off > 0).sum(axis=1).tolist() == [6] * 5
    np.testing.assert_array_equal(np.sort(off)[:, 10:], np.sort(units)[:, :6])


def test_weights_are_read_in_the_order_of_the_layers(tmp_path: Path) -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        for number, name in enumerate(("dense_1", "conv2d", "dense")):
            for part in (0, 1):
                weights[f"layers/{name}/vars/{part}"] = np.full(2, 10 * number + part)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", file.getvalue())
    found = [int(array[0]) for array in read_weights(tmp_path / "model.keras")]
    assert found == [10, 11, 20, 21, 0, 1]


def test_packed_weights_are_unpacked() -> None:
    random = np.random.default_rng(0)
    shapes = ((3, 3, 1, 2), (2,), (8, 4), (4,), (4, 3), (3,))
    weights = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    weights[2][:, 1] = 0  # a unit that learned nothing
    found = unpack_weights(json.loads(json.dumps(pack_weights(weights))))
    for place, (before, after) in enumerate(zip(weights, found, strict=True)):
        within = np.abs(before).max(axis=0) / 254 if place == 2 else 0
        assert (np.abs(after - before) <= within * 1.001).all()


def test_other_data_are_refused(in_workspace: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected data\.dataset mnist; found own/tiny"):
        main()
    assert not (in_workspace / "explore").exists()
