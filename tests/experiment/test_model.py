"""The network, and its file."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.experiment import networks
from tests.experiment.networks import equal, keras, parts, trained, training


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
        names.insert(names.index(name) + 1, dropout[name])
    assert [layer.name for layer in model.layers] == names
    for name in map(dropout.__getitem__, after):
        assert model.get_layer(name).rate == 0.3
        assert model.get_layer(name).seed == seeds.get_layer(name).seed  # in each placement
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
