"""The pages and tables that follow a run."""

import shutil
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from experiment.files import write_curve
from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from stages import watch
from stages.experiments import format_experiments
from stages.summary import find_settings, load_entries
from tests.conftest import ROOT
from tests.stages.test_plot import curve_of


def test_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page loads itself again while a run is at work, and shows the band of other seeds."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "study/runs.jsonl"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, name)
    Path("data/processed").mkdir(parents=True)
    np.savez("data/processed/train.npz", labels=np.zeros(48_000, np.uint8))
    first, *_ = VARIANTS
    write_curve(Path(f"plots/{first}.csv"), curve_of(first, 3))  # the others have not begun
    assert not watch.is_running()
    for name in ("dvc", "stages"):
        Path(name).write_text("input()")
    for folder, words, expected in (
        (".", ["stages"], True), (".", ["dvc"], True), ("study", ["../stages"], False),
        (".", ["-c", "input()", "stages"], False),
    ):  # fmt: skip
        command, quiet = [sys.executable, *words], subprocess.DEVNULL
        with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stderr=quiet):
            assert watch.is_running() == expected
    at_work, pages = [True, True, False], list[str]()
    monkeypatch.setattr(watch, "is_running", lambda: at_work.pop(0))
    monkeypatch.setattr(time, "sleep", lambda _: pages.append(watch.PAGE.read_text()))
    watch.main()
    assert ["refresh" in page for page in pages] == [True, True, False]
    assert pages[-1].count("data:image/png;base64,") == 2
    params, entries = load_parameters(), load_entries()
    figures = zip(watch.draw_figures(params, entries), ("accuracy", "loss"), strict=True)
    for (figure, metric), (name, setting) in product(figures, find_settings(params).items()):
        (band,) = (
            band
            for band in figure.axes[0].collections
            if to_rgb(VARIANTS[name].colour) == tuple(np.ravel(band.get_facecolor())[:3])
        )
        points = np.asarray(band.get_paths()[0].vertices)
        ends = points[points[:, 0] == 20, 1]
        last = [each.curve[f"val_{metric}"][-1] for each in entries if each.setting == setting]
        assert (ends.min(), ends.max()) == pytest.approx((min(last), max(last)))
        assert len(last) > 1


def test_experiments(in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate comes first, then epochs, what differs, and accuracies, within 80 columns."""
    for name in [*VARIANTS][2:]:
        monkeypatch.delitem(VARIANTS, name)
    rows = [
        {"Experiment": name, "rev": "main", "train.dropout_rate": rate, "train.seed": seed,
         "train.epochs": 20.0, "train.batch_size": 32.0, "model.filters": 32.0}
        | {f"metrics/{n}.json:test_accuracy": x for n, x in zip(VARIANTS, found, strict=True)}
        for name, rate, seed, *found in (
            (None, 0.5, 0.0, 0.98754, 0.99), ("rate-0.2", 0.2, 0.0, 0.98, 0.9912),
            ("hazel-coma", 0.2, 1.0, "!", "!"),
        )
    ]  # fmt: skip
    lines = format_experiments(rows).splitlines()
    labels = " ".join(variant.label for variant in VARIANTS.values())
    assert [" ".join(line.split()) for line in lines] == [
        f"dropout_rate epochs seed {labels} experiment",
        "0.5 20 0 98.75 % 99.00 % main",
        "0.2 20 0 98.00 % 99.12 % rate-0.2",
        "0.2 20 1 - - hazel-coma",
    ]
    assert max(map(len, lines)) <= 80


def test_experiments_before_the_first_training(in_workspace: Path) -> None:
    table = format_experiments([{"Experiment": None, "rev": "workspace"}])
    assert table.split()[-5:] == ["-", "-", "-", "-", "workspace"]
