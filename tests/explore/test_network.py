"""The network of the page against Keras, and against the pipeline's own."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from explore.network import (
    MODEL,
    NETWORK,
    Network,
    choose,
    read,
    read_weights,
    unpack,
    write,
)  # fmt: skip
from tests.conftest import ROOT


def test_file_is_made_from_the_model_in_dvc_lock() -> None:
    """Run `python -m explore.network` where this fails."""
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for out in lock["stages"]["train_dropout"]["outs"]}
    metrics = json.loads((ROOT / "metrics/dropout.json").read_text(encoding="utf-8"))
    content = read(ROOT / NETWORK)
    assert content["md5"] == outs[MODEL.as_posix()]
    assert content["rate"] == load_parameters(ROOT / "params.yaml").train.dropout_rate
    assert content["test"]["full"] == pytest.approx(metrics["test_accuracy"], abs=1e-7)
    assert content["test"]["one"] < content["test"]["mean"]


def test_rounded_weights_change_no_probability_by_more_than_permitted() -> None:
    content = read(ROOT / NETWORK)
    network = unpack(content)
    probabilities = network.probabilities(network.units(network.images))
    assert probabilities.shape == (100, 10)
    assert np.abs(probabilities - content["exact"]).max() < 1e-3


def test_network_computes_what_keras_did_in_the_pipeline() -> None:
    """The first images of each class are in the order of the test set; of the others, see which."""
    content = read(ROOT / NETWORK)
    exact, labels = np.array(content["exact"]), np.array(content["labels"])
    keras = pd.read_csv(ROOT / "metrics/dropout.predictions.csv")
    for label, rows in keras.groupby("label"):
        mine = exact[labels == label]
        first = rows[:8]
        assert mine.argmax(axis=1)[:8].tolist() == first["prediction"].tolist()
        np.testing.assert_allclose(mine.max(axis=1)[:8], first["probability"], atol=1e-4)
        for unsure in mine[8:]:
            alike = rows[8:][rows["prediction"][8:] == unsure.argmax()]
            assert np.abs(alike["probability"] - unsure.max()).min() <= 1e-4


def test_weights_are_read_in_the_order_of_the_layers(tmp_path: Path) -> None:
    """From a file as Keras writes it; that it does is seen in the test above."""
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        for number, name in enumerate(("dense_1", "conv2d", "dense")):
            for part in (0, 1):
                weights[f"layers/{name}/vars/{part}"] = np.full(2, 10 * number + part)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", file.getvalue())
    found = [int(array[0]) for array in read_weights(tmp_path / "model.keras")]
    assert found == [10, 11, 20, 21, 0, 1]


def test_what_is_written_is_read_and_unpacked_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((3, 2), (4,))]
    images = random.integers(0, 256, (2, 28, 28), dtype=np.uint8)
    network = Network(weights, 0.25, images, np.array([1, 0]))
    write(tmp_path / "network.json", network, {"md5": "0"})
    content = read(tmp_path / "network.json")
    found = unpack(content)
    for before, after in zip(weights, found.weights, strict=True):
        np.testing.assert_allclose(after, before, atol=np.abs(before).max() / 2**14)
    assert (found.rate, found.labels.tolist(), content["md5"]) == (0.25, [1, 0], "0")
    np.testing.assert_array_equal(found.images, images)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), ("{", "not JSON")]
)
def test_missing_or_damaged_file_is_refused(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    path = tmp_path / "network.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"network.json: {reason}; restore it with git"):
        read(path)


def test_mask_drops_at_the_rate_and_keeps_the_mean() -> None:
    network = Network([np.zeros(20_000)] * 6, 0.2, np.zeros(0), np.zeros(0))
    kept = network.mask(np.random.default_rng(1))
    assert kept.mean() == pytest.approx(0.8, abs=0.01)
    assert network.masked(np.ones(20_000), kept).mean() == pytest.approx(1, abs=0.02)


def test_of_each_class_the_first_images_and_the_least_sure_are_chosen() -> None:
    labels = np.repeat([0, 1], 20)
    probabilities = np.full((40, 2), 0.9)
    probabilities[[3, 15, 12, 30], [0, 0, 0, 1]] = 0.1
    assert choose(probabilities, labels) == [*range(8), 12, 15, *range(20, 28), 28, 30]
