"""The notebook, where there is nothing but pandas and matplotlib."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks/explore.ipynb"
LABELS = {"no_dropout": "without Dropout", "dropout": "with Dropout"}

# Runs the cells as a kernel would, in a process that finds no package but those of Python, pandas
# and matplotlib; prints what was drawn, by cell, by panel, by line.
PROGRAM = """
import importlib.abc, json, sys, warnings

class Refusal(importlib.abc.MetaPathFinder):
    found = {
        *sys.stdlib_module_names, "pandas", "numpy", "matplotlib", "mpl_toolkits",
        # What these two need.
        "PIL", "contourpy", "cycler", "dateutil", "fontTools", "kiwisolver", "packaging",
        "pyparsing", "pytz", "six", "tzdata",
    }
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.found and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusal())
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
names, drawn = {}, {}
for name, source in json.load(sys.stdin):
    figures = set(plt.get_fignums())
    exec(compile(source, name, "exec"), names)
    for number in set(plt.get_fignums()) - figures:
        drawn[name] = [
            {"x": axes.get_xlabel(), "y": axes.get_ylabel(), "title": axes.get_title(loc="left"),
             "ticks": [float(x) for x in axes.get_xticks()],
             "lines": {line.get_label(): [float(y) for y in line.get_ydata()]
                       for line in axes.lines if not line.get_label().startswith("_")},
             "areas": [[float(y) for y in area.get_paths()[0].vertices[:, 1]]
                       for area in axes.collections],
             "bars": {bars.get_label(): [float(y) for y in bars[0].get_ydata()]
                      for bars in axes.containers}}
            for axes in plt.figure(number).axes
        ]
gains = names["gains"][["mean", "low", "high"]].to_numpy().tolist()
print(json.dumps({"drawn": drawn, "gains": gains, "changed": names["changed"]}))
"""


def cells() -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return content


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What the notebook draws of this repository."""
    code = [(c["id"], "".join(c["source"])) for c in cells() if c["cell_type"] == "code"]
    result = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM], input=json.dumps(code), cwd=NOTEBOOK.parent,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_curves_of_the_pipeline_are_drawn(shown: dict[str, Any]) -> None:
    curves = {label: pd.read_csv(ROOT / f"plots/{name}.csv") for name, label in LABELS.items()}
    assert [panel["lines"] for panel in shown["drawn"]["curves"]] == [
        {f"{label}, {split}": curve[prefix + metric].tolist()
         for label, curve in curves.items()
         for prefix, split in (("val_", "validation"), ("", "training"))}
        for metric in ("accuracy", "loss")
    ]  # fmt: skip


def test_every_picture_has_labels_and_says_what_it_is_of(shown: dict[str, Any]) -> None:
    assert list(shown["drawn"]) == ["curves", "bands", "gains-pictures", "seeds-picture"]
    for name, panels in shown["drawn"].items():
        for panel in panels:
            assert panel["x"], name
            assert panel["y"], name
            assert panel["title"], name
            if panel["x"] == "epoch":
                assert "MNIST, rate 0.5" in panel["title"]
                assert all(tick == round(tick) for tick in panel["ticks"])


def test_study_is_drawn_as_committed(shown: dict[str, Any]) -> None:
    bands = pd.read_csv(ROOT / "plots/study_curves.csv")
    bands = bands[(bands["dataset"] == "mnist") & (bands["train_samples"] == 48_000)]
    for panel, metric in zip(shown["drawn"]["bands"], ("accuracy", "loss"), strict=True):
        for label, rate in (("without Dropout", 0.0), ("with Dropout", 0.5)):
            band = bands[
                (bands["dropout_rate"] == rate) & bands["placement"].isin(["none", "dense"])
            ]
            if "dense_units" in band:
                band = band[band["dense_units"] == 128]
            assert panel["lines"][label] == band[f"val_{metric}"].tolist()
            limits = {*band[f"val_{metric}_low"], *band[f"val_{metric}_high"]}
            assert limits in [{*area} for area in panel["areas"]]


def test_gains_are_those_of_the_results_page(shown: dict[str, Any]) -> None:
    figures = json.loads((ROOT / "metrics/study.json").read_text(encoding="utf-8"))["differences"]
    expected = [
        [100 * f["test_accuracy"][key] for key in ("mean", "low", "high")] for f in figures.values()
    ]
    np.testing.assert_allclose(shown["gains"], expected)
    rates, sizes = shown["drawn"]["gains-pictures"]
    assert list(sizes["bars"]) == ["rate 0.5"]
    (key, *_) = (k for k in figures if {"mnist", "dense", "rate=0.5", "n=48000"} <= {*k.split(",")})
    main = 100 * figures[key]["test_accuracy"]["mean"]
    assert sizes["bars"]["rate 0.5"][-1] == pytest.approx(main)
    assert main in [pytest.approx(gain) for gain in rates["bars"]["MNIST"]]


def test_notebook_is_committed_without_outputs() -> None:
    for cell in cells():
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_badge_opens_the_repository_that_is_read() -> None:
    text = "".join("".join(cell["source"]) for cell in cells())
    (badge,) = re.findall(r"colab.research.google.com/github/(\S+?)/blob/(\S+)\)", text)
    assert badge[0] == re.findall(r'REPOSITORY = "(.*?)"', text)[0]
    assert Path(badge[1]).as_posix() == f"main/{NOTEBOOK.relative_to(ROOT).as_posix()}"
