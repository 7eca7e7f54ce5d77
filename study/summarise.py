"""What the runs say: figures with intervals, bands, and claims judged."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from experiment.common.errors import InputError, one_line_errors
from experiment.common.files import write_json
from experiment.common.parameters import Parameters, load_parameters
from study.grid import placed
from study.inference import read_inference
from study.judging import judge_all
from study.parameters import StatisticsParameters, load_study_parameters
from study.paths import BANDS, CLAIMS, RUNS, SUMMARY
from study.statistics import estimate, holm, sign_flip_p
from study.table import SINCE_SEED_10, Setting, Table, read_table
from study.tables import read_curves, write_table

Figures = dict[str, dict[str, Any]]


def main() -> None:
    """Reads the finished runs and writes the statistics."""
    with one_line_errors("summarise"):
        params, how = load_parameters(), load_study_parameters().statistics
        table = read_table(RUNS, needed=[how.primary_metric])
        if not table.settings():
            raise InputError(f"{RUNS}: expected two seeds or more of a setting; add seeds")
        summary: dict[str, Any] = {
            "differences": differences(table, how),
            "noise": noise(table, params),
            "settings": settings(table, how),
        }
        write_json(SUMMARY, summary)
        write_table(BANDS, bands(read_curves(table), how))
        judged: dict[str, Any] = {
            claim.id: asdict(claim) for claim in judge_all(table, read_inference(), how)
        }
        write_json(CLAIMS, judged)


def settings(table: Table, how: StatisticsParameters) -> Figures:
    """By setting, by metric: mean, standard deviation and interval over seeds."""
    found: Figures = {}
    for setting in table.settings():
        metrics = table.of(setting)
        found[str(setting)] = {
            name: asdict(estimate(metrics[name].dropna(), how))
            for name in metrics
            if metrics[name].count() > 1
        }
        found[str(setting)]["seeds"] = len(metrics)
    return found


def differences(table: Table, how: StatisticsParameters) -> Figures:
    """By setting, by metric: its difference to no Dropout, paired by seed, and its p.

    `p_corrected` is corrected for the number of settings that are compared.
    """
    found: Figures = {}
    for setting in table.settings():
        paired = table.of(setting) - table.of(setting.without_dropout())
        paired = paired.drop(columns=list(SINCE_SEED_10), errors="ignore").dropna()
        if setting.placement == "none" or len(paired) < 2:
            continue
        found[str(setting)] = {
            name: _without_sd(asdict(estimate(paired[name], how)))
            | {"p": sign_flip_p(paired[name])}
            for name in paired
        }
    for name in next(iter(found.values()), {}):
        corrected = holm([figures[name]["p"] for figures in found.values()])
        for figures, p in zip(found.values(), corrected, strict=True):
            figures[name]["p_corrected"] = p
    return found


def _without_sd(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name != "sd"}


def noise(table: Table, params: Parameters) -> dict[str, Any]:
    """By metrics file of the pipeline, by metric: standard deviation over seeds.

    A variant that the grid lacks is left out.
    """
    files = variants(table, params).items()
    known = {file: table.of(s) for file, s in files if s in table.settings()}
    deviations = {file: metrics.std(ddof=1).to_dict() for file, metrics in known.items()}
    return {"seeds": min((len(metrics) for metrics in known.values()), default=0), **deviations}


def variants(table: Table, params: Parameters) -> dict[str, Setting]:
    """By metrics file of the pipeline, the setting that it is a run of."""
    dataset, rate = params.data.dataset, params.train.dropout_rate
    samples = params.preprocess.train_samples or table.all_samples(dataset)
    dropout = Setting(dataset, placed("dense", rate), rate, samples, params.model.dense_units)
    return {
        "metrics/dropout.json": dropout,
        "metrics/no_dropout.json": dropout.without_dropout(),
    }


def bands(curves: Table, how: StatisticsParameters) -> list[dict[str, Any]]:
    """By setting and epoch: mean and interval of each column; settings with all images alone."""
    rows = []
    for setting in curves.settings():
        if setting.train_samples < curves.all_samples(setting.dataset):
            continue
        columns = curves.of(setting)
        for epoch, values in columns.groupby("epoch"):
            row: dict[str, Any] = {**asdict(setting), "epoch": epoch}
            for name in columns.columns.drop("epoch"):
                row |= _band(name, values[name], how)
            rows.append(row)
    return rows


def _band(name: str, values: pd.Series, how: StatisticsParameters) -> dict[str, float]:
    found = estimate(values, how)
    return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}


if __name__ == "__main__":
    main()
