"""Texts of the page and of the READMEs by language, from explore/words/, with figures in them."""

import json
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, UndefinedError
from ruamel.yaml import YAML

from experiment.data.known import label_of
from experiment.support.errors import InputError
from experiment.support.markdown import table
from explore.networks import NETWORKS
from explore.runs import KNOBS, SIDES, Comparison
from study.contrasts import BASE, FASHION, judge_claim
from study.results import FILE

LANGUAGES = ("en", "ja")
PROGRAM = "explore"  # in the marks of a README's blocks: <!-- explore: answers -->

GAIN = {"without": ".2f", "with": ".2f", "mean": "+.3f", "low": "+.3f", "high": "+.3f"}

Texts = Mapping[str, Any]
Figures = Mapping[str, Any]


def load_figures() -> dict[str, Any]:
    """Return metrics/results.json with explore/networks.json as `networks`, or raise InputError."""
    found = []
    for path, remedy in ((FILE, "make study"), (NETWORKS, "python -m explore.networks")):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not JSON"
            raise InputError(f"{path}: {reason}; restore it with Git, or run `{remedy}`") from None
    results, networks = found
    return {**results, "networks": networks}


def load_words(language: str, figures: Figures) -> dict[str, Any]:
    """Return the texts of a language, as HTML, with the figures that they name.

    These are what `load_figures` reads and, as `rests_on`, the contrasts behind each answer, as
    `tests` what was measured of each network. InputError means that there is no such figure.
    """
    rests_on = {
        name: [figures["contrasts"][contrast] for contrast in answer["rests_on"]]
        for name, answer in figures["answers"].items()
    }
    tests = {name: each["test"] for name, each in figures["networks"]["networks"].items()}
    template = make_templates().get_template(f"{language}.yaml")
    try:
        text = template.render(figures, rests_on=rests_on, tests=tests)
    except (UndefinedError, TypeError) as error:
        raise InputError(f"explore/words/{language}.yaml: no such figure: {error}") from None
    words: dict[str, Any] = YAML(typ="safe").load(text)
    return words


def make_templates() -> Environment:
    """Return the templates of the page and of its texts."""
    folders = [Path(__file__).with_name(name) for name in ("templates", "words")]
    # What is put in is ours: texts, numbers, and labels of data sets.
    templates = Environment(  # noqa: S701
        loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters["number"] = format_number
    return templates


def format_number(value: float, spec: str) -> str:
    """Format a number by Python's rules, with a minus sign for a hyphen."""
    return f"{value:{spec}}".replace("-", "−")


def answer_questions(words: Texts, figures: Figures) -> list[dict[str, Any]]:
    """Answer the ten questions, in their order.

    Returns:
        Of each, `name`, `question`, `mark`, `sentence` and the `statistics` behind it, a line each.
    """
    found, contrasts = [], figures["contrasts"]
    for name, texts in words["questions"].items():
        answer = figures["answers"][name]
        # Those that it rests on, and those that its sentence has a figure of.
        names = answer["rests_on"] + [each for each in answer["figures"] if each in contrasts]
        statistics = [describe_contrast(each, contrasts[each], words) for each in names]
        statistics += [texts["also"]] if "also" in texts else []
        sentence = texts[choose_case(answer, contrasts)]
        chosen = {"sentence": sentence, "mark": answer["mark"], "statistics": statistics}
        found.append({"name": name, "question": texts["question"], **chosen})
    return found


def choose_case(answer: Figures, contrasts: Figures) -> str:
    """Return which sentence answers: the verdict's where it is sure, else the mark's.

    What is likely, with all means below 0, speaks against what was expected.
    """
    names, mark = answer["rests_on"], str(answer["mark"])
    if mark == "sure":
        return judge_claim(contrasts, names) if names else "supported"
    if mark == "likely" and names and all(contrasts[name]["mean"] < 0 for name in names):
        return "likely against"
    return mark


def describe_contrast(name: str, contrast: Figures, words: Texts) -> str:
    """Describe a contrast with its interval, seeds, data and verdict."""
    texts, unit = words["answers"], contrast["unit"]
    spec = "+.3f" if "points" in unit else ".2f"
    values = {
        **contrast,
        **{key: format_number(contrast[key], spec) for key in ("mean", "low", "high")},
        "text": words["contrasts"][name],
        "unit": texts["units"].get(unit, unit),
        "data": texts["data"].get(contrast["data"], contrast["data"]),
        "verdict": texts["verdicts"][contrast["verdict"]],
    }
    return str(texts["measured"].format(**values))


def describe_gain(comparison: Comparison, words: Texts) -> dict[str, Any]:
    """Return a comparison's title and the figures of its gain, in words."""
    title = words["knobs"]["title"]
    if comparison["units"] != BASE.dense_units:
        title += words["knobs"]["title_units"]
    labels = {name: format_label(comparison[name], words) for name in KNOBS}
    figures = {name: format_number(comparison["gain"][name], spec) for name, spec in GAIN.items()}
    return {"figures": figures, "title": title.format(**labels)}


def describe_own_run(own: Comparison | None, words: Texts) -> str:
    """Return where the pipeline's own run ended among the others, with a link to its setting."""
    texts = words["knobs"]
    if own is None:
        return str(texts["no_own"])
    ends = {side: texts["ends"].format(**own[side]) for side in SIDES}
    address = urlencode({name: own[name] for name in KNOBS} | {"at": "knobs"})
    title = describe_gain(own, words)["title"]
    return str(texts["own"].format(address=address, title=title, **ends))


def list_choices(comparisons: Collection[Comparison], words: Texts) -> dict[str, dict[Any, str]]:
    """Return the values of each knob, numbers in their order, and what charts show, with labels."""
    choices = {}
    for name in KNOBS:
        values = [*dict.fromkeys(each[name] for each in comparisons)]
        if not isinstance(values[0], str):
            values.sort()
        choices[name] = {value: format_label(value, words) for value in values}
    return choices | {"show": words["knobs"]["measures"]}


def format_label(value: str | float, words: Texts) -> str:
    """Return a value of a parameter as readers meet it."""
    if isinstance(value, str):
        return str(words["knobs"]["places"].get(value) or label_of(value))
    return f"{value:,}"


def make_blocks(words: Texts, figures: Figures) -> dict[str, str]:
    """Return the blocks of a README by name: the ten answers, and what Dropout changes."""
    texts, marks = words["readme"], words["answers"]["marks"]
    lines = [
        texts["answer"].format(**answer | {"mark": marks[answer["mark"]]})
        for answer in answer_questions(words, figures)
    ]
    if words["lang"] == "en":  # Japanese has no blanks at which a line could end
        lines = [textwrap.fill(line, 100, subsequent_indent="  ") for line in lines]
    rows = []
    for metric, (label, value, change) in texts["rows"].items():
        for dataset in (BASE.dataset, FASHION):
            found = figures["changes"][dataset][metric]
            cells = [value.format(found[name]) for name in ("without", "with")]
            cells.append(change.format(**found).replace("-", "−"))
            rows.append([f"{label_of(dataset)}: {label}", *cells])
    return {"answers": "\n".join(lines), "changes": table(texts["header"], rows)}
