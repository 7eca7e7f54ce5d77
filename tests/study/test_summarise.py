"""Tables for programs, on made-up runs."""

import io
import json
from dataclasses import replace
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiment.common.parameters import load_parameters
from study.contrasts import judge_all
from study.store import Entry
from study.summarise import bands, summary, verdicts
from study.table import PARAMETERS, table_of
from tests.conftest import ROOT
from tests.study.made_up import ALL, entries

PARAMS = load_parameters(ROOT / "params.yaml")
FULL = "mnist,dense,rate=0.5,n=48000,units=128"
RUNS = entries(seeds=range(5, 13))


def of(rate: float, metric: str, dataset: str = "mnist") -> list[float]:
    return [
        e.metrics[metric] for e in RUNS
        if (e.run.dataset, e.run.dropout_rate, e.run.train_samples) == (dataset, rate, ALL)
        and e.run.placement in ("none", "dense") and metric in e.metrics
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return summary(table_of(RUNS), PARAMS)


def test_noise_is_the_deviation_over_all_seeds_of_the_pipelines_two_settings(
    found: dict[str, Any],
) -> None:
    noise = found["noise"]
    assert list(noise) == ["seeds", "metrics/dropout.json", "metrics/no_dropout.json"]
    assert noise["seeds"] == 8
    for file, rate in (("metrics/no_dropout.json", 0.0), ("metrics/dropout.json", 0.5)):
        assert "best_epoch_test_accuracy" not in noise[file]  # some of the runs lack it
        for metric in ("test_accuracy", "validation_loss"):
            assert noise[file][metric] == pytest.approx(stdev(of(rate, metric)))


@pytest.mark.parametrize(
    ("dataset", "rate", "expected"),
    [
        ("fashion_mnist", 0.5, ["seeds", "metrics/dropout.json", "metrics/no_dropout.json"]),
        ("mnist", 0.45, ["seeds", "metrics/no_dropout.json"]),
        ("data/own.npz", 0.5, ["seeds"]),
    ],
)
def test_noise_is_of_what_params_yaml_names(dataset: str, rate: float, expected: list[str]) -> None:
    params = PARAMS.model_copy(
        update={
            "data": PARAMS.data.model_copy(update={"dataset": dataset}),
            "train": PARAMS.train.model_copy(update={"dropout_rate": rate}),
        }
    )
    assert list(summary(table_of(RUNS), params)["noise"]) == expected


def test_setting_has_mean_deviation_and_interval(found: dict[str, Any]) -> None:
    values = of(0.5, "test_accuracy")
    interval = stats.t.interval(0.95, 7, mean(values), stdev(values) / 8**0.5)
    expected = {"mean": mean(values), "sd": stdev(values), "low": interval[0], "high": interval[1]}
    assert found["settings"][FULL]["test_accuracy"] == pytest.approx(expected)
    assert found["settings"][FULL]["seeds"] == 8
    kept = of(0.5, "best_epoch_test_accuracy")  # of the fresh seeds alone
    assert len(kept) == 3
    assert found["settings"][FULL]["best_epoch_test_accuracy"]["mean"] == pytest.approx(mean(kept))


def test_difference_is_over_the_seeds_that_both_have() -> None:
    lacking = [e for e in RUNS if (e.run.dropout_rate, e.run.seed) != (0.5, 9)]
    found = summary(table_of(lacking), PARAMS)["differences"][FULL]
    pairs = list(zip(of(0.0, "test_accuracy"), of(0.5, "test_accuracy"), strict=True))
    without, with_it = np.array([p for s, p in zip(range(5, 13), pairs, strict=True) if s != 9]).T
    expected = stats.ttest_rel(with_it, without)
    low, high = expected.confidence_interval()
    assert found["test_accuracy"] == pytest.approx({
        "without": without.mean(), "with": with_it.mean(), "mean": (with_it - without).mean(),
        "low": low, "high": high, "p": expected.pvalue,
    })  # fmt: skip
    assert found["seeds"] == 7


def test_bands_are_of_each_epoch_of_the_full_training_sets() -> None:
    found = bands(RUNS)
    columns = ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert list(found) == [
        "dataset", "placement", "dropout_rate", "train_samples", "dense_units", "epoch",
        *(f"{name}{end}" for name in columns for end in ("", "_low", "_high")),
    ]  # fmt: skip
    assert set(found["train_samples"]) == {ALL}
    assert len(found) == 7 * 13  # epochs, settings with all images
    values = 0.9 * np.array(of(0.5, "validation_loss"))  # the made-up curve starts there
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    where = "dataset == 'mnist' and placement == 'dense' and dropout_rate == 0.5 and epoch == 2"
    [row] = found.query(where)[["val_loss", "val_loss_low", "val_loss_high"]].to_numpy()
    assert list(row) == pytest.approx([values.mean(), low, high])
    assert bands(e for e in RUNS if e.run.seed == 5).empty  # one seed has no spread


def test_verdicts_are_numbers_and_words_that_json_has() -> None:
    content = json.loads(json.dumps(verdicts(judge_all(table_of(RUNS))), allow_nan=False))
    assert content["claims"]["C5"] == {
        "claim": "Dropout improves accuracy on unseen data.", "contrasts": ["P1", "P2"],
        "verdict": "not yet",
    }  # fmt: skip
    first = content["contrasts"]["P1"]
    assert (first["runs"], first["runs_planned"], first["fresh_seeds"]) == (6, 16, None)
    assert first["all_seeds"]["seeds"] == 8


def test_table_is_sorted_and_has_means_of_the_last_five_epochs() -> None:
    [early, *_] = entries(seeds=[0])
    curve = [{**row, "val_accuracy": row["epoch"] / 10} for row in early.curve]
    rows = table_of([*reversed(RUNS), replace(early, curve=curve)]).rows
    assert rows.equals(table_of([replace(early, curve=curve), *RUNS]).rows)
    assert list(rows)[: len(PARAMETERS)] == [*PARAMETERS]
    first = rows.query("dataset == 'mnist' and dropout_rate == 0 and seed == 0").query(
        "train_samples == 48000"
    )
    assert first["last_five_validation_accuracy"].item() == pytest.approx(0.5)  # epochs 3 to 7
    assert first["best_epoch_test_accuracy"].isna().all()
    text = io.StringIO(rows.to_csv(index=False))
    assert pd.read_csv(text, float_precision="round_trip").equals(rows)


def test_run_that_one_side_lacks_is_no_difference() -> None:
    def only(entry: Entry) -> bool:
        return entry.run.seed == (6 if entry.run.dropout_rate else 5)

    assert summary(table_of([*filter(only, RUNS)]), PARAMS)["differences"] == {}
