"""The committed gate.yaml on the committed results: real runs, no made-up numbers."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gate.comparison import Comparison, Name, Noise, Verdict, compare, names_of
from gate.repository import Repository, Wanted
from gate.runs import means_of, noise_of, read_runs
from gate.settings import SETTINGS, Rule, load_settings
from gate.snapshot import MetricsFile, Snapshot
from tests.conftest import ROOT
from tests.repository import git

FILES = ("metrics/no_dropout.json", "metrics/dropout.json")
GATE = load_settings((ROOT / SETTINGS).read_text(encoding="utf-8"))

Real = tuple[Snapshot, dict[Name, Rule], Noise]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    """The real results, in a repository without the code; their rules, and their noise."""
    folder = tmp_path_factory.mktemp("committed")
    for path in ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config"):
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    git(folder, "init", "--quiet")
    committed = Repository(folder).read(None, "the workspace", Wanted(GATE.files()))
    assert GATE.runs
    runs = read_runs(GATE.runs, committed)
    assert runs
    means = means_of(GATE.runs, runs, runs, committed)
    noise = replace(noise_of(runs, None), means=means)
    return committed, GATE.rules(names_of(committed.metrics)), noise


def changed(real: Real, name: Name, value: float) -> Comparison:
    """What the gate says if one metric is another."""
    (committed, rules, noise), (file, key) = real, name
    values = {**committed.metrics[file].values, key: value}
    after = {**committed.metrics, file: MetricsFile(values)}
    found = compare(rules, committed.metrics, after, noise)
    assert sum(c.verdict is Verdict.SAME for c in found) == len(rules) - 1
    (one,) = [c for c in found if (c.file, c.key) == name]
    return one


def test_every_metric_but_the_best_epoch_has_a_rule(real: Real) -> None:
    committed, rules, noise = real
    found = compare(rules, committed.metrics, committed.metrics, noise)
    rest = {(c.file, c.key) for c in found if c.file in FILES} - rules.keys()
    assert rest == {(file, "best_epoch") for file in FILES}
    assert [c.verdict for c in found[:16]] == [Verdict.SAME] * 16


def test_each_metric_is_judged_in_its_own_direction(real: Real) -> None:
    """Four deviations worse than the mean of the runs, then better, one metric after the other."""
    _, rules, noise = real
    for name in rules:
        key = name[1]
        up = -1 if key.endswith("accuracy") else 1  # loss, gap and rise are better low
        mean, seeds = noise.means[name]
        found = [
            changed(real, name, mean + sign * 4 * noise.deviations[name]) for sign in (up, -up)
        ]
        blocks = key.startswith(("test_", "validation_")) and not key.endswith("rise")
        assert [(c.verdict, c.refuses, c.base_runs) for c in found] == [
            (Verdict.WORSE, blocks, seeds), (Verdict.BETTER, False, seeds)
        ], key  # fmt: skip


def test_one_epoch_instead_of_twenty_is_a_regression(real: Real) -> None:
    """On validation images, whose metrics after one epoch are in the committed curve."""
    for file in FILES:
        curve = ROOT / file.replace("metrics/", "plots/").replace(".json", ".csv")
        first = next(csv.DictReader(curve.read_text(encoding="utf-8").splitlines()))
        found = changed(real, (file, "validation_accuracy"), float(first["val_accuracy"]))
        assert (found.verdict, found.refuses) == (Verdict.WORSE, True)


def test_margins_are_five_of_the_measured_deviations(real: Real) -> None:
    """Also those for copies without runs."""
    _, rules, noise = real
    for name, rule in rules.items():
        assert rule.margin
        assert rule.margin.deviations == 5
        if rule.blocks:
            assert rule.margin.without_runs == pytest.approx(5 * noise.deviations[name], rel=0.05)


def test_anchor_is_a_commit() -> None:
    assert GATE.anchor
    if (ROOT / ".git").exists() and not (ROOT / ".git/shallow").exists():
        assert git(ROOT, "cat-file", "-t", GATE.anchor) == "commit"


def test_gate_is_not_bound_to_this_project() -> None:
    """No name of a metric, a variant or a data set, and no import of another folder."""
    names = ("dropout", "mnist", "study", "validation_loss", "test_accuracy", "experiment")
    for path in Path(ROOT / "gate").rglob("*"):
        if path.suffix in {".py", ".html", ".js", ".css", ".yml"} and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8").lower()
            assert [name for name in names if name in text] == [], path
