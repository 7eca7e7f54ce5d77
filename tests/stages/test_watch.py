"""The page and the table that follow a run."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiment.files import write_curve
from experiment.variants import VARIANTS
from stages import watch
from stages.experiments import format_experiments
from tests.stages.test_plot import curve_of


def test_watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page loads itself again while a run is at work; its pictures grow with the curves."""
    monkeypatch.chdir(tmp_path)
    assert not watch.is_running()
    Path("stages").write_text("input()")
    for words, expected in ((["stages"], True), (["-c", "input()", "stages"], False)):
        command = [sys.executable, *words]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL):
            assert watch.is_running() == expected
    first, *others = VARIANTS
    at_work, pages = [True, False], list[str]()
    write_curve(Path(f"plots/{first}.csv"), curve_of(first, 3))  # the others have not begun

    def sleep(seconds: float) -> None:
        pages.append(watch.PAGE.read_text())
        for other in others:
            write_curve(Path(f"plots/{other}.csv"), curve_of(other, 3))

    monkeypatch.setattr(watch, "is_running", lambda: at_work.pop(0))
    monkeypatch.setattr(time, "sleep", sleep)
    watch.main()
    assert ["refresh" in page for page in pages] == [True, False]
    assert [page.count("<img") for page in pages] == [2, 2]
    assert pages[0].partition("<img")[2] != pages[1].partition("<img")[2]


def test_experiments(in_workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate comes first, then epochs, what differs, and accuracies, within 80 columns."""
    for name in [*VARIANTS][2:]:
        monkeypatch.delitem(VARIANTS, name)
    rows = [
        {"Experiment": name, "rev": "main", "train.dropout_rate": rate, "train.seed": seed,
         "train.epochs": 20.0, "train.batch_size": 32.0, "model.filters": 32.0}
        | {f"metrics/{variant}.json:test_accuracy": accuracy for variant in VARIANTS}
        for name, rate, seed, accuracy in (
            (None, 0.5, 0.0, 0.98754), ("rate-0.2", 0.2, 0.0, 0.98), ("hazel-coma", 0.2, 1.0, "!"),
        )
    ]  # fmt: skip
    lines = format_experiments(rows).splitlines()
    labels = " ".join(variant.label for variant in VARIANTS.values())
    assert [" ".join(line.split()) for line in lines] == [
        f"dropout_rate epochs seed {labels} experiment",
        "0.5 20 0 98.75 % 98.75 % main",
        "0.2 20 0 98.00 % 98.00 % rate-0.2",
        "0.2 20 1 - - hazel-coma",
    ]
    assert max(map(len, lines)) <= 80
    before_the_first_training = format_experiments([{"Experiment": None, "rev": "workspace"}])
    assert before_the_first_training.split()[-5:] == ["-", "-", "-", "-", "workspace"]
