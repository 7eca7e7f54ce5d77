"""The committed gate.yaml on the committed results: real runs, no made-up numbers."""

import csv
import json
import shutil
from collections.abc import Callable
from statistics import stdev

import pytest

from gate.check import NO_WORSE, NOT_COMPARABLE, REGRESSION, VERDICTS
from gate.comparison import Verdict, compare
from gate.noise import read_noise
from gate.reading import MetricsFile, read_metrics
from gate.revisions import Workspace
from gate.runs import read_rows, runs_of
from gate.settings import load_settings
from tests.conftest import ROOT
from tests.gate.conftest import Repository

VARIANTS = ("no_dropout", "dropout")


@pytest.fixture
def committed(new_repository: Callable[[], Repository]) -> Repository:
    """A clone with the real results, without the code: the gate is to inform of that only."""
    repository = new_repository()
    shutil.rmtree(repository.folder / "metrics")
    for path in ("dvc.yaml", "dvc.lock", "params.yaml"):
        shutil.copy(ROOT / path, repository.folder)
    shutil.copytree(ROOT / "metrics", repository.folder / "metrics")
    gate = (ROOT / "gate.yaml").read_text(encoding="utf-8")
    assert "stale_results: refuse" in gate
    repository.write("gate.yaml", gate.replace("stale_results: refuse", "stale_results: inform"))
    repository.commit()
    return repository


def test_no_change_is_no_worse(committed: Repository) -> None:
    found = committed.check("main")
    assert found.status == NO_WORSE
    gated = [c.verdict for c in found.comparisons if c.verdict is not Verdict.NOT_GATED]
    assert gated == [Verdict.SAME] * 16


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_epoch_instead_of_twenty_is_a_regression(variant: str, committed: Repository) -> None:
    """On validation images, whose metrics after one epoch are in the committed curve."""
    path = f"metrics/{variant}.json"
    with (ROOT / f"plots/{variant}.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    metrics = json.loads((ROOT / path).read_text(encoding="utf-8"))
    metrics["validation_accuracy"] = float(first["val_accuracy"])
    metrics["validation_loss"] = float(first["val_loss"])
    committed.write(path, json.dumps(metrics))
    found = committed.check("main")
    assert VERDICTS[found.status] == VERDICTS[REGRESSION]
    assert found.reasons[0].startswith(f"{path}: validation_accuracy: worse by 0.0")


def test_each_metric_is_judged_in_its_own_direction() -> None:
    """Worse by six deviations, then better by six, one metric after the other."""
    root = Workspace(ROOT)
    rules, noise = load_settings(root).metrics, read_noise(root, root)
    base = {file: read_metrics(root, file) for file in rules}
    judged = set()
    for file, by_key in rules.items():
        for key in by_key:
            up = -1 if key.endswith("accuracy") else 1  # loss, gap and rise are better low
            apart = 6 * float(str(noise.deviations[file][key]))
            found = []
            for sign in (up, -up):
                values = {**base[file].values}
                values[key] = float(str(values[key])) + sign * apart
                candidate = {**base, file: MetricsFile(values)}
                (changed,) = [c for c in compare(rules, base, candidate, noise) if c.change]
                found.append((changed.verdict, changed.refuses))
            blocks = key.startswith(("test_", "validation_")) and not key.endswith("rise")
            assert found == [(Verdict.WORSE, blocks), (Verdict.BETTER, False)], key
            judged.add((file, key))
    assert len(judged) == 16


def test_rows_over_seeds_are_those_that_the_noise_was_measured_on() -> None:
    root = Workspace(ROOT)
    settings, noise = load_settings(root), read_noise(root, root)
    rows = read_rows(root)
    assert rows
    for file, wanted in settings.seeds.rows.items():
        runs = runs_of(rows, wanted, "the workspace")
        for key in ("test_accuracy", "test_loss"):
            measured = stdev(run[key] for run in runs.values())
            assert noise.deviations[file][key] == pytest.approx(measured)


@pytest.mark.parametrize("variant", VARIANTS)
def test_deleted_metrics_file_cannot_be_compared(variant: str, committed: Repository) -> None:
    (committed.folder / f"metrics/{variant}.json").unlink()
    assert committed.check("main").status == NOT_COMPARABLE
