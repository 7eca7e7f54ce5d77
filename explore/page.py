"""The page in one language: one file with all that it needs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from experiment.data.known import label_of
from experiment.support.errors import wrong
from explore.networks import pack
from explore.runs import KNOBS, SIDES, Comparison, settings_of
from explore.words import Texts, answer_questions, format_number
from study.contrasts import BASE, FASHION

GAIN = {"without": ".2f", "with": ".2f", "mean": "+.3f", "low": "+.3f", "high": "+.3f"}


def render(
    comparisons: Sequence[Comparison],
    own: Comparison | None,
    figures: Mapping[str, Any],
    words: Texts,
    address: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        comparisons: of the study; see `explore.runs.compare`.
        own: that which holds the pipeline's own run; see `explore.runs.add_own_run`.
        figures: see `explore.words.load_figures`.
        words: of a language.
        address: where the page will be, with a slash at its end, for those who link to it.
    """
    data = {
        "comparisons": [each | format_gain(each, words) for each in comparisons],
        "guess": find_main(comparisons, FASHION),
        "knobs": [*KNOBS],
        "networks": figures["networks"],
        "say": words["script"],
        "start": find_main(comparisons, BASE.dataset),
    }
    # What is put in is ours: texts, numbers, and labels of data sets.
    templates = Environment(  # noqa: S701
        loader=PackageLoader("explore"), undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("page.html").render(
        address=address,
        answers=answer_questions(words, figures),
        data=pack(json.dumps(data, separators=(",", ":")).encode()),
        knobs={name: list_choices(comparisons, name, words) for name in KNOBS},
        own=format_own(own, words),
        t=words,
        units=len(figures["networks"]["networks"]["dropout"]["weights"][3]),
    )


def find_main(comparisons: Sequence[Comparison], dataset: str) -> int:
    """Return the place of a data set's main comparison, or raise InputError."""
    for place, each in enumerate(comparisons):
        if settings_of(each, each["epochs"])[1] == replace(BASE, dataset=dataset):
            return place
    expected = f"two seeds or more of {dataset}, without Dropout and with rate {BASE.dropout_rate}"
    raise wrong("study/runs.jsonl", expected, "none", "run `make study`")


def format_gain(comparison: Comparison, words: Texts) -> dict[str, Any]:
    """Return a comparison's title and the figures of its gain, in words."""
    title = words["knobs"]["title"]
    if comparison["units"] != BASE.dense_units:
        title += words["knobs"]["title_units"]
    labels = {name: format_label(comparison[name], words) for name in KNOBS}
    figures = {name: format_number(comparison["gain"][name], spec) for name, spec in GAIN.items()}
    return {"figures": figures, "title": title.format(**labels)}


def format_own(own: Comparison | None, words: Texts) -> str:
    """Return where the pipeline's own run ended among the others, with a link to its setting."""
    if own is None:
        return str(words["knobs"]["no_own"])
    ends = {side: words["knobs"]["ends"].format(**own[side]) for side in SIDES}
    address = urlencode({name: own[name] for name in KNOBS} | {"at": "knobs"})
    title = format_gain(own, words)["title"]
    return str(words["knobs"]["own"].format(address=address, title=title, **ends))


def list_choices(
    comparisons: Sequence[Comparison], name: str, words: Texts
) -> list[tuple[Any, str]]:
    """Return the values of a knob, numbers in their order, with their labels."""
    values = [*dict.fromkeys(each[name] for each in comparisons)]
    if name not in ("data", "after"):
        values.sort()
    return [(value, format_label(value, words)) for value in values]


def format_label(value: object, words: Texts) -> str:
    """Return a value of a parameter as readers meet it."""
    if isinstance(value, str):
        return str(words["knobs"]["places"].get(value) or label_of(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
