"""The results: one file for all who tell them, and the tables in docs/results.md.

A mark after a sentence of the page says what it rests on, as in `<!-- rests on: P1 supported -->`;
a test compares it with the verdicts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from experiment.data.known import label_of
from experiment.support.markdown import table as markdown
from study.contrasts import (
    BASE,
    DECIDED,
    FIRST_SEED,
    LAST,
    LAST_FIVE,
    LOOKS,
    NOT_YET,
    ON_FASHION,
    Figures,
    judge_all,
    judge_claim,
)
from study.runs import VARIED, Entry, Setting, select
from study.statistics import estimate, estimate_for_new_images
from study.table import Table

FILE = Path("metrics/results.json")
PAGE = Path("docs/results.md")
PROGRAM = "study"  # in the marks of the blocks: <!-- study: claims -->

# Protocol 1's, which are not computed again; docs/results.md says how they were.
FIRST = Path("study/protocol-1.json")

SURE, LIKELY, NOT_SHOWN = "sure", "likely", "not shown"
# By question of a reader: the contrasts of protocol 2 that answer it, and those of protocol 1,
# which do until the first look.
ANSWERED_BY = {
    "help": (("A1", "A2"), ("P1", "P2")),
    "how_much": (("A1", "A2"), ("P1", "P2")),
    "where_most": (("P3",),),
    "which_rate": (("C1", "C2"), ("P6", "P7")),
    "where_placed": (("B1", "B2"), ("P4", "P5")),
    "early_stopping": (("E1", "E2"), ("P8", "S8")),
    "larger_network": (("D1",), ("S12",)),
}

# Claims of protocol 1 that protocol 2 asks again, as A, B and C.
ASKED_AGAIN = ("C5", "C7", "C8")

PLACES = {"dense": "dense layer", "pooling": "pooling", "both": "both"}
FEW = replace(BASE, train_samples=1_000, epochs=80)
# What Dropout changes in the main settings, over all seeds, with its unit.
CHANGES = {
    LAST: ("accuracy on test images, %", "points"),
    "test_loss": ("loss on test images", "nats"),
    "validation_loss_rise": ("rise of the validation loss", "nats"),
}
# Secondary measures of protocol 2: rates with 1,000 images, and by number of images the epochs
# that are 2,500 updates.
RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
EQUAL_UPDATES = {100: 625, 500: 156, 1_000: 78, 5_000: 16}
CALIBRATION = {
    "test_calibration_error": ("expected calibration error, %", "points"),
    "test_brier": ("Brier score", "score"),
}
DIGITS = {"nats": 4, "score": 4}
INTERVAL = "[95 % interval]"
COMPARED = ["seeds", "no Dropout", "Dropout", f"difference {INTERVAL}"]


def can_fill_page(table: Table) -> bool:
    """Return whether the page is there, and the runs that it is about."""
    compared = all(len(table.pair(each, LAST)) > 1 for each in (BASE, ON_FASHION, FEW))
    return PAGE.exists() and FIRST.exists() and compared


def summarise(entries: Sequence[Entry], table: Table) -> Figures:
    """Return the content of `FILE`: all accuracies in percent, their differences in points."""
    first = json.loads(FIRST.read_text(encoding="utf-8"))
    contrasts, claims = judge_all(table)
    contrasts, claims = first["contrasts"] | contrasts, first["claims"] | claims
    return {
        "answers": answer_all(contrasts, claims, table),
        "changes": {
            each.dataset: {metric: compare(table.pair(each, metric)) for metric in CHANGES}
            for each in (BASE, ON_FASHION)
        },
        "claims": claims,
        "contrasts": contrasts,
        "gains": list_gains(table),
        "gains_for_new_images": {
            each.dataset: gain_for_new_images(entries, each) for each in (BASE, ON_FASHION)
        },
        "secondary": summarise_secondary(table),
    }


def answer_all(contrasts: Figures, claims: Figures, table: Table) -> Figures:
    """Return, by question of a reader, how sure the answer is, and figures for its sentence."""
    answers: Figures = {}
    for question, choices in ANSWERED_BY.items():
        names = next(ids for ids in choices if all("mean" in contrasts[name] for name in ids))
        mark = choose_mark(contrasts, names)
        answers[question] = {"figures": {}, "mark": mark, "rests_on": [*names]}
    answers["early_stopping"]["figures"]["S5"] = contrasts["S5"]
    verdicts = [each["verdict"] for name, each in claims.items() if name not in ASKED_AGAIN]
    decided = sum(verdict in DECIDED for verdict in verdicts)
    counts = {"claims": len(verdicts), "decided": decided, "runs": len(table.rows)}
    runs = {str(each.train_samples): count_misleading_pairs(table, each) for each in (BASE, FEW)}
    return answers | {
        "cost_in_use": {"figures": {}, "mark": LIKELY, "rests_on": []},
        "how_sure": {"figures": counts, "mark": SURE, "rests_on": []},
        "one_run": {"figures": runs, "mark": SURE, "rests_on": []},
    }


def choose_mark(contrasts: Figures, names: Sequence[str]) -> str:
    """Return how sure an answer is that rests on some contrasts.

    It is sure where their protocol decides it, else likely where all their intervals are above
    0, or all below.
    """
    if judge_claim(contrasts, names) in DECIDED:
        return SURE
    found = [contrasts[name] for name in names]
    one_side = all(c["low"] > 0 for c in found) or all(c["high"] < 0 for c in found)
    return LIKELY if one_side else NOT_SHOWN


def summarise_secondary(table: Table) -> dict[str, list[Figures]]:
    """Return the secondary measures of protocol 2 whose seeds are all there."""
    measures: dict[str, list[tuple[Figures, Setting, str]]] = {
        "rates": [({"rate": r}, replace(FEW, dropout_rate=r), LAST_FIVE) for r in RATES],
        "sizes": [
            ({"train_samples": n, "epochs": e}, replace(BASE, train_samples=n, epochs=e), LAST_FIVE)
            for n, e in EQUAL_UPDATES.items()
        ],
        "calibration": [
            ({"metric": metric, "dataset": each.dataset}, each, metric)
            for metric in CALIBRATION
            for each in (BASE, ON_FASHION)
        ],
    }
    seeds = range(FIRST_SEED, FIRST_SEED + min(LOOKS))
    found: dict[str, list[Figures]] = {}
    for name, rows in measures.items():
        pairs = [(what, table.pair(setting, metric, seeds)) for what, setting, metric in rows]
        found[name] = [what | compare(pair) for what, pair in pairs if len(pair) == len(seeds)]
    return found


def compare(pair: pd.DataFrame) -> Figures:
    """Return both means and the difference; see `Table.pair`."""
    means = {name: float(values.mean()) for name, values in pair.items()}
    return asdict(estimate(pair["with"] - pair["without"])) | means


def count_misleading_pairs(table: Table, setting: Setting) -> dict[str, int]:
    """Count pairs of a run without Dropout and one with it, and those that the former wins.

    Of any seeds; where a seed also chooses the training images, of the same seed.
    """
    pair = table.pair(setting, LAST)
    wins = pair["with"].to_numpy()[:, None] < pair["without"].to_numpy()
    if setting.train_samples < BASE.train_samples:
        wins = wins.diagonal()
    return {"misleading": int(wins.sum()), "pairs": wins.size}


def list_gains(table: Table) -> list[Figures]:
    """Return what Dropout changes in the accuracy after the last epoch, MNIST and all images first.

    Of each setting that differs from the main one only in what the study varies.
    """
    varied, gains = {name: getattr(BASE, name) for name in VARIED}, []
    for setting in table.settings():
        pair = table.pair(setting, LAST)
        if setting.placement in PLACES and len(pair) > 1 and replace(setting, **varied) == BASE:
            found = compare(pair)
            left = 100 * (100 - found["with"]) / (100 - found["without"])
            what = {name: getattr(setting, name) for name in VARIED}
            gains.append(what | found | {"errors_left": left})

    def order(gain: Figures) -> tuple[object, ...]:
        size = (-gain["train_samples"], -gain["epochs"], gain["dense_units"])
        place = [*PLACES].index(gain["placement"])
        return (gain["dataset"] != "mnist", gain["dataset"], *size, place, gain["dropout_rate"])

    return sorted(gains, key=order)


def gain_for_new_images(entries: Iterable[Entry], setting: Setting) -> Figures | None:
    """Return the gain in points with an interval over seeds and test images.

    None where fewer than five seeds have noted which images they get wrong.
    """
    noted = [entry for entry in entries if entry.test_errors is not None]
    sides = [select(noted, each) for each in (setting.without_dropout(), setting)]
    seeds = sorted(sides[0].keys() & sides[1].keys())
    if len(seeds) < 5:
        return None
    # Every run is tested on the same images: as many as its errors are a share of.
    one = sides[0][seeds[0]]
    images = np.arange(round(len(one.test_errors or ()) / (1 - one.metrics[LAST])))
    without, with_it = (
        100.0 * np.array([np.isin(images, side[seed].test_errors or []) for seed in seeds])
        for side in sides
    )
    return asdict(estimate_for_new_images(without - with_it))


def make_blocks(content: Figures) -> dict[str, str]:
    """Return the tables of the page, by the names of their blocks, from the content of `FILE`."""
    contrasts, secondary, changes = (content[n] for n in ("contrasts", "secondary", "changes"))
    claims = [
        [name, c["text"], str(contrasts[c["contrasts"][0]]["protocol"]),
         " and ".join(c["contrasts"]), c["verdict"]]
        for name, c in content["claims"].items()
    ]  # fmt: skip
    changed = []
    for metric, (text, unit) in CHANGES.items():
        for dataset, found in changes.items():
            new = content["gains_for_new_images"][dataset] if metric == LAST else None
            others = f"{format_interval(new, unit)}, {new['seeds']} seeds" if new else ""
            cells = format_comparison(found[metric], unit)
            changed.append([f"{label_of(dataset)}: {text}", *cells, others])
    rates = [[f"{e['rate']:g}", *format_comparison(e, "points")] for e in secondary["rates"]]
    sizes = [
        [f"{e['train_samples']:,}", str(e["epochs"]), *format_comparison(e, "points")]
        for e in secondary["sizes"]
    ]
    calibration = [
        [f"{label_of(e['dataset'])}: {text}", *format_comparison(e, unit)]
        for e in secondary["calibration"]
        for text, unit in [CALIBRATION[e["metric"]]]
    ]
    settings = [
        [label_of(g["dataset"]), f"{g['train_samples']:,}", str(g["epochs"]), str(g["dense_units"]),
         PLACES[g["placement"]], f"{g['dropout_rate']:g}", *format_comparison(g, "points"),
         f"{g['errors_left']:.0f}"]
        for g in content["gains"]
    ]  # fmt: skip
    what = ["data set", "training images", "epochs", "dense units", "Dropout after", "rate"]
    looks = ["seeds", f"fresh seeds {INTERVAL}", "p", "needed", "verdict"]
    judged = [[n, *format_contrast(c)] for n, c in contrasts.items() if c["protocol"] == 2]
    return {
        "calibration": markdown(["", *COMPARED], calibration),
        "changes": markdown(["", *COMPARED, "for new images, too"], changed),
        "claims": markdown(["", "claim", "protocol", "decided by", "verdict"], claims),
        "rates": markdown(["rate", *COMPARED], rates),
        "sequential": markdown(["", "claim", "contrast", *looks], judged),
        "settings": markdown([*what, *COMPARED, "errors left, %"], settings),
        "sizes": markdown(["training images", "epochs", *COMPARED], sizes),
    }


def format_contrast(c: Figures) -> list[str]:
    """Return the cells of a contrast of protocol 2, after its name."""
    verdict, figures = f"**{c['verdict']}**", ["", "", ""]
    if c["verdict"] == NOT_YET:
        verdict = f"{NOT_YET} ({c['seeds']} of {c['seeds_planned']} seeds)"
    if "excluded" in c:
        below, above = (format_figure(limit, c["unit"]) for limit in c["excluded"])
        verdict += f"; below {below} and above {above} is excluded"
    if "mean" in c:
        p = "<0.0001" if c["p"] < 0.0001 else f"{c['p']:.4f}"
        figures = [format_estimate(c, c["unit"]), p, f"below {c['level']:g}"]
    return [c["claim"], c["text"], str(c["seeds"]), *figures, verdict]


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
    """Format a difference in the digits of its unit."""
    return f"{value:+.{DIGITS.get(unit, 3)}f}".replace("-", "\N{MINUS SIGN}")
