"""The notebook, run cell by cell."""

import json
import warnings
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from experiment.variants import VARIANTS
from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks/explore.ipynb"


def test_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is committed without outputs, draws the committed curves, and compares revisions."""
    mpl.use("agg")
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, Any] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            with warnings.catch_warnings(action="ignore"):  # agg shows nothing
                exec("".join(cell["source"]), names)
    axes = [ax for number in plt.get_fignums() for ax in plt.figure(number).axes]
    lines = [np.asarray(line.get_ydata()).tolist() for ax in axes for line in ax.lines]
    plt.close("all")
    expected = []
    for metric in ("accuracy", "loss"):
        for variant in VARIANTS:
            curve = pd.read_csv(ROOT / f"plots/{variant}.csv")
            expected += [curve[f"val_{metric}"].tolist(), curve[metric].tolist()]
    runs = pd.read_csv(ROOT / "metrics/study_runs.csv").query(
        "dataset == 'mnist' and placement in ('none', 'dense')"
        " and train_samples.isna() and dense_units == 128 and epochs == 20"
    )
    assert lines[:9] == [*expected, (100 * runs["test_accuracy"]).tolist()]
    metrics = json.loads((ROOT / "metrics/dropout.json").read_text())
    assert names["compared"]["candidate", "with Dropout"].to_dict() == metrics
