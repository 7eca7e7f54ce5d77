"""The stage `summarise`, on made-up runs."""

import json
import shutil
import statistics
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study import summarise
from study.paths import PREDICTIONS, TIMES
from study.statistics import estimate
from study.tables import write_runs
from tests.conftest import set_parameters
from tests.study.conftest import RUNS
from tests.study.textbook import QUICK, few_entries

FULL = "mnist,dense,rate=0.5,n=48000,units=128"


@pytest.fixture
def folder(summarised: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, as the current folder."""
    shutil.copytree(summarised, tmp_path / "study")
    monkeypatch.chdir(tmp_path / "study")
    return tmp_path / "study"


def summary_in(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics/study.json").read_text())
    return content


@pytest.fixture(scope="module")
def summary(summarised: Path) -> dict[str, Any]:
    return summary_in(summarised)


RUNS_THERE = [entry.run for entry in few_entries()]
METRICS = sorted(few_entries()[0].metrics)
MADE = pd.DataFrame([{**vars(entry.run), **entry.metrics} for entry in few_entries()])


def test_summary_has_the_form_that_the_gate_reads(
    summary: dict[str, Any], summarised: Path
) -> None:
    assert list(summary) == ["differences", "noise", "settings"]
    assert list(summary["noise"]) == ["metrics/dropout.json", "metrics/no_dropout.json", "seeds"]
    assert list(summary["noise"]["metrics/dropout.json"]) == METRICS
    settings, differences = summary["settings"], summary["differences"]
    assert set(settings) == {
        f"{run.dataset},{run.placement},rate={run.dropout_rate},n={run.train_samples},units={run.dense_units}"
        for run in RUNS_THERE
    }
    assert set(differences) == {name for name in settings if ",none," not in name}
    for figures in settings.values():
        assert sorted(figures) == sorted([*METRICS, "seeds"])
        assert all(list(figures[name]) == ["high", "low", "mean", "sd"] for name in METRICS)
    for figures in differences.values():
        assert list(figures) == METRICS
        for name in METRICS:
            assert list(figures[name]) == ["high", "low", "mean", "p", "p_corrected"]
    text = (summarised / "metrics/study.json").read_text()
    assert text == json.dumps(summary, indent=2, sort_keys=True) + "\n"


def of(dataset: str, rate: float, metric: str) -> list[float]:
    chosen = (MADE["dataset"] == dataset) & (MADE["dropout_rate"] == rate)
    chosen &= (MADE["train_samples"] == 48_000) & MADE["placement"].isin(["none", "dense"])
    return [float(value) for value in MADE.loc[chosen].sort_values("seed")[metric]]


def test_noise_is_the_deviation_over_seeds_of_the_pipelines_two_settings(
    summary: dict[str, Any],
) -> None:
    assert summary["noise"]["seeds"] == 5
    for file, rate in (("metrics/no_dropout.json", 0.0), ("metrics/dropout.json", 0.5)):
        for metric in METRICS:
            expected = statistics.stdev(of("mnist", rate, metric))
            assert summary["noise"][file][metric] == pytest.approx(expected, abs=1e-15)


def test_noise_is_of_what_params_yaml_names(folder: Path) -> None:
    set_parameters(folder, data__dataset="fashion_mnist", train__dropout_rate=0.3)
    summarise.main()
    noise = summary_in(folder)["noise"]
    expected = statistics.stdev(of("fashion_mnist", 0.3, "test_accuracy"))
    assert noise["metrics/dropout.json"]["test_accuracy"] == pytest.approx(expected)


def test_noise_of_what_the_grid_lacks_is_left_out(folder: Path) -> None:
    set_parameters(folder, train__dropout_rate=0.45)
    summarise.main()
    noise = summary_in(folder)["noise"]
    assert list(noise) == ["metrics/no_dropout.json", "seeds"]


def test_setting_has_mean_deviation_and_interval(summary: dict[str, Any]) -> None:
    values = of("mnist", 0.5, "test_accuracy")
    found = summary["settings"][FULL]["test_accuracy"]
    assert found["mean"] == pytest.approx(statistics.mean(values))
    assert found["sd"] == pytest.approx(statistics.stdev(values))
    assert (found["low"], found["high"]) == (
        estimate(values, QUICK).low, estimate(values, QUICK).high,
    )  # fmt: skip
    assert summary["settings"][FULL]["seeds"] == 5


def test_difference_is_paired_by_seed_and_corrected_for_all_settings(
    summary: dict[str, Any],
) -> None:
    found = summary["differences"][FULL]["test_accuracy"]
    with_dropout, without = (of("mnist", rate, "test_accuracy") for rate in (0.5, 0.0))
    paired = [a - b for a, b in zip(with_dropout, without, strict=True)]
    assert found["mean"] == pytest.approx(statistics.mean(paired))
    interval = estimate(paired, QUICK)
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))
    # Five seeds that agree, among as many settings: Holm multiplies the smallest by their number.
    assert found["p"] == 2 / 32
    assert found["p_corrected"] == pytest.approx(min(1, len(summary["differences"]) * 2 / 32))


def test_bands_are_of_each_epoch_of_the_full_training_sets(summarised: Path) -> None:
    bands = pd.read_csv(summarised / "plots/study_curves.csv")
    columns = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert list(bands) == [
        "dataset", "placement", "dropout_rate", "train_samples", "dense_units", "epoch",
        *(f"{name}{end}" for name in columns for end in ("", "_low", "_high")),
    ]  # fmt: skip
    assert set(bands["train_samples"]) == {48_000}
    assert len(bands) == 2 * 5  # epochs, settings with all images
    by_metric = dict(zip(columns, ("training_accuracy", "training_loss", "validation_accuracy",
                                   "validation_loss"), strict=True))  # fmt: skip
    rows = bands.set_index(["dataset", "placement", "dropout_rate", "epoch"])
    full = MADE[MADE["train_samples"] == 48_000]
    full = full.set_index(["dataset", "placement", "dropout_rate"]).sort_index()
    for setting in {*full.index}:
        for column, metric in by_metric.items():
            # Of the made-up curves, the first epoch has 9 tenths of the last one's values.
            for epoch, factor in ((1, 0.9), (2, 1.0)):
                expected = estimate(factor * full.loc[setting, metric], QUICK)
                row = rows.loc[(*setting, epoch)]
                assert [row[column], row[f"{column}_low"], row[f"{column}_high"]] == pytest.approx(
                    [expected.mean, expected.low, expected.high]
                )


def test_claims_are_judged_with_what_inference_measured(folder: Path) -> None:
    claims = json.loads((folder / "metrics/study_claims.json").read_text())
    assert list(claims) == [f"C{n}" for n in range(1, 10)]
    assert {claim["verdict"] for claim in claims.values()} == {"supported", "not measured"}
    assert claims["C9"]["verdict"] == "not measured"
    (folder / PREDICTIONS).write_text('{"largest_difference": 0.0}')
    (folder / TIMES).write_text("pass,with_layer,without_layer\n1,2.0,2.0\n2,2.0,2.0\n")
    summarise.main()
    claims = json.loads((folder / "metrics/study_claims.json").read_text())
    assert claims["C9"]["verdict"] == "supported"


def test_same_runs_in_another_order_give_the_same_bytes(folder: Path) -> None:
    def written() -> dict[str, bytes]:
        names = ("metrics/study.json", "metrics/study_claims.json", "plots/study_curves.csv", RUNS)
        return {name: (folder / name).read_bytes() for name in names}

    before = written()
    write_runs(reversed(few_entries()))
    summarise.main()
    assert written() == before


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (None, "metrics/study_runs.csv: no such file; run `make study`"),
        ("", "metrics/study_runs.csv: not a CSV file"),
        ("dataset,seed\nmnist,0\n", "expected the study's table; found no column placement"),
    ],
)
def test_missing_or_foreign_table_is_one_line(
    table: str | None, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / RUNS).unlink()
    if table is not None:
        (folder / RUNS).write_text(table)
    with pytest.raises(SystemExit) as caught:
        summarise.main()
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_seed_is_too_few(folder: Path) -> None:
    write_runs(entry for entry in few_entries() if entry.run.seed == 0)
    with pytest.raises(SystemExit, match="expected two seeds or more of a setting; add seeds"):
        summarise.main()


def test_seed_that_a_setting_lacks_is_left_out_of_its_differences(folder: Path) -> None:
    """As after a study in which runs failed."""
    write_runs(
        entry for entry in few_entries() if (entry.run.dropout_rate, entry.run.seed) != (0.5, 4)
    )
    summarise.main()
    summary = summary_in(folder)
    assert summary["settings"][FULL]["seeds"] == 4
    assert summary["differences"][FULL]["test_accuracy"]["p"] == 2 / 16
    assert summary["noise"]["seeds"] == 4
