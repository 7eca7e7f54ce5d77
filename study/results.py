"""The results: one file for all who tell them, and the tables in docs/results.md.

A mark after a sentence of the page says what it rests on, as in `<!-- rests on: P1 supported -->`;
a test compares it with the verdicts.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

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
from study.table import pair_seeds

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
MAIN = (BASE, ON_FASHION)
# By metric its name in the tables, and its digits there.
METRICS = {
    LAST: ("accuracy on test images, %", 3),
    "test_loss": ("loss on test images", 4),
    "validation_loss_rise": ("rise of the validation loss", 4),
    "test_calibration_error": ("expected calibration error, %", 3),
    "test_brier": ("Brier score", 4),
}
CHANGES = (LAST, "test_loss", "validation_loss_rise")  # in the main settings, over all seeds
# Secondary measures of protocol 2: metrics of the main settings, rates with 1,000 images, and by
# number of images the epochs that are 2,500 updates.
CALIBRATION = ("test_calibration_error", "test_brier")
RATES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
EQUAL_UPDATES = {100: 625, 500: 156, 1_000: 78, 5_000: 16}
INTERVAL = "[95 % interval]"
COMPARED = ["seeds", "no Dropout", "Dropout", f"difference {INTERVAL}"]


def can_fill_page(entries: Sequence[Entry]) -> bool:
    """Return whether the page is there, and the runs that it is about."""
    compared = all(compare(entries, each, LAST) for each in (*MAIN, FEW))
    return PAGE.exists() and FIRST.exists() and compared


def summarise(entries: Sequence[Entry]) -> Figures:
    """Return the content of `FILE`: all accuracies in percent, their differences in points."""
    first = json.loads(FIRST.read_text(encoding="utf-8"))
    contrasts, claims = judge_all(entries)
    contrasts, claims = first["contrasts"] | contrasts, first["claims"] | claims
    return {
        "answers": answer_all(contrasts, claims, entries),
        "changes": {
            each.dataset: {metric: compare(entries, each, metric) for metric in CHANGES}
            for each in MAIN
        },
        "claims": claims,
        "contrasts": contrasts,
        "gains": list_gains(entries),
        "gains_for_new_images": {each.dataset: gain_for_new_images(entries, each) for each in MAIN},
        "secondary": summarise_secondary(entries),
    }


def answer_all(contrasts: Figures, claims: Figures, entries: Sequence[Entry]) -> Figures:
    """Return, by question of a reader, how sure the answer is, and figures for its sentence."""
    answers: Figures = {}
    for question, choices in ANSWERED_BY.items():
        names = next(ids for ids in choices if all("mean" in contrasts[name] for name in ids))
        mark = choose_mark(contrasts, names)
        answers[question] = {"figures": {}, "mark": mark, "rests_on": [*names]}
    answers["early_stopping"]["figures"]["S5"] = contrasts["S5"]
    verdicts = [each["verdict"] for name, each in claims.items() if name not in ASKED_AGAIN]
    decided = sum(verdict in DECIDED for verdict in verdicts)
    counts = {"claims": len(verdicts), "decided": decided, "runs": len(entries)}
    pairs = {str(each.train_samples): count_misleading(entries, each) for each in (BASE, FEW)}
    return answers | {
        "cost_in_use": {"figures": {}, "mark": LIKELY, "rests_on": []},
        "how_sure": {"figures": counts, "mark": SURE, "rests_on": []},
        "one_run": {"figures": pairs, "mark": SURE, "rests_on": []},
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


def summarise_secondary(entries: Sequence[Entry]) -> dict[str, list[Figures]]:
    """Return the secondary measures of protocol 2 whose seeds are all there."""
    rows: list[tuple[str, Figures, Setting, str]] = [
        ("rates", {"rate": rate}, replace(FEW, dropout_rate=rate), LAST_FIVE) for rate in RATES
    ]
    for number, epochs in EQUAL_UPDATES.items():
        size = {"train_samples": number, "epochs": epochs}
        rows.append(("sizes", size, replace(BASE, train_samples=number, epochs=epochs), LAST_FIVE))
    for metric in CALIBRATION:
        for each in MAIN:
            rows.append(("calibration", {"metric": metric, "dataset": each.dataset}, each, metric))
    seeds = range(FIRST_SEED, FIRST_SEED + min(LOOKS))
    found: dict[str, list[Figures]] = {name: [] for name, *_ in rows}
    for name, what, setting, metric in rows:
        if compared := compare(entries, setting, metric, seeds):
            found[name].append(what | compared)
    return found


def compare(
    entries: Sequence[Entry], setting: Setting, metric: str, seeds: Sequence[int] = ()
) -> Figures:
    """Return both means and the difference, over these seeds or all; {} if a seed is missing."""
    pair = pair_seeds(entries, setting, metric)
    pair = pair[pair.index.isin(seeds)] if seeds else pair
    if len(pair) < max(2, len(seeds)):
        return {}
    means = {name: float(values.mean()) for name, values in pair.items()}
    return asdict(estimate(pair["with"] - pair["without"])) | means


def count_misleading(entries: Sequence[Entry], setting: Setting) -> dict[str, int]:
    """Count pairs of a run without Dropout and one with it, and those that the former wins.

    Of any seeds; where a seed also chooses the training images, of the same seed.
    """
    pair = pair_seeds(entries, setting, LAST)
    wins = pair["with"].to_numpy()[:, None] < pair["without"].to_numpy()
    if setting.train_samples < BASE.train_samples:
        wins = wins.diagonal()
    return {"misleading": int(wins.sum()), "pairs": wins.size}


def list_gains(entries: Sequence[Entry]) -> list[Figures]:
    """Return what Dropout changes in the accuracy after the last epoch, MNIST and all images first.

    Of each setting that differs from the main one only in what the study varies.
    """
    varied, gains = {name: getattr(BASE, name) for name in VARIED}, []
    for setting in {entry.setting for entry in entries}:
        is_varied = setting.placement in PLACES and replace(setting, **varied) == BASE
        if is_varied and (found := compare(entries, setting, LAST)):
            what = {name: getattr(setting, name) for name in VARIED}
            left = 100 * (100 - found["with"]) / (100 - found["without"])
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
    contrasts, secondary = content["contrasts"], content["secondary"]
    claims = [
        [name, c["text"], str(contrasts[c["contrasts"][0]]["protocol"]),
         " and ".join(c["contrasts"]), c["verdict"]]
        for name, c in content["claims"].items()
    ]  # fmt: skip
    changed = []
    for metric in CHANGES:
        for dataset, found in content["changes"].items():
            new = content["gains_for_new_images"][dataset] if metric == LAST else None
            others = f"{format_interval(new)}, {new['seeds']} seeds" if new else ""
            changed.append([*format_metric(dataset, metric, found[metric]), others])
    rates = [[f"{e['rate']:g}", *format_comparison(e)] for e in secondary["rates"]]
    sizes = [
        [f"{e['train_samples']:,}", str(e["epochs"]), *format_comparison(e)]
        for e in secondary["sizes"]
    ]
    calibration = [format_metric(e["dataset"], e["metric"], e) for e in secondary["calibration"]]
    settings = [
        [label_of(g["dataset"]), f"{g['train_samples']:,}", str(g["epochs"]), str(g["dense_units"]),
         PLACES[g["placement"]], f"{g['dropout_rate']:g}", *format_comparison(g),
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
        below, above = map(format_figure, c["excluded"])
        verdict += f"; below {below} and above {above} is excluded"
    if "mean" in c:
        p = "<0.0001" if c["p"] < 0.0001 else f"{c['p']:.4f}"
        figures = [f"{format_figure(c['mean'])} {format_interval(c)}", p, f"below {c['level']:g}"]
    return [c["claim"], c["text"], str(c["seeds"]), *figures, verdict]


def format_metric(dataset: str, metric: str, found: Figures) -> list[str]:
    """Return the cells of a row: data set and metric, then the comparison."""
    text, digits = METRICS[metric]
    return [f"{label_of(dataset)}: {text}", *format_comparison(found, digits)]


def format_comparison(found: Figures, digits: int = 3) -> list[str]:
    """Return the cells of `COMPARED`."""
    means = [f"{found[which]:.{digits}f}" for which in ("without", "with")]
    difference = f"{format_figure(found['mean'], digits)} {format_interval(found, digits)}"
    return [str(found["seeds"]), *means, difference]


def format_interval(found: Figures, digits: int = 3) -> str:
    """Return an interval, as `[+0.089 to +0.321]`."""
    return f"[{format_figure(found['low'], digits)} to {format_figure(found['high'], digits)}]"


def format_figure(value: float, digits: int = 3) -> str:
    """Return a difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
