"""The networks of the page against the pipeline's own; see `test_browser` for Keras."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from explore.networks import IMAGES, compute_units, main, measure, pack_weights, read_weights
from explore.runs import SIDES
from tests.conftest import ROOT
from tests.explore.conftest import unpack_weights


@pytest.mark.parametrize("name", SIDES.values())
def test_stored_network_is_the_pipelines(figures: dict[str, Any], name: str) -> None:
    """Run `python -m explore.networks` where this fails.

    Where the pipeline has run, and so has its models and images, shares of all test images are
    recomputed by other code.
    """
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    outs = {out["path"]: out["md5"] for out in lock["stages"][f"train_{name}"]["outs"]}
    metrics = json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8"))
    stored, train = figures["networks"], load_parameters(ROOT / "params.yaml").train
    found, model, images = stored["networks"][name], ROOT / f"models/{name}.keras", ROOT / IMAGES
    assert found["md5"] == outs[f"models/{name}.keras"]
    assert (stored["rate"], stored["seed"]) == (train.dropout_rate, train.seed)
    assert found["test"]["all"] == pytest.approx(100 * metrics["test_accuracy"], abs=1e-5)

    if not (model.is_file() and images.is_file()):
        pytest.skip("make repro has not run here")
    if hashlib.md5(model.read_bytes(), usedforsecurity=False).hexdigest() != found["md5"]:
        pytest.skip("the pipeline's results have changed")
    weights = read_weights(model)
    with np.load(images) as arrays:
        pictures, labels = arrays["images"][..., 0], arrays["labels"]
    units = np.concatenate([compute_units(weights, p) for p in np.array_split(pictures, 20)])
    left = np.where(units >= np.sort(units, axis=1)[:, -10, None], 0, units)
    answers = [(each @ weights[4] + weights[5]).argmax(axis=1) for each in (units, left)]
    same = (answers[0] == answers[1]).mean()
    assert found["test"]["survive"] == pytest.approx(100 * same, abs=0.02)
    assert stored["tested"] == len(labels)


def test_measured_shares() -> None:
    """Two units that each speak for a class: the stronger ten off, the answer is the other."""
    weights = [np.zeros(0)] * 4 + [np.eye(2, dtype=np.float32), np.zeros(2, np.float32)]
    units = np.array([[3, 1], [1, 3], [3, 1], [3, 1]], np.float32)
    labels = np.array([0, 1, 0, 1])
    found = measure(weights, units, labels, rate=0.0)
    assert found == {"all": 75, "one": 75, "mean": 75, "survive": 75}
    # With half of the units dropped, right where the right one of two is kept, or none and it is 0.
    found = measure(weights, units, labels, rate=0.5)
    assert found["one"] == pytest.approx(100 * (2 * 0.75 + 0.5 + 0.25) / 4, abs=3)
    assert found["mean"] == 75
    # Alone, the unit outvotes the bias only when it makes up for what is dropped.
    weights[5] = np.array([0, 3], np.float32)
    found = measure(weights, np.array([[2, 0]], np.float32), np.array([0]), rate=0.5)
    assert found["all"] == 0
    assert found["one"] == pytest.approx(50, abs=10)
    # Ten strong units for a class, and one that is weaker for the other: off are those ten.
    weights[4:] = np.eye(2, dtype=np.float32)[[0] * 10 + [1]], np.zeros(2, np.float32)
    units = np.array([[2.0] * 10 + [1], [1.0] * 10 + [30]], np.float32)
    assert measure(weights, units, np.array([0, 1]), rate=0.0)["survive"] == 0


def test_packed_weights_are_unpacked() -> None:
    """All but the dense kernel exactly; that within half a step, also where all is 0."""
    random = np.random.default_rng(0)
    shapes = ((3, 3, 1, 2), (2,), (8, 4), (4,), (4, 3), (3,))
    weights = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    weights[2][:, 1] = 0
    found = unpack_weights(pack_weights(weights))
    for place, (before, after) in enumerate(zip(weights, found, strict=True)):
        within = np.abs(before).max(axis=0) / 254 if place == 2 else 0
        assert (np.abs(after - before) <= within * 1.001).all()


def test_other_data_are_refused(in_workspace: Path) -> None:
    with pytest.raises(SystemExit, match=r"data\.dataset: expected mnist; found own/tiny"):
        main()
    assert not (in_workspace / "explore").exists()
