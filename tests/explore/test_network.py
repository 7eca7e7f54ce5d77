"""The network of the page against Keras, and against the pipeline's own."""

from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from experiment.common.parameters import load_parameters
from explore.network import MODEL, NETWORK, Network, choose, read, read_weights, unpack, write
from tests.conftest import ROOT

PERMITTED = 1e-3


def test_file_is_made_from_the_model_in_dvc_lock() -> None:
    """Run `python -m explore.network` where this fails."""
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for out in lock["stages"]["train_dropout"]["outs"]}
    content = read(ROOT / NETWORK)
    assert content["md5"] == outs[MODEL.as_posix()]
    assert content["rate"] == load_parameters(ROOT / "params.yaml").train.dropout_rate


def test_rounded_weights_change_no_probability_by_more_than_permitted() -> None:
    content = read(ROOT / NETWORK)
    network = unpack(content)
    probabilities = network.probabilities(network.units(network.images))
    assert len(probabilities) == 100
    assert np.abs(probabilities - content["exact"]).max() < PERMITTED


def test_probabilities_are_those_of_keras(tmp_path: Path) -> None:
    from experiment.network.model import build_model
    from experiment.network.model_file import write_model

    rounded = unpack(read(ROOT / NETWORK))
    filters, dense_units = len(rounded.weights[1]), len(rounded.weights[3])
    model = build_model(
        image_shape=(28, 28, 1), classes=10, filters=filters, dense_units=dense_units,
        dropout_rate=0.5, dropout_placement="dense", seed=0,
    )  # fmt: skip
    model.set_weights(rounded.weights)
    write_model(tmp_path / "model.keras", model)
    network = Network(read_weights(tmp_path / "model.keras"), 0.5, rounded.images, rounded.labels)
    keras = model.predict(rounded.images[..., None] / np.float32(255), verbose=0)
    np.testing.assert_allclose(
        network.probabilities(network.units(network.images)), keras, atol=1e-5
    )


@pytest.mark.skipif(not (ROOT / MODEL).exists(), reason="`make repro` has not been run here")
def test_exact_probabilities_are_those_of_the_model() -> None:
    import keras

    content = read(ROOT / NETWORK)
    images = unpack(content).images
    model = keras.saving.load_model(ROOT / MODEL)
    found = model.predict(images[..., None] / np.float32(255), verbose=0)
    np.testing.assert_allclose(content["exact"], found, atol=1e-5)


def test_writing_rounds_each_weight_by_half_a_step_at_most(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    shapes = [(3, 3, 1, 2), (2,), (338, 5), (5,), (5, 4), (4,)]
    weights = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    images = random.integers(0, 256, (3, 28, 28), np.uint8)
    write(tmp_path / "a.json", Network(weights, 0.25, images, np.arange(3)), {"md5": "x"})
    content = read(tmp_path / "a.json")
    found = unpack(content)
    for weight, back, scale in zip(weights, found.weights, content["scales"], strict=True):
        assert np.abs(weight - back).max() <= 0.501 * scale
    np.testing.assert_array_equal(found.images, images)
    assert (found.rate, found.labels.tolist()) == (0.25, [0, 1, 2])


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
