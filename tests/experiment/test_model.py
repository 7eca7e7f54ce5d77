"""The network, and its file."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.experiment.networks import build_model, keras, parts, train, training, write_model


def build(dropout_rate: float, seed: int = 0, dropout_placement: Any = "dense") -> keras.Model:
    return build_model(
        image_shape=(28, 28, 1),
        classes=10,
        filters=32,
        dense_units=128,
        dropout_rate=dropout_rate,
        dropout_placement=dropout_placement,
        seed=seed,
    )


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_model_is_that_of_the_experiment() -> None:
    without, with_dropout = build(0), build(0.5)
    names = ["convolution", "pooling", "flatten", "dense", "output"]
    assert [layer.name for layer in without.layers] == names
    assert [layer.name for layer in with_dropout.layers] == [*names[:4], "dropout", "output"]
    assert without.count_params() == with_dropout.count_params() == 693_962
    assert with_dropout.get_layer("dropout").rate == 0.5
    assert without.output_shape == (None, 10)


@pytest.mark.parametrize(
    ("placement", "rates"),
    [("none", {}), ("dense", {"dropout": 0.3}), ("pooling", {"pooling_dropout": 0.3}),
     ("both", {"pooling_dropout": 0.3, "dropout": 0.3})],
)  # fmt: skip
def test_dropout_is_placed_where_it_is_asked_for(placement: str, rates: dict[str, float]) -> None:
    model = build(0.3, dropout_placement=placement)
    found = {
        layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)
    }
    assert found == rates
    names = [layer.name for layer in model.layers]
    for name in rates:
        before = {"dropout": "dense", "pooling_dropout": "pooling"}[name]
        assert names.index(name) == names.index(before) + 1
    assert equal(model.get_weights(), build(0).get_weights())


def test_streams_of_the_dropout_layers_differ_and_stay_as_they_are_in_each_placement() -> None:
    both = build(0.5, dropout_placement="both")
    seeds = {name: both.get_layer(name).seed for name in ("dropout", "pooling_dropout")}
    assert seeds["dropout"] == build(0.5).get_layer("dropout").seed != seeds["pooling_dropout"]


def test_variants_start_from_the_same_weights_and_seeds_do_not() -> None:
    assert equal(build(0).get_weights(), build(0.5).get_weights())
    assert equal(build(0).get_weights(), build(0).get_weights())
    assert not equal(build(0).get_weights(), build(0, seed=1).get_weights())


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_dropout_zeroes_and_scales_in_training_alone(rate: float) -> None:
    layer = build(rate).get_layer("dropout")
    ones = np.ones((4, 1000), np.float32)
    dropped = np.asarray(layer(ones, training=True))
    np.testing.assert_allclose(np.unique(dropped), [0, 1 / (1 - rate)])  # the mean stays 1
    assert abs((dropped == 0).mean() - rate) < 0.05
    np.testing.assert_array_equal(np.asarray(layer(ones, training=False)), ones)


SCRIPT = """
import sys
from pathlib import Path
from experiment.network.model_file import write_model
from tests.experiment.networks import train
write_model(Path(sys.argv[1]), train(dropout_rate=0.5, dropout_placement="both")[0])
"""


def test_model_file_is_the_same_from_another_process(tmp_path: Path) -> None:
    """Whatever this one has trained before."""
    here, there = tmp_path / "here.keras", tmp_path / "there.keras"
    train(dropout_rate=0.5)
    model, _ = train(dropout_rate=0.5, dropout_placement="both")
    write_model(here, model)
    subprocess.run([sys.executable, "-c", SCRIPT, str(there)], cwd=ROOT, check=True)
    assert here.read_bytes() == there.read_bytes()


PLAIN_KERAS = """
import sys
import keras, numpy as np
images = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
np.save(sys.argv[3], model.predict(images / np.float32(255), batch_size=250, verbose=0))
ours = [name for name in sys.modules if name.split(".")[0] in ("experiment", "stages", "tests")]
sys.exit(f"imported {ours}" if ours else None)
"""


def test_model_file_is_loaded_by_plain_keras(tmp_path: Path) -> None:
    model, _ = train(dropout_rate=0.5)
    write_model(tmp_path / "model.keras", model)
    images = np.asarray(parts()["test"].images)
    np.save(tmp_path / "images.npy", images)
    names = ("model.keras", "images.npy", "predictions.npy")
    subprocess.run([sys.executable, "-c", PLAIN_KERAS, *names], cwd=tmp_path, check=True)
    expected = model.predict(images / np.float32(255), batch_size=250, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "predictions.npy"), expected, rtol=1e-5)
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert equal(loaded.get_weights(), model.get_weights())
    test = parts()["test"]
    assert training.Evaluation(loaded)(test) == training.Evaluation(model)(test)


def test_model_file_holds_the_network_alone_and_nothing_of_the_run(tmp_path: Path) -> None:
    model, _ = train(dropout_rate=0.5)
    write_model(tmp_path / "model.keras", model)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert list(json.loads(archive.read("metadata.json"))) == ["keras_version"]
        assert json.loads(archive.read("config.json"))["compile_config"] == {}
        size = archive.getinfo("model.weights.h5").file_size
    # One number of four bytes for each weight, and what HDF5 needs.
    assert size < 4 * model.count_params() + 40_000


def test_shared_object_ids_are_numbered_in_order() -> None:
    from experiment.network.model_file import _without_run

    addresses: dict[str, Any] = {"a": [{"shared_object_id": 140_000_123}, {"shared_object_id": 7}]}
    addresses["b"] = [{"shared_object_id": 140_000_123, "date_saved": "today", "kept": 1}]
    assert _without_run(addresses, {}) == {
        "a": [{"shared_object_id": 0}, {"shared_object_id": 1}],
        "b": [{"shared_object_id": 0, "kept": 1}],
    }
