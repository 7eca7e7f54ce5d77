"""The networks of the page against the pipeline's own; see `test_browser` for Keras."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiment.parameters import load_parameters
from explore import networks
from explore.networks import IMAGES, NETWORKS, compute_probabilities, compute_units, main
from explore.runs import SIDES, read_locked_parameters
from tests.conftest import ROOT
from tests.explore.conftest import unpack, unpack_weights

MODELS = [f"models/{name}.keras" for name in SIDES.values()]


def test_stored_networks_are_the_pipelines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `python -m explore.networks` where this fails. With the models here, it is run."""
    monkeypatch.chdir(ROOT)
    stored, train = json.loads(NETWORKS.read_bytes()), read_locked_parameters().train
    constants = train.dropout_rate, train.seed, networks.STRONGEST, networks.MASKS
    assert tuple(stored[name] for name in ("rate", "seed", "strongest", "masks")) == constants
    lock = Path("dvc.lock").read_text(encoding="utf-8")
    for name, found in stored["networks"].items():
        metrics = json.loads(Path(f"metrics/{name}.json").read_bytes())
        assert f"path: models/{name}.keras\n      hash: md5\n      md5: {found['md5']}" in lock
        assert found["test"]["all"] == pytest.approx(100 * metrics["test_accuracy"], abs=1e-5)

    hashes = {hashlib.md5(Path(m).read_bytes()).hexdigest() for m in MODELS if Path(m).is_file()}
    if hashes != {found["md5"] for found in stored["networks"].values()} or not IMAGES.is_file():
        pytest.skip("the models here are no or another commit's: run `make repro`")
    monkeypatch.setattr(networks, "NETWORKS", tmp_path / "networks.json")
    main()
    again = json.loads((tmp_path / "networks.json").read_bytes())
    for name, found in again["networks"].items():
        assert found.pop("test") == pytest.approx(stored["networks"][name].pop("test"), abs=0.02)
    assert again == stored


def test_program(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of small networks: by 8 bits they answer as by Keras; the first ones of each class are shown.

    First is the image where the strongest units matter most to the one without Dropout alone.
    """
    monkeypatch.chdir(repository)
    with pytest.raises(SystemExit, match=r"data\.dataset: expected mnist; found own/tiny"):
        main()
    for name, value in (("DATASET", "own/tiny.npz"), ("EACH", 4), ("STRONGEST", 1)):
        monkeypatch.setattr(networks, name, value)
    main()
    found = json.loads(NETWORKS.read_bytes())
    train, keys = load_parameters().train, ("masks", "rate", "seed", "strongest", "tested")
    assert [found[key] for key in keys] == [200, train.dropout_rate, train.seed, 1, 30]
    with np.load(IMAGES) as arrays:
        images, labels = arrays["images"][..., 0], arrays["labels"]
    first = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]  # the classes are 0, 1, 2, 0, 1, 2, ...
    assert unpack(found["images"]) == images[first].tobytes()
    left = []
    for name, model in zip(SIDES.values(), MODELS, strict=True):
        network, keras = found["networks"][name], pd.read_csv(f"metrics/{name}.predictions.csv")
        weights = unpack_weights(network["weights"])
        for place, exact in enumerate(networks.read_weights(Path(model))):
            within = np.abs(exact).max(axis=0) / 254 if place == 2 else 0  # half a step of 8 bits
            assert (np.abs(weights[place] - exact) <= within * 1.001).all()
        units = compute_units(weights, images)
        whole = compute_probabilities(weights, units)
        np.testing.assert_allclose(whole.max(axis=1), keras["probability"], atol=2e-4)
        assert network["md5"] == hashlib.md5(Path(model).read_bytes()).hexdigest()
        units[units == units.max(axis=1, keepdims=True)] = 0
        weakened = compute_probabilities(weights, units)
        right = (keras["prediction"] == keras["label"]).mean()
        same = (weakened.argmax(axis=1) == whole.argmax(axis=1)).mean()
        assert network["test"]["all"] == pytest.approx(100 * right)
        assert network["test"]["survive"] == pytest.approx(100 * same, abs=4)
        left.append(weakened[first, labels[first]])
    gained = left[1] - left[0]
    assert gained[found["start"]] == pytest.approx(gained.max(), abs=2e-4)
    Path(MODELS[1]).unlink()
    with pytest.raises(SystemExit, match=f"{MODELS[1]}: no such file; run `make repro`"):
        main()


def test_packed_unit_without_weights_stays_without() -> None:
    weights = [np.ones(2, np.float32)] * 2 + [np.eye(2, dtype=np.float32) * (1, 0)]
    packed = networks.pack_weights(weights)[2]
    assert packed["scale"] == pytest.approx([1 / 127, 0])
    assert np.frombuffer(unpack(packed["whole"]), np.int8).tolist() == [127, 0, 0, 0]


def test_measured_shares() -> None:
    """Two units that each speak for a class: the stronger ten off, the answer is the other."""
    weights = [np.zeros(0)] * 4 + [np.eye(2, dtype=np.float32), np.zeros(2, np.float32)]
    units = np.array([[3, 1], [1, 3], [3, 1], [3, 1]], np.float32)
    labels = np.array([0, 1, 0, 1])
    found = networks.measure(weights, units, labels, rate=0.0)
    assert found == {"all": 75, "one": 75, "mean": 75, "survive": 75}
    # With half of the units dropped, right where the right one of two is kept, or none and it is 0.
    found = networks.measure(weights, units, labels, rate=0.5)
    assert found["one"] == pytest.approx(100 * (2 * 0.75 + 0.5 + 0.25) / 4, abs=3)
    assert found["mean"] == 75
    # Kept by two masks of five, it is sure of its class; the others say another, and are not sure.
    weights[5] = np.array([0, 0.2], np.float32)
    found = networks.measure(weights, np.array([[20, 0]], np.float32), np.array([0]), rate=0.6)
    assert found["mean"] == 100
    # Alone, the unit outvotes the bias only when it makes up for what is dropped.
    weights[5] = np.array([0, 3], np.float32)
    found = networks.measure(weights, np.array([[2, 0]], np.float32), np.array([0]), rate=0.5)
    assert found["all"] == 0
    assert found["one"] == pytest.approx(50, abs=10)
