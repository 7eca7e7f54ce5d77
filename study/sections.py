"""Blocks of docs/results.md: what was run, the claims, the gains, the pictures."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiment.data.known import label_of
from experiment.presentation.markdown import paragraph, table
from study.answer import METRICS, with_minus
from study.grid import runs_of
from study.judging import NOT_MEASURED, ClaimResult
from study.parameters import StatisticsParameters
from study.paths import PLOTS
from study.results import Results
from study.statistics import Estimate
from study.summarise import variants
from study.table import Setting

# By picture, what it shows.
PICTURES = {
    "study_accuracy": "Accuracy against the epoch, mean and interval over seeds",
    "study_loss": "Loss against the epoch, mean and interval over seeds",
    "study_rates": "Error on unseen images against the Dropout rate",
    "study_sizes": "Gain by Dropout against the number of training images",
}
PLACES = {
    "dense": "dense layer",
    "pooling": "pooling",
    "both": "pooling and dense layer",
    "none": "",
}


def run_section(results: Results) -> str:
    """The grid as far as it was run, and where."""
    rows = results.table.rows.copy()
    # Without Dropout, it has no place: such a run belongs to those with it after the dense layer.
    rows["placement"] = rows["placement"].replace("none", "dense")
    lines = []
    order = ["dataset", "train_samples", "epochs", "placement"]
    rows["seeds"] = rows.groupby([*order, "dropout_rate"])["seed"].transform("nunique")
    for (dataset, samples, epochs, place, seeds), runs in rows.groupby([*order, "seeds"]):
        updates = epochs * math.ceil(samples / results.params.train.batch_size)
        rates = ", ".join(f"{rate:g}" for rate in sorted(runs["dropout_rate"].unique()))
        cells = [label_of(dataset), f"{samples:,}", PLACES[place], rates]
        line = [*cells, str(epochs), f"{updates:,}", str(seeds), str(len(runs))]
        lines.append(((dataset != "mnist", dataset, -samples, place != "dense", -seeds), line))
    header = [
        "data set",
        "training images",
        "Dropout after",
        "rates",
        "epochs",
        "updates of the weights",
        "seeds",
        "runs",
    ]
    texts = [f"{len(rows)} runs.", table(header, [line for _, line in sorted(lines)])]
    if len(rows) < planned(results):
        texts[0] = f"{len(rows)} runs of the {planned(results)} in study/params.yaml."
    return "\n\n".join([*texts, *comparison(results)])


def planned(results: Results) -> int:
    """Number of runs of the grid."""
    # More images than any dataset has: only the number of runs is wanted here.
    images = {block.dataset: 10**9 for block in results.study.grid}
    epochs = results.params.train.epochs
    units = results.params.model.dense_units
    return len(
        runs_of(
            results.study.grid,
            results.study.seeds,
            images=images,
            dense_units=units,
            epochs=epochs,
        )
    )


def comparison(results: Results) -> list[str]:
    """A paragraph on whether the pipeline's metrics are the study's, where both have them."""
    same = same_as_pipeline(results)
    if same is None:
        return []
    # No version and no processor here: those of the workspace are of whoever ran the pipeline last.
    text = (
        "With the pipeline's seed, the study gives the pipeline's committed metrics, digit for"
        " digit."
        if same
        else "With the pipeline's seed, the study does not give the pipeline's committed metrics:"
        " it was run in another environment, or with other parameters."
    )
    where = (
        " The pipeline's software and processor are in"
        " [metrics/no_dropout.environment.json](../metrics/no_dropout.environment.json), those of"
        " each run of the study beside its curve, in [study/runs](../study/runs)."
    )
    return [paragraph(text + where)]


def same_as_pipeline(results: Results) -> bool | None:
    """Whether runs with the pipeline's seed have its metrics; None where there are none."""
    compared = []
    for file, setting in variants(results.table, results.params).items():
        if setting not in results.table.settings() or not Path(file).exists():
            continue
        runs = results.table.of(setting)
        if results.params.train.seed in runs.index:
            run = runs.loc[results.params.train.seed]
            metrics: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
            compared += [run.get(name) == value for name, value in metrics.items()]
    return all(compared) if compared else None


def claims_section(judged: Sequence[ClaimResult], how: StatisticsParameters) -> str:
    """Every claim with its rule, what was measured, and the verdict."""
    header = [
        "claim",
        "rule, written before the runs",
        f"measured [{how.level} % interval]",
        "verdict",
    ]
    rows = [
        [
            f"**{claim.id}** {claim.claim}",
            claim.rule,
            "<br>".join(f"{part.quantity}: {_measured(part.figure)}" for part in claim.parts),
            f"**{claim.verdict}**",
        ]
        for claim in judged
    ]
    return table(header, rows)


def _measured(figure: Estimate | None) -> str:
    if figure is None:
        return NOT_MEASURED
    mean, low, high = map(_number, (figure.mean, figure.low, figure.high))
    return f"{mean} [{low}, {high}]"


def _number(value: float) -> str:
    """Four places; what these would show as 0 without being it, by its exponent."""
    if value == 0:
        return "0"
    return f"{value:.4f}" if abs(value) >= 0.00005 else f"{value:.1e}"


def gains_section(results: Results) -> str:
    """Accuracy of every setting, and what Dropout gains in it."""
    how = results.study.statistics
    header = [
        "data set",
        "training images",
        "Dropout after",
        "rate",
        METRICS[results.metric],
        f"gain, percentage points [{how.level} % interval]",
        "p",
        "p, corrected",
    ]
    rows = [_gain(results, setting) for setting in results.settings()]
    compared = [s for s in results.settings() if str(s) in results.summary["differences"]]
    if not compared:
        return table(header, rows)
    smallest = {n: 2 / 2**n for n in sorted({results.pairs(setting) for setting in compared})}
    each = " and ".join(f"{p:.4g} with {n} seeds" for n, p in smallest.items())
    text = (
        "The gain is the mean difference to no Dropout with the same seed, over the seeds that both"
        " have; its interval is a BCa bootstrap over seeds; p is that of the exact test which flips"
        f" the signs of these differences, corrected by Holm's method for {len(compared)} settings."
        f" Before that correction, no p can be below {each}."
    )
    limit = 1 - how.confidence_level
    few = [str(n) for n, p in smallest.items() if p > limit]
    if few:
        text += f" So with {' or '.join(few)} seeds none can reach {limit:.2g}: judge by intervals."
    return "\n\n".join([table(header, rows), paragraph(text)])


def _gain(results: Results, setting: Setting) -> list[str]:
    cells = [
        label_of(setting.dataset),
        f"{setting.train_samples:,}",
        PLACES[setting.placement],
        f"{setting.dropout_rate:g}",
        f"{100 * results.mean(setting, results.metric):.2f} %",
    ]
    if str(setting) not in results.summary["differences"]:
        return [*cells, "", "", ""]
    gain = results.difference(setting, results.metric)
    mean, low, high = (100 * value for value in (gain.mean, gain.low, gain.high))
    p = results.summary["differences"][str(setting)][results.metric]
    figures = f"{mean:+.3f} [{low:+.3f} to {high:+.3f}]"
    return [*cells, with_minus(f" {figures}")[1:], f"{p['p']:.4g}", f"{p['p_corrected']:.4g}"]


def pictures_section() -> str:
    """Those that are there."""
    there = [name for name in PICTURES if (PLOTS / f"{name}.png").exists()]
    return "\n\n".join(f"![{PICTURES[name]}](../plots/{name}.png)" for name in there)
