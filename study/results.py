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
    LAST_VALIDATION,
    LOOKS,
    NOT_YET,
    RISE,
    SEQUENTIAL,
    SUPPORTED,
    Measurements,
    Result,
    judge_all,
    judge_claim,
)
from study.runs import Entry, Setting, select
from study.statistics import estimate, estimate_for_new_images
from study.table import Table

FILE = Path("metrics/results.json")
PAGE = Path("docs/results.md")
PROGRAM = "study"  # in the marks of the blocks: <!-- study: primary -->

# C9, measured in seven sessions and not again: docs/results.md says how.
INFERENCE = Path("metrics/study_inference.csv")

PLACES = {"dense": "dense layer", "pooling": "pooling", "both": "both"}
# In which the settings of the study differ from the main one.
VARIED = ("dataset", "train_samples", "epochs", "dense_units", "placement", "dropout_rate")
DIGITS = {"%": 2, "nats": 4, "score": 4}
INTERVAL = "[95 % interval]"
FRESH = "fresh seeds " + INTERVAL

# Of protocol 1, by the images that they are measured on; the others are on test images.
ON_TRAINING = ("S1", "S3", "S4")
ON_VALIDATION = ("S2", "S5", "S6", "S7a", "S7b", "S9a", "S9b")

SURE, LIKELY, NOT_SHOWN = "sure", "likely", "not shown"
DECIDED = (SUPPORTED, CONTRADICTED, EQUIVALENT)
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
# What Dropout changes in the main settings, over all seeds.
CHANGES = {
    LAST: ("accuracy on test images, %", "points"),
    "test_loss": ("loss on test images", "nats"),
    RISE: ("rise of the validation loss", "nats"),
}
# Secondary measures of protocol 2: rates with 1,000 images, and by number of images the epochs
# that are 2,500 updates.
RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
EQUAL_UPDATES = {100: 625, 500: 156, 1_000: 78, 5_000: 16}
CALIBRATION = {
    "test_calibration_error": ("expected calibration error, %", "points"),
    "test_brier": ("Brier score", "score"),
}
# The columns of the three tables of contrasts.
COLUMNS = {
    "sequential": ["", "claim", "contrast", "seeds", FRESH, "p", "needed", "verdict"],
    "primary": ["", "claim", "contrast", FRESH, "p", "p, corrected", "p, signs flipped", "verdict"],
    "secondary": ["", "claim", "contrast", "unit", "limit", FRESH, "verdict"],
}
COMPARED = ["seeds", "no Dropout", "Dropout", f"difference {INTERVAL}"]

Results = Mapping[str, Result]
Figures = dict[str, Any]
Pair = tuple[pd.Series, pd.Series]


def can_fill_page(table: Table) -> bool:
    """Return whether the page is there, and the runs of the first protocol that it is about."""
    first = [each for name, each in judge_all(table).items() if name not in SEQUENTIAL]
    return PAGE.exists() and INFERENCE.exists() and all(each.found for each in first)


def summarise(entries: Sequence[Entry], table: Table) -> Figures:
    """Return the content of `FILE`: all accuracies in percent, their differences in points."""
    results = judge_all(table)
    main = {dataset: replace(BASE, dataset=dataset) for dataset in (BASE.dataset, FASHION)}
    return {
        "answers": answer_all(results, table),
        "changes": {
            dataset: {
                metric: change_of(table, setting, metric) for metric in (*CHANGES, LAST_VALIDATION)
            }
            for dataset, setting in main.items()
        },
        "claims": {
            name: {"contrasts": list(ids), "text": text, "verdict": judge_claim(results, ids)}
            for name, (text, ids) in CLAIMS.items()
        },
        "contrasts": {name: summarise_contrast(name, each) for name, each in results.items()},
        "gains": [gain_of(table, setting) for setting in compared_settings(table)],
        "gains_for_new_images": {
            dataset: gain_for_new_images(entries, setting) for dataset, setting in main.items()
        },
        "noise": {
            name: (100 * table.of(setting)).std(ddof=1).dropna().to_dict()
            for name, setting in (("no_dropout", BASE.without_dropout()), ("dropout", BASE))
        },
        "secondary": summarise_secondary(table),
    }


def summarise_contrast(name: str, result: Result) -> Figures:
    """Return what is known of a contrast."""
    contrast = result.contrast
    data = f"test images, mean of the last five epochs, seeds {FIRST_SEED} and more"
    if name not in SEQUENTIAL:
        images = "training" if name in ON_TRAINING else "test"
        data = f"{'validation' if name in ON_VALIDATION else images} images, seeds 10 to 17"
    return {
        "above": contrast.above,
        "below": contrast.below,
        "claim": contrast.claim,
        "data": data,
        "level": result.level,
        "margin": contrast.margin,
        "p_corrected": result.p_corrected,
        "p_sign_flip": result.p_sign_flip,
        "protocol": 2 if name in SEQUENTIAL else 1,
        "seeds": result.seeds,
        "seeds_planned": result.planned,
        "text": contrast.text,
        "unit": contrast.unit,
        "verdict": result.verdict,
        **(asdict(result.found) if result.found else {}),
    }


def summarise_secondary(table: Table) -> dict[str, list[Figures]]:
    """Return the secondary measures of protocol 2 whose seeds are all there."""
    seeds = range(FIRST_SEED, FIRST_SEED + min(LOOKS))
    m = Measurements(table, LAST_FIVE, seeds)
    measures: dict[str, list[tuple[Figures, Pair]]] = {
        "rates": [({"rate": rate}, m.pair(samples=1_000, rate=rate)) for rate in RATES],
        "sizes": [
            ({"train_samples": n, "epochs": epochs}, m.pair(samples=n, epochs=epochs))
            for n, epochs in EQUAL_UPDATES.items()
        ],
        "calibration": [
            ({"metric": metric, "dataset": dataset}, m.pair(metric, dataset=dataset))
            for metric in CALIBRATION
            for dataset in (BASE.dataset, FASHION)
        ],
    }
    return {
        name: [what | compare(*pair) for what, pair in of if len(pair[0]) == len(seeds)]
        for name, of in measures.items()
    }


def answer_all(results: Results, table: Table) -> Figures:
    """Return, by question of a reader, how sure the answer is and its figures."""
    answers: Figures = {}
    for question, choices in ANSWERED_BY.items():
        names = next(ids for ids in choices if ids and all(results[n].found for n in ids))
        answers[question] = {
            "figures": {name: asdict(results[name].found) for name in names},  # type: ignore[arg-type]
            "mark": judge_answer(results, names),
            "rests_on": list(names),
        }
    answers["early_stopping"]["figures"]["S5"] = asdict(results["S5"].found)  # type: ignore[arg-type]
    few = replace(BASE, train_samples=1_000, epochs=80)
    answers["where_most"]["figures"]["1000"] = gain_of(table, few)
    runs = {str(each.train_samples): count_misleading_pairs(table, each) for each in (BASE, few)}
    sessions = pd.read_csv(INFERENCE)
    ratio = asdict(estimate(sessions["with_layer"] / sessions["without_layer"]))
    verdicts = [judge_claim(results, ids) for _, ids in CLAIMS.values()]
    decided = sum(verdict in DECIDED for verdict in verdicts)
    counts = {"claims": len(verdicts), "decided": decided, "runs": len(table.rows)}
    return answers | {
        "cost_in_use": {"figures": ratio, "mark": LIKELY, "rests_on": []},
        "how_sure": {"figures": counts, "mark": SURE, "rests_on": []},
        "one_run": {"figures": runs, "mark": SURE, "rests_on": []},
    }


def judge_answer(results: Results, names: tuple[str, ...]) -> str:
    """Return how sure an answer is: decided by its protocol, else by its intervals."""
    if judge_claim(results, names) in DECIDED:
        return SURE
    found = [results[name].found for name in names]
    return LIKELY if all(each and each.low * each.high > 0 for each in found) else NOT_SHOWN


def count_misleading_pairs(table: Table, setting: Setting) -> dict[str, int]:
    """Count pairs of a run without Dropout and one with it, and those that the former wins.

    Of any seeds; where a seed also chooses the training images, of the same seed.
    """
    without, with_it = (runs[LAST].to_numpy() for runs in table.pair(setting))
    wins = with_it[:, None] < without
    if setting.train_samples < BASE.train_samples:
        wins = wins.diagonal()
    return {"misleading": int(wins.sum()), "pairs": wins.size}


def compared_settings(table: Table) -> list[Setting]:
    """Return the settings with Dropout that can be compared, MNIST and all images first."""

    def order(setting: Setting) -> tuple[object, ...]:
        place = [*PLACES].index(setting.placement)
        size = (-setting.train_samples, -setting.epochs, setting.dense_units)
        return (setting.dataset != "mnist", setting.dataset, *size, place, setting.dropout_rate)

    def is_of_study(setting: Setting) -> bool:
        """Return whether it differs from the main setting only in what the study varies."""
        varied = {name: getattr(BASE, name) for name in VARIED}
        return replace(setting, **varied) == BASE and setting.placement in PLACES

    settings = [s for s in table.settings() if is_of_study(s) and len(table.pair(s)[0]) > 1]
    return sorted(settings, key=order)


def compare(without: pd.Series, with_it: pd.Series) -> Figures:
    """Return both means and the difference, of the same seeds."""
    means = {"with": float(with_it.mean()), "without": float(without.mean())}
    return asdict(estimate(with_it - without)) | means


def change_of(table: Table, setting: Setting, metric: str) -> Figures:
    """Return what Dropout changes in a metric of a setting, over the seeds that both have."""
    scale = 100 if metric.endswith("accuracy") else 1
    without, with_it = (scale * runs[metric] for runs in table.pair(setting))
    return compare(without, with_it)


def gain_of(table: Table, setting: Setting) -> Figures:
    """Return what Dropout changes in the accuracy after the last epoch of a setting."""
    found = change_of(table, setting, LAST)
    left = 100 * (100 - found["with"]) / (100 - found["without"])
    return {name: getattr(setting, name) for name in VARIED} | found | {"errors_left": left}


def gain_for_new_images(entries: Iterable[Entry], setting: Setting) -> Figures | None:
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
    return asdict(estimate_for_new_images(marks[0] - marks[1]))


def make_blocks(content: Figures) -> dict[str, str]:
    """Return the tables of the page, by the names of their blocks, from the content of `FILE`."""
    claims = [
        [
            name,
            each["text"],
            str(content["contrasts"][each["contrasts"][0]]["protocol"]),
            " and ".join(each["contrasts"]),
            each["verdict"],
        ]
        for name, each in content["claims"].items()
    ]
    settings = [
        [
            label_of(each["dataset"]),
            f"{each['train_samples']:,}",
            str(each["epochs"]),
            str(each["dense_units"]),
            PLACES[each["placement"]],
            f"{each['dropout_rate']:g}",
            *format_comparison(each, "points"),
            f"{each['errors_left']:.0f}",
        ]
        for each in content["gains"]
    ]
    first = ["data set", "training images", "epochs", "dense units", "Dropout after", "rate"]
    return {
        "changes": changes_block(content),
        "claims": markdown(["", "claim", "protocol", "decided by", "verdict"], claims),
        **contrasts_blocks(content["contrasts"]),
        **secondary_blocks(content["secondary"]),
        "settings": markdown([*first, *COMPARED, "errors left, %"], settings),
    }


def changes_block(content: Figures) -> str:
    """What Dropout changes on each data set, over all seeds."""
    rows = []
    for metric, (text, unit) in CHANGES.items():
        for dataset, changes in content["changes"].items():
            new = content["gains_for_new_images"][dataset] if metric == LAST else None
            others = f"{format_interval(new, unit)}, {new['seeds']} seeds" if new else ""
            cells = format_comparison(changes[metric], unit)
            rows.append([f"{label_of(dataset)}: {text}", *cells, others])
    return markdown(["", *COMPARED, "for new images, too"], rows)


def contrasts_blocks(contrasts: Figures) -> dict[str, str]:
    """The contrasts of protocol 2, and the primary and the secondary ones of protocol 1."""
    rows: dict[str, list[list[str]]] = {block: [] for block in COLUMNS}
    for name, each in contrasts.items():
        limits = [f"{side} {each[side]:g}" for side in ("above", "below") if each[side] is not None]
        cells = {
            "": name,
            "claim": each["claim"],
            "contrast": each["text"],
            "limit": " ".join(limits),
            "needed": f"below {each['level']:g}" if each["level"] else "",
            "p": format_p(each.get("p")),
            "p, corrected": format_p(each["p_corrected"]),
            "p, signs flipped": format_p(each["p_sign_flip"]),
            "seeds": str(each["seeds"]),
            "unit": each["unit"],
            "verdict": f"**{each['verdict']}**",
            FRESH: format_estimate(each, each["unit"]) if "mean" in each else "",
        }
        if each["verdict"] == NOT_YET and each["seeds"] < each["seeds_planned"]:
            cells["verdict"] = f"{NOT_YET} ({each['seeds']} of {each['seeds_planned']} seeds)"
        block = "secondary" if each["margin"] is None else "primary"
        block = "sequential" if each["protocol"] == 2 else block
        rows[block].append([cells[column] for column in COLUMNS[block]])
    return {block: markdown(COLUMNS[block], rows[block]) for block in COLUMNS}


def secondary_blocks(secondary: Figures) -> dict[str, str]:
    """The secondary measures of protocol 2."""
    rates = [[f"{e['rate']:g}", *format_comparison(e, "points")] for e in secondary["rates"]]
    sizes = [
        [f"{e['train_samples']:,}", str(e["epochs"]), *format_comparison(e, "points")]
        for e in secondary["sizes"]
    ]
    calibration = []
    for each in secondary["calibration"]:
        text, unit = CALIBRATION[each["metric"]]
        cells = format_comparison(each, unit)
        calibration.append([f"{label_of(each['dataset'])}: {text}", *cells])
    return {
        "rates": markdown(["rate", *COMPARED], rates),
        "sizes": markdown(["training images", "epochs", *COMPARED], sizes),
        "calibration": markdown(["", *COMPARED], calibration),
    }


def format_comparison(found: Figures, unit: str) -> list[str]:
    """Return the cells of `COMPARED`."""
    means = [f"{found[which]:.{DIGITS.get(unit, 3)}f}" for which in ("without", "with")]
    return [str(found["seeds"]), *means, format_estimate(found, unit)]


def format_estimate(found: Figures, unit: str) -> str:
    """Return a mean with its interval, as `+0.205 [+0.089 to +0.321]`."""
    return f"{format_figure(found['mean'], unit)} {format_interval(found, unit)}"


def format_interval(found: Figures, unit: str) -> str:
    """Return an interval, as `[+0.089 to +0.321]`."""
    return f"[{format_figure(found['low'], unit)} to {format_figure(found['high'], unit)}]"


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
