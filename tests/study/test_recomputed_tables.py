"""A recomputation of the tables for programs in metrics/ and plots/.

Plain pandas and SciPy; nothing of `study` is imported.
"""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.conftest import ROOT

RUNS = pd.read_csv(ROOT / "metrics/study_runs.csv")
STORED = [json.loads(path.read_text("utf-8")) for path in (ROOT / "study/runs").glob("*.json")]
KEYS = ["dataset", "train_samples", "dense_units", "placement", "dropout_rate"]


def test_tables_for_programs() -> None:
    summary = json.loads((ROOT / "metrics/study.json").read_text(encoding="utf-8"))
    settings = {key: runs for key, runs in RUNS.groupby(KEYS) if len(runs) > 1}
    assert len(summary["settings"]) == len(settings)
    for (data, n, units, place, rate), runs in settings.items():
        name = f"{data},{place},rate={rate},n={n},units={units}"
        found = summary["settings"][name]
        assert found.pop("seeds") == len(runs)
        for metric, figures in found.items():
            assert figures == approx(runs[metric].dropna(), "sd")
        if place == "none":
            continue
        found = summary["differences"].pop(name)
        b, a = (r.set_index("seed") for r in (runs, settings[data, n, units, "none", 0.0]))
        common = a.index.intersection(b.index)
        assert found.pop("seeds") == len(common)
        for metric, figures in found.items():
            change = (b.loc[common, metric] - a.loc[common, metric]).dropna()
            means = [r.loc[change.index, metric].mean() for r in (a, b)]
            assert [figures.pop("without"), figures.pop("with")] == pytest.approx(means)
            assert figures == approx(change, "p")
    assert summary["differences"] == {}
    main = RUNS.query("dataset == 'mnist' and train_samples == 48000 and dense_units == 128")
    for file, place, rate in (("no_dropout", "none", 0.0), ("dropout", "dense", 0.5)):
        runs = main.query(f"placement == {place!r} and dropout_rate == {rate}")
        for metric, sd in summary["noise"][f"metrics/{file}.json"].items():
            assert sd == pytest.approx(runs[metric].std())


def approx(values: pd.Series, more: str) -> Any:
    mean, sd, n = values.mean(), values.std(), len(values)
    half = stats.t.ppf(0.975, n - 1) * sd / n**0.5
    p = 2 * stats.t.sf(abs(mean) / sd * n**0.5, n - 1) if sd > 1e-12 else float(mean == 0)
    figures = {"mean": mean, "low": mean - half, "high": mean + half}
    return pytest.approx(figures | {more: sd if more == "sd" else p}, rel=1e-6, abs=1e-9)


def test_runs_are_sorted_and_have_the_metrics_of_the_store_and_means_of_the_last_five() -> None:
    parameters = [name for name in RUNS if name in STORED[0]["run"]]
    assert RUNS.equals(RUNS.sort_values(parameters, ignore_index=True))
    rows = {tuple(row[name] for name in parameters): row for row in RUNS.to_dict("records")}
    assert len(rows) == len(STORED)
    for content in STORED:
        row = rows[tuple(content["run"][name] for name in parameters)]
        expected = content["metrics"] | {
            f"last_five_{name}_accuracy": np.mean(content["curve"][column][-5:])
            for name, column in (("training", "accuracy"), ("validation", "val_accuracy"))
        }
        found = {name: value for name, value in row.items() if name not in parameters}
        assert {n: v for n, v in found.items() if not np.isnan(v)} == pytest.approx(expected)


def test_bands_over_seeds() -> None:
    bands = pd.read_csv(ROOT / "plots/study_curves.csv")
    assert set(bands["train_samples"]) == {48_000}
    assert (
        len(bands.groupby(KEYS))
        == (RUNS.query("train_samples == 48000").groupby(KEYS).size() > 1).sum()
    )
    curves: dict[tuple[Any, ...], list[list[float]]] = {}
    for content in STORED:
        if content["run"]["train_samples"] == 48_000:
            key = tuple(content["run"][name] for name in KEYS)
            curves.setdefault(key, []).append(content["curve"]["val_loss"])
    for key, rows_of in bands.groupby(KEYS):
        test = stats.ttest_1samp(curves[key], 0)
        low, high = test.confidence_interval(0.95)
        expected = np.array([np.mean(curves[key], axis=0), low, high])
        columns = ["val_loss", "val_loss_low", "val_loss_high"]
        assert rows_of["epoch"].tolist() == [*range(1, 21)]
        assert pytest.approx(expected) == rows_of[columns].to_numpy().T
