"""The gate's error rates, on runs that are made up; the committed ones are of real runs."""

import csv
import random
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from gate.comparison import Name
from gate.errors import CannotCompareError
from gate.runs import Runs
from gate.settings import Margin, Rule, RunsSettings
from study import gate_errors
from study.gate_errors import PLANTED_POINTS, Rate, paired_rates, single_run_rates
from study.gate_errors_page import write

FILE = "metrics/a.json"
SEEDS = RunsSettings(file="runs.csv", of={})


def rules(deviations: float) -> Mapping[Name, Rule]:
    margin = Margin(deviations=deviations)
    rule = Rule(better="higher", margin=margin, blocks=True, over_runs=margin)
    return {(FILE, "test_accuracy"): rule}


def made_up(seeds: int, deviation: float = 0.001) -> Runs:
    chance = random.Random(0)
    return {seed: {"test_accuracy": chance.gauss(0.98, deviation)} for seed in range(seeds)}


def rates(runs: Runs, deviations: float) -> list[Rate]:
    return list(single_run_rates([{FILE: runs}], rules(deviations), "made up"))


def test_wide_margin_has_no_false_alarm_and_narrow_ones_have_many() -> None:
    assert rates(made_up(8), 1000)[0].refused == 0
    assert rates(made_up(8), 0)[0].refused == 0.5  # one of each two is the worse one


def test_more_is_found_the_more_is_planted() -> None:
    found = rates(made_up(8), 5)
    assert tuple(rate.points for rate in found) == PLANTED_POINTS
    assert all(a.refused <= b.refused for a, b in pairwise(found))
    assert found[-1].refused == 1  # 1 point is ten deviations


def test_all_ordered_pairs_are_compared_and_disjoint_ones_are_counted() -> None:
    (first, *_) = rates(made_up(8), 5)
    assert (first.comparisons, first.independent) == (8 * 7, 4)
    assert first.low == 0
    assert first.high == pytest.approx(1 - 0.025 ** (1 / 4))  # none of four, Clopper and Pearson


@pytest.mark.parametrize(
    ("seeds", "others", "runs"),
    [
        (10, 0, "seeds of the two variants"),
        (5, 1, "runs of all settings, scaled"),
    ],
)
def test_rates_over_seeds(
    seeds: int, others: int, runs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_errors, "DRAWS", 20)
    world = {FILE: made_up(seeds)}
    more = [{FILE: made_up(5, 0.1)}] * others  # of another size, which is scaled away
    found = list(paired_rates(world, more, rules(4), SEEDS))
    assert {rate.runs for rate in found} == {runs}
    assert {(rate.comparisons, rate.independent) for rate in found} == {(20, 1)}
    assert found[0].refused <= 0.5
    assert found[0].regressions == 0
    assert all(a.refused <= b.refused for a, b in pairwise(found))
    assert found[-1].refused == 1


def test_too_few_runs_give_no_rates_over_seeds() -> None:
    assert list(paired_rates({FILE: made_up(5)}, [], rules(4), SEEDS)) == []


GATE = """\
metrics:
  metrics/a.json:
    test_accuracy: {better: higher, margin: {deviations: 5}, blocks: true, over_runs: {deviations: 5}}
runs:
  file: metrics/study_runs.csv
  of:
    metrics/a.json: {rows: {placement: dense, dropout_rate: 0.5}}
"""


def written(folder: Path, seeds: int, broken: str | None = None) -> Path:
    (folder / "gate.yaml").write_text(GATE)
    (folder / "metrics").mkdir()
    with (folder / "metrics/study_runs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["placement", "dropout_rate", "seed", "test_accuracy"])
        for placement, rate in (("dense", 0.5), ("both", 0.2), ("none", 0.0)):
            for seed, run in made_up(seeds).items():
                writer.writerow([placement, rate, seed, broken or run["test_accuracy"]])
    return folder


def test_page_table_and_picture_are_written_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_errors, "DRAWS", 5)
    folder = written(tmp_path, 5)
    paths = [
        "docs/gate-calibration.md",
        "metrics/gate_calibration.csv",
        "plots/gate_calibration.png",
    ]
    twice = []
    for _ in range(2):
        write(folder)
        twice.append([(folder / path).read_bytes() for path in paths])
    assert twice[0] == twice[1]
    page, table, picture = twice[0]
    assert b"| one run | 2 other settings, one by one | 0 | " in page
    assert table.count(b"\n") == 1 + 3 * len(PLANTED_POINTS)
    assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("seeds", "broken", "message"),
    [
        (3, None, "expected 4 seeds or more of metrics/a.json; found 3; run more of the study"),
        (5, "nan", "expected a finite number for test_accuracy in every run"),
        (None, None, "metrics/study_runs.csv: no such file; run the study"),
    ],
)
def test_runs_that_are_too_few_or_broken_are_refused(
    seeds: int | None, broken: str | None, message: str, tmp_path: Path
) -> None:
    if seeds is None:
        (tmp_path / "gate.yaml").write_text(GATE)
    else:
        written(tmp_path, seeds, broken)
    with pytest.raises(CannotCompareError, match=message):
        write(tmp_path)
