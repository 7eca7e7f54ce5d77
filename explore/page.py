"""The page in one language: one file with all that it needs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from experiment.data.known import label_of
from experiment.support.errors import InputError
from explore.networks import MASKS, STRONGEST, pack
from explore.runs import KNOBS, MEASURES, Comparison, estimate_band
from explore.words import answer_questions, fill
from study.contrasts import BASE, FASHION

RESULTS = Path("metrics/results.json")
PLACES = ("dense", "pooling", "both")


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """Read the results of the study.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        raise InputError(f"{path}: {reason}; run `make study` or restore it with git") from None
    return results


def render(
    comparisons: Sequence[Comparison],
    results: Mapping[str, Any],
    networks: Mapping[str, Any],
    words: Mapping[str, Any],
    address: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        comparisons: of the study; see `explore.runs.compare`.
        results: metrics/results.json.
        networks: explore/networks.json.
        words: of a language.
        address: where the page will be, with a slash at its end, for those who link to it.

    Raises:
        InputError: the results lack what a text names.
    """
    figures = {
        name: {key: 100 * value for key, value in network["test"].items()}
        for name, network in networks["networks"].items()
    }
    templates = Environment(
        loader=PackageLoader("explore"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"fill": fill, "label": lambda value: format_label(value, words)}
    measured = {
        **figures,
        "dataset": label_of(networks["dataset"]),
        "rate": networks["rate"],
        "seed": networks["seed"],
        "tested": networks["tested"],
    }
    data = {
        "comparisons": [describe(each, words) for each in comparisons],
        "guess": find(comparisons, FASHION),
        "knobs": KNOBS,
        "legend": words["legend"],
        "axes": words["knobs"]["axes"],
        "kinds": words["pairs"]["kinds"],
        "masks": MASKS,
        "say": words["script"],
        "networks": networks,
        "start": find(comparisons, BASE.dataset),
        "strongest": STRONGEST,
    }
    return templates.get_template("page.html").render(
        address=address,
        answers=answer_questions(words, results),
        data=pack(json.dumps(data, separators=(",", ":")).encode()),
        datasets={"mnist": label_of(BASE.dataset), "fashion": label_of(FASHION)},
        knobs={name: knob_values(comparisons, name) for name in KNOBS},
        measured=measured,
        measures=[*MEASURES],
        networks=networks,
        t=words,
        units=networks["networks"]["dropout"]["shapes"][3][0],
    )


def find(comparisons: Sequence[Comparison], dataset: str) -> int:
    """Return the place of a data set's main comparison.

    Raises:
        InputError: it was not trained.
    """
    for place, each in enumerate(comparisons):
        if each.setting.dataset == dataset and each.setting.dropout_rate == BASE.dropout_rate:
            return place
    raise InputError(
        f"study/runs.jsonl: expected two seeds or more of {dataset}, with rate {BASE.dropout_rate}"
        " and without Dropout; found none; run `make study`"
    )


def describe(comparison: Comparison, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the script draws and says of a comparison."""
    setting, gain = comparison.setting, comparison.gain
    knobs = {name: getattr(setting, name) for name in KNOBS}
    title = words["knobs"]["title"]
    title += words["knobs"]["title_units"] if setting.dense_units != BASE.dense_units else ""
    formats = {"without": ".2f", "with": ".2f", "gain": "+.3f", "low": "+.3f", "high": "+.3f"}
    numbers = {**gain, "gain": gain["mean"]}
    curves = {measure: comparison.curves(measure) for measure in MEASURES}
    return {
        **knobs,
        "accuracy": comparison.accuracies(),
        "bands": {
            measure: {side: shorten(estimate_band(runs)) for side, runs in sides.items()}
            for measure, sides in curves.items()
        },
        "epochs": setting.epochs,
        "figures": {k: fill(f"{{{k}:{spec}}}", numbers) for k, spec in formats.items()},
        "gain": {name: gain[name] for name in ("mean", "low", "high")},
        "runs": {m: {side: shorten(r) for side, r in sides.items()} for m, sides in curves.items()},
        "same": comparison.same_seeds_only,
        "seeds": comparison.seeds,
        "title": fill(title, {name: format_label(value, words) for name, value in knobs.items()}),
        "verdict": comparison.verdict,
    }


def knob_values(comparisons: Sequence[Comparison], name: str) -> list[Any]:
    """Return the values of a parameter, in the order of the knob."""
    values = list(dict.fromkeys(getattr(each.setting, name) for each in comparisons))
    if name == "placement":
        return sorted(values, key=PLACES.index)
    return values if name == "dataset" else sorted(values)


def format_label(value: object, words: Mapping[str, Any]) -> str:
    """Return a value of a parameter as readers meet it."""
    if isinstance(value, str):
        return str(words["knobs"]["places"].get(value) or label_of(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def shorten(values: np.ndarray) -> list[Any]:
    """Return nested lists of numbers as precise as a chart can show."""
    if values.ndim > 1:
        return [shorten(each) for each in values]
    return [float(f"{value:.4g}") for value in values]
