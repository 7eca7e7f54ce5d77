"""What the runs say, for programs: figures by setting, differences, the noise, bands, contrasts."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from experiment.files import CURVE_COLUMNS
from experiment.parameters import Parameters
from study.contrasts import CLAIMS, Result, verdict_of_claim
from study.grid import placed
from study.statistics import estimate, half_width
from study.store import Entry
from study.table import Setting, Table

Figures = dict[str, dict[str, Any]]


def summary(table: Table, params: Parameters) -> dict[str, Any]:
    """The content of `paths.SUMMARY`."""
    return {
        "differences": differences(table),
        "noise": noise(table, params),
        "settings": settings(table),
    }


def settings(table: Table) -> Figures:
    """By setting, by metric: mean, standard deviation and interval over all of its seeds."""
    found: Figures = {}
    for setting in table.settings():
        found[str(setting)] = {"seeds": len(table.of(setting))} | {
            name: _figures(values, ("mean", "sd", "low", "high"))
            for name, values in table.of(setting).items()
            if values.count() > 1
        }
    return found


def differences(table: Table) -> Figures:
    """By setting, by metric: its difference to no Dropout over the seeds that both have.

    `without` and `with` are the means over these seeds, so that `mean` is their difference.
    """
    found: Figures = {}
    for setting in table.settings():
        without, with_it = table.pair(setting)
        if setting.placement == "none" or len(with_it) < 2:
            continue
        found[str(setting)] = {"seeds": len(with_it)}
        for name in table.metrics:
            values = (with_it[name] - without[name]).dropna()
            if len(values) > 1:
                means = {
                    "without": float(without[name][values.index].mean()),
                    "with": float(with_it[name][values.index].mean()),
                }
                found[str(setting)][name] = means | _figures(values, ("mean", "low", "high", "p"))
    return found


def _figures(values: pd.Series, names: Iterable[str]) -> dict[str, float]:
    figures = asdict(estimate(values.dropna()))
    return {name: figures[name] for name in names}


def noise(table: Table, params: Parameters) -> dict[str, Any]:
    """By metrics file of the pipeline, by metric: standard deviation over all seeds.

    A variant that the grid lacks is left out, and a metric that some of its runs lack.
    """
    runs = {file: table.of(setting) for file, setting in variants(table, params).items()}
    runs = {file: metrics.dropna(axis=1) for file, metrics in runs.items() if len(metrics) > 1}
    deviations = {file: metrics.std(ddof=1).to_dict() for file, metrics in runs.items()}
    return {"seeds": min((len(metrics) for metrics in runs.values()), default=0), **deviations}


def variants(table: Table, params: Parameters) -> dict[str, Setting]:
    """The pipeline's metrics files and the settings of the study that they are of."""
    dataset, rate = params.data.dataset, params.train.dropout_rate
    images = table.all_samples(dataset)
    dropout = Setting(dataset, placed("dense", rate), rate, images, params.model.dense_units)
    return {
        "metrics/dropout.json": dropout,
        "metrics/no_dropout.json": dropout.without_dropout(),
    }


def bands(entries: Iterable[Entry]) -> pd.DataFrame:
    """By setting and epoch: mean and interval of each column; settings with all images alone."""
    rows = pd.DataFrame([vars(entry.run) | dict(row) for entry in entries for row in entry.curve])
    names, columns = [*Setting.__dataclass_fields__], [*CURVE_COLUMNS[1:]]
    rows = rows[rows["train_samples"] == rows.groupby("dataset")["train_samples"].transform("max")]
    over_seeds = rows.groupby([*names, "epoch"])[columns]
    seeds = over_seeds.size()
    half = half_width(over_seeds.sem(), (seeds.to_numpy() - 1)[:, np.newaxis])
    mean = over_seeds.mean()
    found = mean.join([(mean - half).add_suffix("_low"), (mean + half).add_suffix("_high")])
    order = [name + end for name in columns for end in ("", "_low", "_high")]
    return found.loc[seeds > 1, order].reset_index()


def verdicts(results: Mapping[str, Result]) -> dict[str, Any]:
    """The content of `paths.CLAIMS`: the contrasts of the protocol, and the claims."""
    contrasts = {}
    for name, found in results.items():
        contrasts[name] = {
            "all_seeds": found.pooled and asdict(found.pooled),
            "all_seeds_verdict": found.pooled_verdict,
            "claim": found.contrast.claim,
            "contrast": found.contrast.text,
            "fresh_seeds": found.fresh and asdict(found.fresh),
            "p_corrected": found.p_corrected,
            "p_sign_flip": found.p_sign_flip,
            "runs": found.runs,
            "runs_planned": found.planned,
            "unit": found.contrast.unit,
            "verdict": found.verdict,
        }
    claims = {
        name: {"claim": text, "contrasts": list(ids), "verdict": verdict_of_claim(results, ids)}
        for name, (text, ids) in CLAIMS.items()
    }
    return {"claims": claims, "contrasts": contrasts}
