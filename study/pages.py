"""The figures in docs/results.md: tables that stand between sentences written by hand.

A mark after a sentence says what it rests on, as in
`<!-- rests on: P1 supported; P2 of all seeds above -->`; a test compares it with the verdicts.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from experiment.data.known import label_of
from experiment.support.markdown import table as markdown
from study.contrasts import CLAIMS, NOT_YET, PRIMARY, SECONDARY, Result, verdict_of_claim
from study.measurements import ACCURACY, ALL, RATE, UNITS
from study.new_images import gain_for_new_images
from study.statistics import LEAST_PAIRS, Estimate, estimate, sign_flip_p
from study.store import Entry
from study.table import Setting, Table

PROGRAM = "study"  # in the marks of the blocks: <!-- study: primary -->

PLACES = {"dense": "dense layer", "pooling": "pooling", "both": "both"}
DIGITS = {"%": 2, "nats": 4}
INTERVAL = "[95 % interval]"
FROM_ERRORS = "from the test images that each run gets wrong"

Results = Mapping[str, Result]


def figures_block(entries: Sequence[Entry], table: Table) -> str:
    """What Dropout changes on each data set, over all seeds; and the gain for new images."""
    header = ["", "seeds", "no Dropout", "Dropout", f"difference {INTERVAL}", "for new images, too"]
    rows = []
    for metric, text, unit, scale in (
        (ACCURACY, "accuracy on test images, %", "points", 100),
        ("validation_loss_rise", "rise of the validation loss", "nats", 1),
    ):
        for dataset in ("mnist", "fashion_mnist"):
            pair = [scale * runs[metric] for runs in table.pair(main_setting(dataset))]
            if len(pair[0]) < 2:
                continue
            change = estimate(pair[1] - pair[0])
            accuracy = metric == ACCURACY
            new = gain_for_new_images(entries, main_setting(dataset)) if accuracy else None
            others = f"{interval(new, unit)}, {new.seeds} seeds, {FROM_ERRORS}" if new else ""
            rows.append([
                f"{label_of(dataset)}: {text}", str(change.seeds),
                *(f"{values.mean():.{2 if scale == 100 else 4}f}" for values in pair),
                measured(change, unit), others,
            ])  # fmt: skip
    return markdown(header, rows)


def main_setting(dataset: str) -> Setting:
    """What the pipeline trains, with Dropout."""
    return Setting(dataset, "dense", RATE, ALL, UNITS)


def primary_block(results: Results) -> str:
    """The registered contrasts, their verdicts, and the estimates over all seeds beside."""
    header = [
        "", "claim", "contrast, points", f"fresh seeds {INTERVAL}", "p", "p, corrected",
        "p, signs flipped", "verdict", "seeds", f"all seeds, exploratory {INTERVAL}",
    ]  # fmt: skip
    rows = []
    for found in (results[contrast.id] for contrast in PRIMARY):
        rows.append([
            *named(found), measured(found.fresh, "points"),
            p_value(found.fresh.p if found.fresh else None),
            " to ".join(sorted({p_value(bound) for bound in found.p_corrected or ()})),
            p_value(found.p_sign_flip), verdict(found), *all_seeds(found),
        ])  # fmt: skip
    return markdown(header, rows)


def secondary_block(results: Results) -> str:
    """The secondary measures, by their intervals."""
    header = [
        "", "claim", "measure", "unit", "limit", f"fresh seeds {INTERVAL}", "verdict", "seeds",
        f"all seeds, exploratory {INTERVAL}",
    ]  # fmt: skip
    rows = []
    for contrast in SECONDARY:
        found = results[contrast.id]
        sides = {"above": contrast.above, "below": contrast.below}
        limit = " ".join(f"{side} {value:g}" for side, value in sides.items() if value is not None)
        rows.append([*named(found), contrast.unit, limit, measured(found.fresh, contrast.unit),
                     verdict(found), *all_seeds(found)])  # fmt: skip
    return markdown(header, rows)


def named(found: Result) -> list[str]:
    """What was measured."""
    return [found.contrast.id, found.contrast.claim, found.contrast.text]


def all_seeds(found: Result) -> list[str]:
    """Their number, and the estimate over them."""
    seeds = str(found.pooled.seeds) if found.pooled else ""
    return [seeds, measured(found.pooled, found.contrast.unit)]


def verdict(found: Result) -> str:
    """The word, and a remark where an interval and a p beside it seem to disagree."""
    if not found.fresh:
        return f"{NOT_YET} ({found.runs} of {found.planned} runs)"
    if found.verdict == NOT_YET:
        return f"{NOT_YET} (p is corrected over all eight contrasts)"
    text = f"**{found.verdict}**"
    if found.p_corrected is None:
        return text
    excludes = not found.fresh.low <= 0 <= found.fresh.high
    if excludes and found.p_corrected[0] >= 0.05:
        text += "; the interval is not corrected for eight contrasts"
    if found.p_sign_flip is not None and excludes != (found.p_sign_flip < 0.05):
        text += "; the exact test disagrees"
    return text


def claims_block(results: Results) -> str:
    """What tutorials say, and the verdicts."""
    rows = [
        [name, text, " and ".join(ids), verdict_of_claim(results, ids)]
        for name, (text, ids) in CLAIMS.items()
    ]
    return markdown(["", "claim", "decided by", "verdict"], rows)


def inference_block(sessions: pd.DataFrame) -> str:
    """Sessions are what is repeated: passes of one session share its processor's state."""
    found = estimate(sessions["with_layer"] / sessions["without_layer"])
    header = ["sessions", "passes", f"time with the layer over time without {INTERVAL}"]
    text = f"{found.mean:.3f} [{found.low:.3f} to {found.high:.3f}]"
    return markdown(header, [[str(found.seeds), str(sessions["passes"].sum()), text]])


def single_run_block(table: Table) -> str:
    """How much another seed alone changes."""
    header = ["standard deviation over seeds, points", "seeds", "no Dropout", "Dropout"]
    pair = table.pair(main_setting("mnist"))
    rows = [
        [text, str(len(pair[0])), *(f"{100 * runs[metric].std(ddof=1):.3f}" for runs in pair)]
        for metric, text in (
            (ACCURACY, "MNIST: accuracy on test images"),
            ("validation_accuracy", "accuracy on validation images"),
            ("last_five_validation_accuracy", "the same, mean of the last five epochs"),
        )
        if len(pair[0]) > 1
    ]
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


def runs_block(table: Table, batch_size: int) -> str:
    """The grid as far as it was trained."""
    header = [
        "data set", "training images", "dense units", "Dropout after", "rates", "epochs",
        "updates of the weights", "seeds", "runs",
    ]  # fmt: skip
    # Without Dropout, it has no place: such a run belongs to those with it after the dense layer.
    rows = table.rows.replace({"placement": {"none": "dense"}})
    keys = ["dataset", "train_samples", "dense_units", "epochs", "placement"]
    rows["seeds"] = rows.groupby([*keys, "dropout_rate"])["seed"].transform("nunique")
    lines = []
    for (dataset, samples, units, epochs, place, seeds), runs in rows.groupby([*keys, "seeds"]):
        rates = ", ".join(f"{rate:g}" for rate in sorted(runs["dropout_rate"].unique()))
        updates = epochs * math.ceil(samples / batch_size)
        line = [
            label_of(dataset), f"{samples:,}", str(units), PLACES[place], rates, str(epochs),
            f"{updates:,}", str(seeds), str(len(runs)),
        ]  # fmt: skip
        lines.append((order(Setting(dataset, place, 0.0, samples, units)), -seeds, line))
    return markdown(header, [line for _, _, line in sorted(lines)])


def order(setting: Setting) -> tuple[object, ...]:
    """MNIST first, all images first."""
    place = ("none", *PLACES).index(setting.placement)
    size = (-setting.train_samples, setting.dense_units)
    return (setting.dataset != "mnist", setting.dataset, *size, place, setting.dropout_rate)


def measured(found: Estimate | None, unit: str) -> str:
    """A mean with its interval."""
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


def outdated_marks(page: str, results: Results) -> Iterator[str]:
    """What is wrong with the marks of a page: which sentences to write anew, and why."""
    text, prefix = " ".join(page.split()), "of all seeds "
    for mark in re.finditer(r"<!-- rests on: (.*?) -->", text):
        for name, _, word in (part.partition(" ") for part in mark[1].split("; ")):
            of_all = word.startswith(prefix)
            found = prefix + results[name].pooled_verdict if of_all else results[name].verdict
            if word != found:
                sentence = text[: mark.start()].strip()[-200:]
                yield f"written for {name} {word!r}, which is {found!r} now: ...{sentence}"
