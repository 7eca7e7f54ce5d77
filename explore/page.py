"""The page in one language: one file with all that it needs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from experiment.data.known import label_of
from experiment.support.errors import InputError
from explore.networks import MASKS, STRONGEST, pack
from explore.runs import KNOBS, MEASURES, PLACES, Comparison
from explore.words import answer_questions, fill
from study.contrasts import BASE, FASHION

GAIN = {"without": ".2f", "with": ".2f", "mean": "+.3f", "low": "+.3f", "high": "+.3f"}


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
        InputError: the study lacks the main setting, or the results lack what a text names.
    """
    templates = Environment(
        loader=PackageLoader("explore"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"fill": fill, "label": lambda value: format_label(value, words)}
    measured = {
        name: {key: 100 * value for key, value in network["test"].items()}
        for name, network in networks["networks"].items()
    }
    data = {
        "axes": words["knobs"]["axes"],
        "comparisons": [each | format_gain(each, words) for each in comparisons],
        "guess": find(comparisons, FASHION),
        "kinds": words["pairs"]["kinds"],
        "knobs": KNOBS,
        "legend": words["legend"],
        "masks": MASKS,
        "networks": networks,
        "say": words["script"],
        "start": find(comparisons, BASE.dataset),
        "strongest": STRONGEST,
    }
    return templates.get_template("page.html").render(
        address=address,
        answers=answer_questions(words, results),
        data=pack(json.dumps(data, separators=(",", ":")).encode()),
        datasets={name: label_of(name) for name in (BASE.dataset, FASHION)},
        knobs={name: sort_values({each[name] for each in comparisons}) for name in KNOBS},
        measured={**networks, **measured, "dataset": label_of(networks["dataset"])},
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
        if (each["dataset"], each["dropout_rate"]) == (dataset, BASE.dropout_rate):
            return place
    raise InputError(
        f"study/runs.jsonl: expected two seeds or more of {dataset}, with rate {BASE.dropout_rate}"
        " and without Dropout; found none; run `make study`"
    )


def format_gain(comparison: Comparison, words: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comparison's title and the figures of its gain, in words."""
    title = words["knobs"]["title"]
    if comparison["dense_units"] != BASE.dense_units:
        title += words["knobs"]["title_units"]
    labels = {name: format_label(comparison[name], words) for name in KNOBS}
    figures = {k: fill(f"{{{k}:{spec}}}", comparison["gain"]) for k, spec in GAIN.items()}
    return {"figures": figures, "title": fill(title, labels)}


def sort_values(values: set[Any]) -> list[Any]:
    """Return the values of a parameter in the order of its knob."""
    order = [*PLACES, BASE.dataset, FASHION]
    return sorted(values, key=lambda value: order.index(value) if value in order else value)


def format_label(value: object, words: Mapping[str, Any]) -> str:
    """Return a value of a parameter as readers meet it."""
    if isinstance(value, str):
        return str(words["knobs"]["places"].get(value) or label_of(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
