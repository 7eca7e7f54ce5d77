"""The results: one file for all who tell them, and the tables in docs/results.md.

A mark after a sentence of the page says what it rests on, as in `<!-- rests on: P1 supported -->`;
a test compares it with the verdicts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiment.data.known import label_of
from experiment.support.markdown import table as markdown
from study.contrasts import (
    BASE,
    CLAIMS,
    CONTRADICTED,
    EQUIVALENT,
    FASHION,
    FIRST_SEED,
    LAST,
    LAST_FIVE,
    LOOKS,
    NOT_YET,
    PRIMARY,
    RISE,
    SECONDARY,
    SEQUENTIAL,
    SUPPORTED,
    Measurements,
    Result,
    judge_all,
    judge_claim,
)
from study.runs import Entry, Setting, select
from study.statistics import Estimate, estimate, estimate_for_new_images
from study.table import Table

FILE = Path("metrics/results.json")
PAGE = Path("docs/results.md")
PROGRAM = "study"  # in the marks of the blocks: <!-- study: primary -->

# C9, measured in seven sessions and not again: docs/results.md says how.
INFERENCE = Path("metrics/study_inference.csv")

PLACES = {"dense": "dense layer", "pooling": "pooling", "both": "both"}
DIGITS = {"%": 2, "nats": 4, "score": 4}
INTERVAL = "[95 % interval]"
FRESH = "fresh seeds " + INTERVAL

SURE, LIKELY, NOT_SHOWN = "sure", "likely", "not shown"
# By question of a reader: the contrasts of protocol 2 that answer it, and those of protocol 1,
# which do until the first look. The others are answered by figures.
ANSWERED_BY = {
    "help": (("A1", "A2"), ("P1", "P2")),
    "how_much": (("A1", "A2"), ("P1", "P2")),
    "where_most": ((), ("P3",)),
    "which_rate": (("C1", "C2"), ("P6", "P7")),
    "where_placed": (("B1", "B2"), ("P4", "P5")),
    "early_stopping": (("E1", "E2"), ("P8", "S8")),
    "larger_network": (("D1",), ("S12",)),
}

Results = Mapping[str, Result]
Figures = dict[str, Any]


def summarise(entries: Sequence[Entry], table: Table) -> Figures:
    """Return the content of `FILE`: all accuracies in percent, their differences in points."""
    results = judge_all(table)
    contrasts = {
        name: {
            "claim": each.contrast.claim,
            "data": describe_data(name),
            "level": each.level,
            "p_corrected": each.p_corrected,
            "p_sign_flip": each.p_sign_flip,
            "protocol": 2 if name in SEQUENTIAL else 1,
            "seeds": each.seeds,
            "seeds_planned": each.planned,
            "text": each.contrast.text,
            "unit": each.contrast.unit,
            "verdict": each.verdict,
            **(asdict(each.found) if each.found else {}),
        }
        for name, each in results.items()
    }
    claims = {
        name: {"contrasts": list(ids), "text": text, "verdict": judge_claim(results, ids)}
        for name, (text, ids) in CLAIMS.items()
    }
    return {
        "answers": answer_all(results, table),
        "changes": {
            dataset: {metric: change_of(table, dataset, metric) for metric in
                      (LAST, "test_loss", RISE, "last_five_validation_accuracy")}
            for dataset in (BASE.dataset, FASHION)
        },
        "claims": claims,
        "contrasts": contrasts,
        "gains": [gain_of(table, setting) for setting in compared_settings(table)],
        "gains_for_new_images": {
            dataset: new and asdict(new)
            for dataset in (BASE.dataset, FASHION)
            for new in [gain_for_new_images(entries, replace(BASE, dataset=dataset))]
        },
        "noise": {
            name: (100 * table.of(setting)).std(ddof=1).dropna().to_dict()
            for name, setting in (("no_dropout", BASE.without_dropout()), ("dropout", BASE))
        },
    }  # fmt: skip


def describe_data(name: str) -> str:
    """Return on which images and which seeds a contrast is measured."""
    if name in SEQUENTIAL:
        return f"test images, mean of the last five epochs, seeds {FIRST_SEED} and more"
    images = "test" if name[0] == "P" or (name[:2] in ("S8", "S1") and name != "S1") else ""
    images = {"S1": "training", "S3": "training", "S4": "training"}.get(name, images)
    return f"{images or 'validation'} images, seeds 10 to 17"


def answer_all(results: Results, table: Table) -> Figures:
    """Return, by question of a reader, how sure the answer is and its figures."""
    answers: Figures = {}
    for question, choices in ANSWERED_BY.items():
        names = next(ids for ids in choices if ids and all(results[n].found for n in ids))
        answers[question] = {
            "figures": {name: asdict(results[name].found) for name in names},  # type: ignore[arg-type]
            "mark": judge_answer([results[name] for name in names]),
            "rests_on": list(names),
        }
    answers["early_stopping"]["figures"]["S5"] = asdict(results["S5"].found)  # type: ignore[arg-type]
    few = replace(BASE, train_samples=1_000, epochs=80)
    answers["where_most"]["figures"]["1000"] = gain_of(table, few)
    runs = {
        str(setting.train_samples): count_misleading_pairs(table, setting)
        for setting in (BASE, few)
    }
    answers["one_run"] = {"figures": runs, "mark": SURE, "rests_on": []}
    sessions = pd.read_csv(INFERENCE)
    ratio = estimate(sessions["with_layer"] / sessions["without_layer"])
    answers["cost_in_use"] = {"figures": asdict(ratio), "mark": LIKELY, "rests_on": []}
    verdicts = [judge_claim(results, ids) for _, ids in CLAIMS.values()]
    decided = sum(verdict in (SUPPORTED, CONTRADICTED, EQUIVALENT) for verdict in verdicts)
    counts = {"claims": len(verdicts), "decided": decided, "runs": len(table.rows)}
    answers["how_sure"] = {"figures": counts, "mark": SURE, "rests_on": []}
    return answers


def judge_answer(results: Sequence[Result]) -> str:
    """Return how sure an answer is: decided by its protocol, else by its intervals."""
    if all(each.verdict in (SUPPORTED, CONTRADICTED, EQUIVALENT) for each in results):
        return SURE
    clear = [each.found is not None and each.found.low * each.found.high > 0 for each in results]
    return LIKELY if all(clear) else NOT_SHOWN


def count_misleading_pairs(table: Table, setting: Setting) -> dict[str, int]:
    """Count pairs of a run without Dropout and one with it, of any seeds, that the former wins."""
    without, with_it = (runs[LAST].to_numpy() for runs in table.pair(setting))
    return {"misleading": int((with_it[:, None] < without).sum()), "pairs": len(without) ** 2}


def compared_settings(table: Table) -> list[Setting]:
    """Return the settings with Dropout that can be compared, MNIST and all images first."""

    def order(setting: Setting) -> tuple[object, ...]:
        place = [*PLACES].index(setting.placement)
        size = (-setting.train_samples, -setting.epochs, setting.dense_units)
        return (setting.dataset != "mnist", setting.dataset, *size, place, setting.dropout_rate)

    settings = [s for s in table.settings() if s.dropout_rate and len(table.pair(s)[0]) > 1]
    return sorted(settings, key=order)


def gain_of(table: Table, setting: Setting) -> Figures:
    """Return what Dropout changes in the accuracy after the last epoch, over all seeds."""
    without, with_it = (100 * runs[LAST] for runs in table.pair(setting))
    names = ("dataset", "train_samples", "epochs", "dense_units", "placement", "dropout_rate")
    return {
        **{name: getattr(setting, name) for name in names},
        **asdict(estimate(with_it - without)),
        "errors_left": 100 * float((100 - with_it.mean()) / (100 - without.mean())),
        "with": float(with_it.mean()),
        "without": float(without.mean()),
    }


def change_of(table: Table, dataset: str, metric: str) -> Figures:
    """Return what Dropout changes in a metric of the main setting, over all seeds."""
    scale = 100 if metric.endswith("accuracy") else 1
    pair = table.pair(replace(BASE, dataset=dataset))
    without, with_it = (scale * runs[metric] for runs in pair)
    means = {"with": float(with_it.mean()), "without": float(without.mean())}
    return asdict(estimate(with_it - without)) | means


def gain_for_new_images(entries: Iterable[Entry], setting: Setting) -> Estimate | None:
    """Return the gain in points with an interval over seeds and test images.

    None where fewer than five seeds have noted which images they get wrong.
    """
    sides = [select(entries, each) for each in (setting.without_dropout(), setting)]
    seeds = sorted(
        seed
        for seed in sides[0].keys() & sides[1].keys()
        if all(side[seed].test_errors is not None for side in sides)
    )
    if len(seeds) < 5:
        return None
    # Every run is tested on the same images: as many as its errors are a share of.
    one = sides[0][seeds[0]]
    images = round(len(one.test_errors or ()) / (1 - one.metrics[LAST]))
    marks = np.zeros((2, len(seeds), images))
    for side, mark in zip(sides, marks, strict=True):
        for row, seed in zip(mark, seeds, strict=True):
            row[side[seed].test_errors or []] = 100
    return estimate_for_new_images(marks[0] - marks[1])


def make_blocks(entries: Sequence[Entry], table: Table) -> dict[str, str]:
    """Return the tables of the page, by the names of their blocks."""
    results = judge_all(table)
    return {
        "changes": changes_block(entries, table),
        "claims": claims_block(results),
        "sequential": sequential_block(results),
        "primary": primary_block(results),
        "secondary": secondary_block(results),
        "rates": rates_block(table),
        "sizes": sizes_block(table),
        "calibration": calibration_block(table),
        "settings": settings_block(table),
    }


def claims_block(results: Results) -> str:
    """What tutorials say, and the verdicts."""
    rows = [
        [
            name,
            text,
            "2" if ids[0] in SEQUENTIAL else "1",
            " and ".join(ids),
            judge_claim(results, ids),
        ]
        for name, (text, ids) in CLAIMS.items()
    ]
    return markdown(["", "claim", "protocol", "decided by", "verdict"], rows)


def sequential_block(results: Results) -> str:
    """The contrasts of protocol 2 at their last look."""
    header = ["", "claim", "contrast", "seeds", FRESH, "p", "needed", "verdict"]
    rows = []
    for name in SEQUENTIAL:
        each, found = results[name], results[name].found
        cells = [str(found.seeds), format_estimate(found, each.contrast.unit), format_p(found.p),
                 f"below {each.level:g}"] if found else [""] * 4  # fmt: skip
        rows.append([name, each.contrast.claim, each.contrast.text, *cells, format_verdict(each)])
    return markdown(header, rows)


def primary_block(results: Results) -> str:
    """The primary contrasts of protocol 1."""
    header = ["", "claim", "contrast, points", FRESH, "p", "p, corrected", "p, signs flipped",
              "verdict"]  # fmt: skip
    rows = []
    for name in PRIMARY:
        each, found = results[name], results[name].found
        ps = [found.p if found else None, each.p_corrected, each.p_sign_flip]
        rows.append([name, each.contrast.claim, each.contrast.text,
                     format_estimate(found, "points"), *map(format_p, ps),
                     format_verdict(each)])  # fmt: skip
    return markdown(header, rows)


def secondary_block(results: Results) -> str:
    """The secondary measures of protocol 1."""
    header = ["", "claim", "measure", "unit", "limit", FRESH, "verdict"]
    rows = []
    for name in SECONDARY:
        each, contrast = results[name], results[name].contrast
        sides = {"above": contrast.above, "below": contrast.below}
        limit = " ".join(f"{side} {value:g}" for side, value in sides.items() if value is not None)
        rows.append([name, contrast.claim, contrast.text, contrast.unit, limit,
                     format_estimate(each.found, contrast.unit), format_verdict(each)])  # fmt: skip
    return markdown(header, rows)


def changes_block(entries: Sequence[Entry], table: Table) -> str:
    """What Dropout changes on each data set, over all seeds."""
    header = ["", "seeds", "no Dropout", "Dropout", f"difference {INTERVAL}", "for new images, too"]
    rows = []
    for metric, text, unit in (
        (LAST, "accuracy on test images, %", "points"),
        ("test_loss", "loss on test images", "nats"),
        (RISE, "rise of the validation loss", "nats"),
    ):
        for dataset in (BASE.dataset, FASHION):
            found = change_of(table, dataset, metric)
            new = gain_for_new_images(entries, replace(BASE, dataset=dataset))
            others = f"{format_interval(new, unit)}, {new.seeds} seeds" if new else ""
            digits = 2 if metric == LAST else 4
            means = [f"{found[which]:.{digits}f}" for which in ("without", "with")]
            cells = [format_figures(found, unit), others if metric == LAST else ""]
            rows.append([f"{label_of(dataset)}: {text}", str(found["seeds"]), *means, *cells])
    return markdown(header, rows)


def rates_block(table: Table) -> str:
    """Secondary measure of protocol 2: the accuracy by rate with 1,000 images."""
    fresh = Measurements(table, LAST_FIVE, range(FIRST_SEED, FIRST_SEED + min(LOOKS)))
    rows = []
    for rate in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        gain = fresh.change(samples=1_000, rate=rate).dropna()
        if len(gain) == min(LOOKS):
            rows.append([f"{rate:g}", str(len(gain)), format_estimate(estimate(gain), "points")])
    return markdown(["rate", "seeds", f"gain with 1,000 images, points {INTERVAL}"], rows)


def sizes_block(table: Table) -> str:
    """Secondary measure of protocol 2: the gain by size at equal numbers of updates."""
    fresh = Measurements(table, LAST_FIVE, range(FIRST_SEED, FIRST_SEED + min(LOOKS)))
    rows = []
    for samples, epochs in {100: 625, 500: 156, 1_000: 78, 5_000: 16}.items():
        gain = fresh.change(samples=samples, epochs=epochs).dropna()
        if len(gain) == min(LOOKS):
            cells = [str(len(gain)), format_estimate(estimate(gain), "points")]
            rows.append([f"{samples:,}", str(epochs), *cells])
    return markdown(["training images", "epochs", "seeds", f"gain, points {INTERVAL}"], rows)


def calibration_block(table: Table) -> str:
    """Secondary measure of protocol 2: how sure the networks are, and how right."""
    fresh = Measurements(table, LAST_FIVE, range(FIRST_SEED, FIRST_SEED + min(LOOKS)))
    rows = []
    for metric, text, scale, unit in (
        ("test_calibration_error", "expected calibration error, %", 100, "points"),
        ("test_brier", "Brier score", 1, "score"),
    ):
        for dataset in (BASE.dataset, FASHION):
            pair = [scale * fresh.of(metric, dataset=dataset, rate=rate) for rate in (0.0, 0.5)]
            change = (pair[1] - pair[0]).dropna()
            if len(change) == min(LOOKS):
                cells = [f"{values.mean():.{DIGITS.get(unit, 3)}f}" for values in pair]
                rows.append([f"{label_of(dataset)}: {text}", str(len(change)), *cells,
                             format_estimate(estimate(change), unit)])  # fmt: skip
    return markdown(["", "seeds", "no Dropout", "Dropout", f"difference {INTERVAL}"], rows)


def settings_block(table: Table) -> str:
    """Every setting with Dropout, beside the same without, over the seeds that both have."""
    header = ["data set", "training images", "epochs", "dense units", "Dropout after", "rate",
              "seeds", "no Dropout, %", "Dropout, %", f"gain, points {INTERVAL}", "p",
              "errors left, %"]  # fmt: skip
    rows = [
        [label_of(found["dataset"]), f"{found['train_samples']:,}", str(found["epochs"]),
         str(found["dense_units"]), PLACES[found["placement"]], f"{found['dropout_rate']:g}",
         str(found["seeds"]), f"{found['without']:.3f}", f"{found['with']:.3f}",
         format_figures(found, "points"), format_p(found["p"]), f"{found['errors_left']:.0f}"]
        for found in (gain_of(table, setting) for setting in compared_settings(table))
    ]  # fmt: skip
    return markdown(header, rows)


def format_verdict(result: Result) -> str:
    """Return the word, with how many seeds are there."""
    if result.verdict == NOT_YET and result.seeds < result.planned:
        return f"{NOT_YET} ({result.seeds} of {result.planned} seeds)"
    return f"**{result.verdict}**"


def format_figures(found: Figures, unit: str) -> str:
    """Return a mean with its interval, from a mapping."""
    return format_estimate(
        Estimate(**{name: found[name] for name in Estimate.__annotations__}), unit
    )


def format_estimate(found: Estimate | None, unit: str) -> str:
    """Return a mean with its interval, as `+0.205 [+0.089 to +0.321]`."""
    return f"{format_figure(found.mean, unit)} {format_interval(found, unit)}" if found else ""


def format_interval(found: Estimate, unit: str) -> str:
    """Return an interval, as `[+0.089 to +0.321]`."""
    return f"[{format_figure(found.low, unit)} to {format_figure(found.high, unit)}]"


def format_figure(value: float, unit: str) -> str:
    """Format a number in the digits of its unit; all but percentages have a sign."""
    sign = "" if unit == "%" else "+"
    return f"{value:{sign}.{DIGITS.get(unit, 3)}f}".replace("-", "\N{MINUS SIGN}")


def format_p(p: float | None) -> str:
    """Format a p-value in four digits."""
    return "" if p is None else "<0.0001" if p < 0.0001 else f"{p:.4f}"


def find_outdated_marks(page: str, results: Results) -> Iterator[str]:
    """Yield what is wrong with the marks of a page: which sentence to rewrite, and why."""
    text = " ".join(page.split())
    for mark in re.finditer(r"<!-- rests on: (.*?) -->", text):
        for name, _, word in (part.partition(" ") for part in mark[1].split("; ")):
            if word != results[name].verdict:
                sentence = text[: mark.start()].strip()[-200:]
                yield f"written for {name} {word!r}, now {results[name].verdict!r}: ...{sentence}"
