"""Texts of the page and of the READMEs by language, from explore/words/, with figures in them."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, UndefinedError, select_autoescape
from ruamel.yaml import YAML

from experiment.data.known import label_of
from experiment.support.errors import InputError, wrong
from experiment.support.markdown import table
from explore.networks import NETWORKS
from study.contrasts import BASE, FASHION
from study.results import FILE

LANGUAGES = ("en", "ja")
PROGRAM = "explore"  # in the marks of a README's blocks: <!-- explore: answers -->

Texts = Mapping[str, Any]
Figures = Mapping[str, Any]


def load_figures() -> dict[str, Any]:
    """Read what texts can name: metrics/results.json, and explore/networks.json as `networks`.

    Raises:
        InputError: a file is missing or damaged.
    """
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

    Args:
        language: of `LANGUAGES`.
        figures: as `load_figures` reads them. Texts can also name, as `rests_on`, the contrasts
            behind each answer, and as `tests` what was measured of each network.

    Raises:
        InputError: there is no such figure.
    """
    path = Path(__file__).parent / "words" / f"{language}.yaml"
    jinja = Environment(
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters["number"] = format_number
    rests_on = {
        name: [figures["contrasts"][contrast] for contrast in answer["rests_on"]]
        for name, answer in figures["answers"].items()
    }
    tests = {name: each["test"] for name, each in figures["networks"]["networks"].items()}
    try:
        template = jinja.from_string(path.read_text(encoding="utf-8"))
        text = template.render({**figures, "rests_on": rests_on, "tests": tests})
    except (UndefinedError, TypeError) as error:
        raise InputError(f"explore/words/{path.name}: no such figure: {error}") from None
    words: dict[str, Any] = YAML(typ="safe").load(text)
    return words


def format_number(value: float, spec: str) -> str:
    """Format a number by Python's rules, with a minus sign for a hyphen."""
    return f"{value:{spec}}".replace("-", "−")


def answer_questions(words: Texts, figures: Figures) -> list[dict[str, Any]]:
    """Answer the ten questions, in their order.

    Returns:
        Of each, `name`, `question`, `mark`, `sentence` and the `statistics` behind it, a line each.

    Raises:
        InputError: the words lack a sentence for the verdict.
    """
    found = []
    for name, texts in words["questions"].items():
        answer = figures["answers"][name]
        case = choose_case(answer, figures)
        if case not in texts:
            expected, remedy = f"a sentence for {case!r}", "write one in each language"
            raise wrong(f"explore/words: questions: {name}", expected, ", ".join(texts), remedy)
        contrasts = figures["contrasts"]
        # Those that it rests on, and those that its sentence has a figure of.
        names = answer["rests_on"] + [each for each in answer["figures"] if each in contrasts]
        statistics = [describe_contrast(each, contrasts[each], words) for each in names]
        statistics += [texts["also"]] if "also" in texts else []
        chosen = {"sentence": texts[case], "mark": answer["mark"], "statistics": statistics}
        found.append({"name": name, "question": texts["question"], **chosen})
    return found


def choose_case(answer: Figures, figures: Figures) -> str:
    """Return which sentence answers: the verdict's where it is sure, else the mark's.

    What is likely, with all means below 0, speaks against what was expected.
    """
    names, mark, contrasts = answer["rests_on"], str(answer["mark"]), figures["contrasts"]
    if mark == "sure" and names:
        claims = (c["verdict"] for c in figures["claims"].values() if c["contrasts"] == names)
        return str(next(claims, contrasts[names[0]]["verdict"]))
    if mark == "likely" and names and all(contrasts[name]["mean"] < 0 for name in names):
        return "likely against"
    return "supported" if mark == "sure" else mark


def describe_contrast(name: str, contrast: Figures, words: Texts) -> str:
    """Describe a contrast with its interval, seeds, data and verdict."""
    texts, unit = words["answers"], contrast["unit"]
    spec = "+.3f" if "points" in unit else ".2f"
    numbers = {
        k: format_number(contrast[k], spec) for k in ("mean", "low", "high") if contrast["seeds"]
    }
    values = {
        **contrast,
        **numbers,
        "text": words["contrasts"].get(name, contrast["text"]),
        "unit": texts["units"].get(unit, unit),
        "data": texts["data"].get(contrast["data"], contrast["data"]),
        "verdict": texts["verdicts"][contrast["verdict"]],
    }
    return str(texts["measured" if contrast["seeds"] else "waiting"].format(**values))


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
