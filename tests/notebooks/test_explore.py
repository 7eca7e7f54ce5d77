"""The notebook, run cell by cell."""

import json
import warnings
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks/explore.ipynb"


def test_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is committed without outputs and draws the committed curves and runs."""
    mpl.use("agg")
    monkeypatch.chdir(NOTEBOOK.parent)
    names: dict[str, Any] = {}
    drawn = []
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            with warnings.catch_warnings(action="ignore"):  # agg shows nothing
                exec("".join(cell["source"]), names)
            drawn += [axes for number in plt.get_fignums() for axes in plt.figure(number).axes]
            plt.close("all")
    lines = [[list(np.asarray(line.get_ydata())) for line in axes.lines] for axes in drawn]
    curves = [pd.read_csv(ROOT / f"plots/{name}.csv") for name in ("no_dropout", "dropout")]
    assert lines[:2] == [
        [curve[prefix + metric].tolist() for curve in curves for prefix in ("val_", "")]
        for metric in ("accuracy", "loss")
    ]
    runs = pd.read_csv(ROOT / "metrics/study_runs.csv").query(
        "dataset == 'mnist' and placement in ('none', 'dense')"
        " and train_samples.isna() and dense_units == 128 and epochs == 20"
    )
    assert lines[2][0] == (100 * runs["test_accuracy"]).tolist()
    without = runs.query("dropout_rate == 0")["test_accuracy"].mean()
    assert lines[2][1][0] == pytest.approx(100 * without)
    compared = names["compared"]
    metrics = json.loads((ROOT / "metrics/dropout.json").read_text())
    assert compared["candidate", "with Dropout"].to_dict() == metrics
