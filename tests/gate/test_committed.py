"""The committed gate.yaml on the committed results: real runs, no made-up numbers."""

import csv
import shutil
from pathlib import Path

import pytest

from gate.comparison import Comparison, Name, Noise, Verdict, compare, names_of
from gate.repository import Repository, Wanted
from gate.runs import noise_of, read_runs
from gate.settings import SETTINGS, Rule, load_settings
from gate.snapshot import MetricsFile, Snapshot
from tests.conftest import ROOT
from tests.repository import git

VARIANTS = ("no_dropout", "dropout")


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The real results, in a repository without the code."""
    folder = tmp_path_factory.mktemp("committed")
    for path in ("dvc.yaml", "dvc.lock", "params.yaml", ".dvc/config"):
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    shutil.copytree(ROOT / "metrics", folder / "metrics")
    git(folder, "init", "--quiet")
    return Repository(folder).read(None, "the workspace", Wanted(["metrics/study_runs.csv"]))


@pytest.fixture(scope="module")
def noise(committed: Snapshot) -> Noise:
    runs = load_settings((ROOT / SETTINGS).read_text(encoding="utf-8")).runs
    assert runs
    return noise_of(read_runs(runs, committed), None)


@pytest.fixture(scope="module")
def rules(committed: Snapshot) -> dict[Name, Rule]:
    settings = load_settings((ROOT / SETTINGS).read_text(encoding="utf-8"))
    return settings.rules(names_of(committed.metrics))


def changed(
    committed: Snapshot, rules: dict[Name, Rule], noise: Noise, name: Name, value: float
) -> Comparison:
    """What the gate says if one metric is another."""
    file, key = name
    values = {**committed.metrics[file].values, key: value}
    after = {**committed.metrics, file: MetricsFile(values)}
    found = compare(rules, committed.metrics, after, noise)
    assert sum(c.verdict is Verdict.SAME for c in found) == len(rules) - 1
    (one,) = [c for c in found if (c.file, c.key) == name]
    return one


def test_every_metric_but_the_best_epoch_has_a_rule(
    committed: Snapshot, rules: dict[Name, Rule], noise: Noise
) -> None:
    found = compare(rules, committed.metrics, committed.metrics, noise)
    files = {f"metrics/{variant}.json" for variant in VARIANTS}
    rest = {(c.file, c.key) for c in found if c.file in files} - rules.keys()
    assert rest == {(file, "best_epoch") for file in files}
    assert [c.verdict for c in found[:16]] == [Verdict.SAME] * 16


def test_each_metric_is_judged_in_its_own_direction(
    committed: Snapshot, rules: dict[Name, Rule], noise: Noise
) -> None:
    """Worse by six deviations, then better by six, one metric after the other."""
    for name in rules:
        file, key = name
        up = -1 if key.endswith("accuracy") else 1  # loss, gap and rise are better low
        value = float(str(committed.metrics[file].values[key]))
        found = [
            changed(committed, rules, noise, name, value + sign * 6 * noise.deviations[name])
            for sign in (up, -up)
        ]
        blocks = key.startswith(("test_", "validation_")) and not key.endswith("rise")
        assert [(c.verdict, c.refuses) for c in found] == [
            (Verdict.WORSE, blocks), (Verdict.BETTER, False)
        ], key  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_epoch_instead_of_twenty_is_a_regression(
    variant: str, committed: Snapshot, rules: dict[Name, Rule], noise: Noise
) -> None:
    """On validation images, whose metrics after one epoch are in the committed curve."""
    with (ROOT / f"plots/{variant}.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    name = (f"metrics/{variant}.json", "validation_accuracy")
    found = changed(committed, rules, noise, name, float(first["val_accuracy"]))
    assert (found.verdict, found.refuses) == (Verdict.WORSE, True)


def test_margins_without_runs_are_five_of_the_measured_deviations(
    rules: dict[Name, Rule], noise: Noise
) -> None:
    for name, rule in rules.items():
        if rule.blocks:
            assert rule.margin
            assert rule.margin.without_runs == pytest.approx(5 * noise.deviations[name], rel=0.05)


def test_anchor_is_a_commit() -> None:
    anchor = load_settings((ROOT / SETTINGS).read_text(encoding="utf-8")).anchor
    assert anchor
    if (ROOT / ".git").exists() and not (ROOT / ".git/shallow").exists():
        assert git(ROOT, "cat-file", "-t", anchor) == "commit"


def test_gate_is_not_bound_to_this_project() -> None:
    """No name of a metric, a variant or a data set, and no import of another folder."""
    names = ("dropout", "mnist", "study", "validation_loss", "test_accuracy", "experiment")
    for path in Path(ROOT / "gate").rglob("*"):
        if path.suffix in {".py", ".html", ".js", ".css", ".yml"} and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8").lower()
            assert [name for name in names if name in text] == [], path
