"""The network, its file, and what other layers bring along."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiment.support.errors import InputError
from tests.experiment import networks
from tests.experiment.networks import equal, fit, keras, parts, train, trained, training

layers = keras.layers


def build(rate: float, seed: int = 0, placement: Any = "dense") -> keras.Model:
    sizes: Any = {"image_shape": (28, 28, 1), "classes": 10, "filters": 32, "dense_units": 128}
    return networks.build_model(dropout_rate=rate, dropout_placement=placement, seed=seed, **sizes)


@pytest.mark.parametrize(
    ("rate", "placement", "after"),
    [(0, "both", []), (0.3, "dense", ["dense"]), (0.3, "both", ["pooling", "dense"])],
)
def test_layers(rate: float, placement: str, after: list[str]) -> None:
    model, seeds = build(rate, placement=placement), build(0.3, placement="both")
    dropout = {"dense": "dropout", "pooling": "pooling_dropout"}
    names = ["convolution", "pooling", "flatten", "dense", "output"]
    for name in after:
        layer = model.get_layer(dropout[name])
        names.insert(names.index(name) + 1, layer.name)
        assert layer.rate == 0.3
        assert layer.seed == seeds.get_layer(layer.name).seed  # in each placement
    assert [layer.name for layer in model.layers] == names
    assert seeds.get_layer("dropout").seed != seeds.get_layer("pooling_dropout").seed
    assert model.count_params() == 693_962
    assert model.output_shape == (None, 10)
    assert equal(model.get_weights(), build(0).get_weights())
    assert not equal(model.get_weights(), build(0, seed=1).get_weights())


def test_model_file(tmp_path: Path) -> None:
    """It is of plain Keras alone, and holds the network, nothing of the run."""
    model, _ = trained()
    networks.write_model(tmp_path / "model.keras", model)
    images = parts()["test"].images
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    found = loaded.predict(np.asarray(images) / np.float32(255), batch_size=250, verbose=0)
    np.testing.assert_allclose(found, training.predict(model, images), rtol=1e-5)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert list(json.loads(archive.read("metadata.json"))) == ["keras_version"]
        config = archive.read("config.json").decode()
        size = archive.getinfo("model.weights.h5").file_size
    assert json.loads(config)["compile_config"] == {}
    assert {name.split(".")[0] for name in re.findall(r'"module": "([^"]+)"', config)} == {"keras"}
    # Not addresses: each differs from process to process.
    ids = re.findall(r'"shared_object_id": (\d+)', config)
    assert sorted({*map(int, ids)}) == [*range(len({*ids}))] != []
    # One number of four bytes for each weight, and what HDF5 needs.
    assert size < 4 * model.count_params() + 40_000


class Counting(keras.Layer):  # type: ignore[misc]  # Keras has no types
    def __init__(self) -> None:
        super().__init__()
        self.mean = keras.metrics.Mean(name="activity")


def make_middle() -> list[keras.Layer]:
    """Penalties, moving statistics, a random stream without a seed, limits."""
    kernel, activity = keras.regularizers.L2(0.1), keras.regularizers.L1(0.01)
    return [
        keras.Sequential([layers.Dense(8, kernel_regularizer=kernel)]),
        layers.Dense(8, activity_regularizer=activity),
        layers.SpectralNormalization(layers.Dense(8)),
        keras.Sequential([layers.BatchNormalization(momentum=0.5)]),
        layers.Dropout(0.5),
        layers.Dense(8, trainable=False),
        layers.Dense(8, kernel_constraint=keras.constraints.MaxNorm(0.2)),
    ]


@pytest.mark.parametrize("plain", [True, False])
def test_trains_as_keras_does(plain: bool) -> None:
    """The network of the experiment, and one with all of these layers: the bits of Keras' `fit`."""

    def network() -> keras.Model:
        split = parts()["train"]
        # From here on, layers without a seed draw as after every other call.
        model = networks.build(split)
        if plain:
            return model
        ends = keras.Input(split.images.shape[1:]), layers.Dense(3, activation="softmax")
        return keras.Sequential([ends[0], layers.Flatten(), *make_middle(), ends[1]])

    _, [first, last] = train(model=network(), epochs=2)
    fitted = network()
    assert fit(fitted) == last.curve or not plain  # whose loss has no penalties
    found = [variable.numpy() for variable in fitted.variables]
    assert equal(last.variables[: len(found)], found)
    _, [resumed] = train(first, model=network(), epochs=2)
    assert resumed.curve == last.curve
    assert equal(resumed.variables, last.variables)


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        (lambda: keras.Sequential([layers.Dense(8, dtype="mixed_float16")]), "float16"),
        (lambda: layers.SpectralNormalization(layers.Dense(8, dtype="bfloat16")), "bfloat16"),
        (lambda: keras.Sequential([Counting()]), "activity"),
    ],
)
def test_refused(layer: Callable[[], keras.Layer], found: str) -> None:
    """Other types and layers' own metrics, also within another layer."""
    model = keras.Sequential([keras.Input((4,)), layer()])
    with pytest.raises(InputError, match=f"; found {found}; remove"):
        training.require_supported(model)
