"""The figures in docs/results.md: tables that stand between sentences written by hand.

A sentence that rests on verdicts names them in a mark after it,
`<!-- rests on: P1 supported; P2 of all seeds above -->`; a test compares them with the verdicts.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from experiment.data.known import label_of
from experiment.presentation.markdown import table as markdown
from study.contrasts import CLAIMS, NOT_YET, Contrast, Result, verdict_of_claim
from study.measurements import ACCURACY, ALL, RATE, UNITS
from study.new_images import gain_for_new_images
from study.statistics import LEAST_PAIRS, Estimate, estimate, sign_flip_p
from study.store import Entry
from study.table import Setting, Table

# In the marks of the blocks: <!-- study: primary -->
PROGRAM = "study"

PLACES = {"dense": "dense layer", "pooling": "pooling", "both": "both"}
DIGITS = {"%": 2, "nats": 4}
INTERVAL = "[95 % interval]"


def blocks(
    entries: Sequence[Entry],
    table: Table,
    results: Mapping[str, Result],
    inference: pd.DataFrame,
    batch_size: int,
) -> dict[str, str]:
    """The blocks of docs/results.md, by name."""
    return {
        "figures": figures_block(entries, table),
        "primary": primary_block(results),
        "secondary": secondary_block(results),
        "claims": claims_block(results),
        "inference": inference_block(inference),
        "single-run": single_run_block(table),
        "settings": settings_block(table),
        "runs": runs_block(table, batch_size),
    }


def figures_block(entries: Sequence[Entry], table: Table) -> str:
    """What Dropout changes on each data set, over all seeds; and the gain for new images."""
    header = ["", "seeds", "no Dropout", "Dropout", f"difference {INTERVAL}", "for new images, too"]
    rows = []
    for metric, text, unit in (
        (ACCURACY, "accuracy on test images", "points"),
        ("validation_loss_rise", "rise of the validation loss", "nats"),
    ):
        for dataset in ("mnist", "fashion_mnist"):
            without, with_it = table.pair(Setting(dataset, "dense", RATE, ALL, UNITS))
            if len(with_it) < 2:
                continue
            scale = 100 if unit == "points" else 1
            change = estimate(scale * (with_it[metric] - without[metric]))
            means = [scale * runs[metric].mean() for runs in (without, with_it)]
            cells = [f"{value:.2f} %" if scale == 100 else f"{value:.4f}" for value in means]
            new = gain_for_new_images(entries, table, dataset) if scale == 100 else None
            others = f"{interval(new[0], unit)}, {new[1]}" if new else ""
            name = f"{label_of(dataset)}: {text}"
            rows.append([name, str(change.seeds), *cells, measured(change, unit), others])
    return markdown(header, rows)


def primary_block(results: Mapping[str, Result]) -> str:
    """The contrasts that were registered, the verdicts, and the estimates over all seeds beside."""
    header = [
        "", "claim", "contrast, points", f"fresh seeds {INTERVAL}", "p", "p, corrected",
        "p, signs flipped", "verdict", "seeds", f"all seeds, exploratory {INTERVAL}",
    ]  # fmt: skip
    rows = []
    for found in results.values():
        if found.contrast.margin is not None:
            values = [found.fresh and found.fresh.p, found.p_corrected, found.p_sign_flip]
            head = [found.contrast.id, found.contrast.claim, found.contrast.text]
            rows.append([*head, fresh(found), *map(p_value, values), verdict(found), *pooled(found)])
    return markdown(header, rows)


def secondary_block(results: Mapping[str, Result]) -> str:
    """The secondary measures, by their intervals."""
    header = [
        "", "claim", "measure", "unit", "limit", f"fresh seeds {INTERVAL}", "verdict", "seeds",
        f"all seeds, exploratory {INTERVAL}",
    ]  # fmt: skip
    rows = []
    for found in results.values():
        contrast = found.contrast
        if contrast.margin is None:
            head = [contrast.id, contrast.claim, contrast.text, contrast.unit, limit(contrast)]
            rows.append([*head, fresh(found), verdict(found), *pooled(found)])
    return markdown(header, rows)


def claims_block(results: Mapping[str, Result]) -> str:
    """What tutorials say, and the verdicts."""
    header = ["", "claim", "decided by", "verdict"]
    rows = [
        [name, text, " and ".join(ids), f"**{verdict_of_claim(results, ids)}**"]
        for name, (text, ids) in CLAIMS.items()
    ]
    return markdown(header, rows)


def inference_block(sessions: pd.DataFrame) -> str:
    """Sessions are what is repeated: passes of one session share its processor's state."""
    found = estimate(sessions["with_layer"] / sessions["without_layer"])
    header = ["sessions", "passes", f"time with the layer over time without {INTERVAL}"]
    passes = str(sessions["passes"].sum())
    text = f"{found.mean:.3f} [{found.low:.3f} to {found.high:.3f}]"
    return markdown(header, [[str(found.seeds), passes, text]])


def single_run_block(table: Table) -> str:
    """How much another seed alone changes."""
    header = ["standard deviation over seeds, points", "seeds", "no Dropout", "Dropout"]
    rows = []
    for metric, text in (
        (ACCURACY, "accuracy on test images"),
        ("validation_accuracy", "accuracy on validation images"),
        ("last_five_validation_accuracy", "the same, mean of the last five epochs"),
    ):
        pair = table.pair(Setting("mnist", "dense", RATE, ALL, UNITS))
        if len(pair[0]) > 1:
            cells = [f"{100 * runs[metric].std(ddof=1):.3f}" for runs in pair]
            rows.append([f"MNIST: {text}", str(len(pair[0])), *cells])
    return markdown(header, rows)


def settings_block(table: Table) -> str:
    """Every setting with Dropout, beside the same without, over the seeds that both have."""
    header = [
        "data set", "training images", "dense units", "Dropout after", "rate", "seeds",
        "no Dropout, %", "Dropout, %", f"gain, points {INTERVAL}", "p", "p, signs flipped",
        "errors left, %",
    ]  # fmt: skip
    rows = []
    for setting in sorted(table.settings(), key=order):
        without, with_it = (100 * runs[ACCURACY] for runs in table.pair(setting))
        if setting.placement == "none" or len(with_it) < 2:
            continue
        gain = estimate(with_it - without)
        flipped = sign_flip_p(with_it - without) if gain.seeds >= LEAST_PAIRS else None
        left = 100 * (100 - with_it.mean()) / (100 - without.mean())
        rows.append([
            label_of(setting.dataset), f"{setting.train_samples:,}", str(setting.dense_units),
            PLACES[setting.placement], f"{setting.dropout_rate:g}", str(gain.seeds),
            f"{without.mean():.3f}", f"{with_it.mean():.3f}", measured(gain, "points"),
            p_value(gain.p), p_value(flipped), f"{left:.0f}",
        ])  # fmt: skip
    return markdown(header, rows)


def order(setting: Setting) -> tuple[object, ...]:
    """MNIST first, all images first."""
    places = ("none", *PLACES)
    return (
        setting.dataset != "mnist", setting.dataset, -setting.train_samples, setting.dense_units,
        places.index(setting.placement), setting.dropout_rate,
    )  # fmt: skip


def runs_block(table: Table, batch_size: int) -> str:
    """The grid as far as it was trained."""
    header = [
        "data set", "training images", "dense units", "Dropout after", "rates", "epochs",
        "updates of the weights", "seeds", "runs",
    ]  # fmt: skip
    rows = table.rows.copy()
    # Without Dropout, it has no place: such a run belongs to those with it after the dense layer.
    rows["placement"] = rows["placement"].replace("none", "dense")
    keys = ["dataset", "train_samples", "dense_units", "epochs", "placement"]
    rows["seeds"] = rows.groupby([*keys, "dropout_rate"])["seed"].transform("nunique")
    lines = []
    for key, runs in rows.groupby([*keys, "seeds"]):
        dataset, samples, units, epochs, place, seeds = key
        updates = epochs * math.ceil(samples / batch_size)
        rates = ", ".join(f"{rate:g}" for rate in sorted(runs["dropout_rate"].unique()))
        cells = [label_of(dataset), f"{samples:,}", str(units), PLACES[place], rates, str(epochs)]
        line = [*cells, f"{updates:,}", str(seeds), str(len(runs))]
        lines.append((order(Setting(dataset, place, 0.0, samples, units)), -seeds, line))
    return markdown(header, [line for _, _, line in sorted(lines)])


def measured(found: Estimate | None, unit: str) -> str:
    """A mean with its interval; differences with a sign."""
    return f"{figure(found.mean, unit)} {interval(found, unit)}" if found else ""


def interval(found: Estimate, unit: str) -> str:
    """As `[+0.089 to +0.321]`."""
    return f"[{figure(found.low, unit)} to {figure(found.high, unit)}]"


def figure(value: float, unit: str) -> str:
    """In the digits of its unit; all but percentages are differences, and have a sign."""
    sign = "" if unit == "%" else "+"
    return f"{value:{sign}.{DIGITS.get(unit, 3)}f}".replace("-", "\N{MINUS SIGN}")


def p_value(p: float | None) -> str:
    """Four digits."""
    return "" if p is None else "<0.0001" if p < 0.0001 else f"{p:.4f}"


def fresh(found: Result) -> str:
    """The estimate that decides, once it is there."""
    return measured(found.fresh, found.contrast.unit)


def pooled(found: Result) -> list[str]:
    """Number of seeds and the estimate over all of them."""
    seeds = str(found.pooled.seeds) if found.pooled else ""
    return [seeds, measured(found.pooled, found.contrast.unit)]


def limit(contrast: Contrast) -> str:
    """Where the claim has the measure."""
    sides = {"above": contrast.above, "below": contrast.below}
    return " ".join(f"{side} {value:g}" for side, value in sides.items() if value is not None)


def verdict(found: Result) -> str:
    """The word, and a remark where the interval and a p beside it seem to disagree."""
    if found.verdict == NOT_YET:
        return f"not yet ({found.runs} of {found.planned} runs)"
    remarks = []
    excludes = found.fresh is not None and not found.fresh.low <= 0 <= found.fresh.high
    if excludes and found.p_corrected is not None and found.p_corrected >= 0.05:
        remarks.append("the interval is not corrected for eight contrasts, p is")
    if found.p_sign_flip is not None and found.p_corrected is not None:
        if excludes != (found.p_sign_flip < 0.05):
            remarks.append("the exact test disagrees with the interval")
    return f"**{found.verdict}**" + "".join(f"; {text}" for text in remarks)


def resting_on(page: str) -> Iterable[tuple[str, str, str]]:
    """What the sentences of a page rest on: the text before each mark, a contrast, its word."""
    texts = re.split(r"<!-- rests on: (.*?) -->", re.sub(r"\s+", " ", page))
    for text, marks in zip(texts[::2], texts[1::2], strict=False):
        for mark in marks.split("; "):
            name, _, word = mark.partition(" ")
            yield text[-160:].strip(), name, word


def word_of(results: Mapping[str, Result], name: str, wanted: str) -> str:
    """What a mark would have to say of a contrast, in the form of `wanted`."""
    found = results[name]
    prefix = "of all seeds "
    return prefix + found.pooled_verdict if wanted.startswith(prefix) else found.verdict
