"""Comparisons of made-up runs."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiment.parameters import load_parameters
from explore.runs import KNOBS, SIDES, add_own_run, compare, settings_of
from stages.summary import place_run
from study.contrasts import BASE
from study.runs import Entry, load_runs, select
from tests.conftest import ROOT

DENSE: dict[str, Any] = {"placement": "dense", "dropout_rate": 0.5}


def make_runs(accuracies: list[float], first: int = 0, **changed: Any) -> list[Entry]:
    """Runs on MNIST without Dropout, but for what is changed; the loss ends at 1 plus the seed."""
    setting, found = replace(BASE.without_dropout(), **changed), []
    for seed, accuracy in enumerate(accuracies, start=first):
        curve = {"accuracy": [0.75] * 3, "loss": [0.5] * 3, "val_accuracy": [accuracy] * 3,
                 "val_loss": [2.0, 1.0, 1.0 + seed]}  # fmt: skip
        found.append(Entry(setting, seed, {}, "data", 48_000, {"test_accuracy": accuracy}, curve))
    return found


def make_gain(**changed: Any) -> dict[str, Any]:
    setting = {name: getattr(BASE, name) for name in (*KNOBS.values(), "epochs")}
    return {**setting, "mean": 0.2, "low": 0.1, "high": 0.3, "seeds": 9, **changed}


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.1, 0.2, "better"), (-0.2, -0.1, "worse"), (-0.1, 0, "undecided"), (0, 0.1, "undecided")],
)
def test_runs_that_the_results_know(low: float, high: float, verdict: str) -> None:
    """Others wait: of later seeds, with other settings, of fewer epochs, and where one is alone.

    An interval that touches 0 decides nothing.
    """
    few: dict[str, Any] = {"train_samples": 500}
    both = few | DENSE
    two = make_runs([0.57, 0.7], **few) + make_runs([0.8, 0.9], **both)
    later = make_runs([0.1] * 3, 2, **few) + make_runs([0.2] * 3, 2, **both)
    other = make_runs([0.3] * 9, batch_size=64, **few)
    longer = make_runs([0.4, 0.5], epochs=80, **few) + make_runs([0.4, 0.5], epochs=80, **both)
    alone = make_runs([0.1, 0.2]) + make_runs([0.3], **DENSE)
    gains = [make_gain(seeds=1, epochs=80, **few), make_gain(),
             make_gain(seeds=2, low=low, high=high, **few)]  # fmt: skip
    (found,) = compare([*other, *later, *longer, *alone, *two], gains)
    assert (found["seeds"], found["epochs"], found["same"]) == ([0, 1], 20, True)
    assert (found["without"]["accuracy"], found["with"]["accuracy"]) == ([57, 70], [80, 90])
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("dvc.lock", "", ""),
        ("dvc.lock", "train.dropout_rate: 0.5", "train.dropout_rate: 0.35"),
        ("dvc.lock", "train.batch_size: 32", "train.batch_size: 64"),
        ("plots/dropout.csv", r"\n20,.*\n", "\n"),  # it has not ended
        ("plots/dropout.csv", "epoch,.*", ""),
    ],
)
def test_own_run(
    file: str, old: str, new: str, figures: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Its curves are the committed ones; it is placed as on the last screen, where runs repeat it.

    That is among all stored runs of its settings.
    """
    for name in ("dvc.lock", "plots/no_dropout.csv", "plots/dropout.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    text = Path(file).read_text(encoding="utf-8")
    Path(file).write_text(re.sub(old, new, text), encoding="utf-8")
    entries = load_runs(ROOT / "study/runs.jsonl")
    comparisons = compare(entries, figures["gains"])
    own = add_own_run(comparisons, entries)
    assert [each for each in comparisons if "own" in each["with"]] == ([own] if own else [])
    assert (own is None) == bool(old)
    if not own:
        return
    seed = load_parameters(ROOT / "params.yaml").train.seed
    settings = settings_of(own, own["epochs"])
    for (side, variant), setting in zip(SIDES.items(), settings, strict=True):
        losses = pd.read_csv(f"plots/{variant}.csv")["val_loss"]
        np.testing.assert_allclose(own[side]["own"]["val_loss"], losses, rtol=1e-3)
        metrics = json.loads((ROOT / f"metrics/{variant}.json").read_bytes())
        said = place_run(metrics, select(entries, setting), seed)
        assert said.endswith(f"{own[side]['lower']} of {own[side]['others']} seeds ended lower")
