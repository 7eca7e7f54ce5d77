"""The notebook, run cell by cell."""

import json
import warnings
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from experiment.variants import VARIANTS
from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks/explore.ipynb"


def test_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is committed without outputs, draws the committed curves, and compares revisions."""
    plt.switch_backend("agg")
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            with warnings.catch_warnings(action="ignore"):  # agg shows nothing
                exec("".join(cell["source"]), names)
    figures = map(plt.figure, plt.get_fignums())
    drawn = [line for figure in figures for axes in figure.axes for line in axes.lines]
    lines = [np.asarray(line.get_ydata()).tolist() for line in drawn]
    plt.close("all")
    expected, styles = [], []
    for metric in ("accuracy", "loss"):
        for name, variant in VARIANTS.items():
            curve = pd.read_csv(ROOT / f"plots/{name}.csv")
            expected += [curve[f"val_{metric}"].tolist(), curve[metric].tolist()]
            styles += [(f"{variant.label}, validation", "-"), (f"{variant.label}, training", "--")]
    assert [(line.get_label(), line.get_linestyle()) for line in drawn[:8]] == styles
    runs = pd.read_csv(ROOT / "metrics/study_runs.csv").query(
        "dataset == 'mnist' and placement in ('none', 'dense')"
        " and train_samples.isna() and dense_units == 128 and epochs == 20"
    )
    means = 100 * runs.groupby("dropout_rate")["test_accuracy"].mean()
    assert lines == [*expected, (100 * runs["test_accuracy"]).tolist(), means.tolist()]
    metrics = json.loads((ROOT / "metrics/dropout.json").read_text())
    assert names["compared"]["candidate", "with Dropout"].to_dict() == metrics
    names["read"] = lambda path, revision: '{"a": 0.25}' if revision == "HEAD" else '{"a": 0.5}'
    exec("".join(cell["source"]).replace("\ncompared.join", "\nshown = compared.join"), names)
    assert (names["shown"]["difference"] == 0.25).all().all()
