"""Comparisons of made-up runs, and the pipeline's own run among the stored ones."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from explore.runs import KNOBS, SIDES, add_own_run, compare
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
    (found,) = compare([*other, *later, *longer, *alone, *two], gains).values()
    assert (found["seeds"], found["epochs"], found["same"]) == ([0, 1], 20, True)
    assert (found["without"]["accuracy"], found["with"]["accuracy"]) == ([57, 70], [80, 90])
    assert found["verdict"] == verdict


def test_own_run(figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in no comparison with other parameters, or before its end; see `changes`.

    Else its curves are the committed ones, and it is placed as on the last screen: among all stored
    runs of its settings.
    """
    entries = load_runs(ROOT / "study/runs.jsonl")
    comparisons = compare(entries, figures["gains"])
    changes = (
        ("dvc.lock", "train.dropout_rate: 0.5", "train.dropout_rate: 0.35"),
        ("dvc.lock", "train.batch_size: 32", "train.batch_size: 64"),
        ("plots/dropout.csv", r"\n20,.*\n", "\n"),
        ("plots/dropout.csv", "epoch,.*", ""),
        ("dvc.lock", "", ""),
    )
    monkeypatch.chdir(tmp_path)
    Path("plots").mkdir()
    for file, old, new in changes:
        for name in ("dvc.lock", "plots/no_dropout.csv", "plots/dropout.csv"):
            shutil.copy(ROOT / name, name)
        Path(file).write_text(re.sub(old, new, Path(file).read_text("utf-8")), encoding="utf-8")
        own = add_own_run(comparisons, entries)
        placed = {setting: c for setting, c in comparisons.items() if "own" in c["with"]}
        assert placed == ({} if old else {BASE: own})
    assert own
    for (side, variant), setting in zip(SIDES.items(), (BASE.without_dropout(), BASE), strict=True):
        losses = pd.read_csv(f"plots/{variant}.csv")["val_loss"]
        np.testing.assert_allclose(own[side]["own"]["val_loss"], losses, rtol=1e-3)
        metrics = json.loads((ROOT / f"metrics/{variant}.json").read_bytes())
        said = place_run(metrics, select(entries, setting), seed=0)
        assert said.endswith(f"{own[side]['lower']} of {own[side]['others']} seeds ended lower")
