"""Texts of the page by language, from explore/words/, and the figures in them."""

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from ruamel.yaml import YAML

from experiment.support.errors import InputError

LANGUAGES = ("en", "ja")
SURE, SUPPORTED = "sure", "supported"
QUESTIONS = (
    "help", "how_much", "where_most", "which_rate", "where_placed",
    "early_stopping", "one_run", "larger_network", "cost_in_use", "how_sure",
)  # fmt: skip


def load_words(language: str) -> dict[str, Any]:
    """Return the texts of a language, safe to put into HTML."""
    path = Path(__file__).parent / "words" / f"{language}.yaml"
    words: dict[str, Any] = _mark(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    return words


def answer_questions(words: Mapping[str, Any], results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer the ten questions, in their order.

    Args:
        words: of a language.
        results: metrics/results.json.

    Returns:
        Of each, `question`, `mark`, `sentence` and the `statistics` behind it, a line each.

    Raises:
        InputError: the words or the results lack what the other needs.
    """
    found = []
    for name in QUESTIONS:
        answer, texts = results["answers"][name], words["answers"][name]
        contrasts = {each: results["contrasts"][each] for each in answer["rests_on"]}
        case = choose_case(answer, results)
        if case not in texts:
            raise InputError(
                f"explore/words: expected a sentence for {case!r} in answers: {name}; found"
                f" {', '.join(texts)}; write one in each language"
            )
        figures = {**results, **dict(zip(("first", "second"), contrasts.values(), strict=False))}
        statistics = [describe_contrast(*each, words) for each in contrasts.items()]
        if "also" in texts:
            statistics.append(fill(texts["also"], figures))
        found.append({
            "name": name,
            "question": texts["question"],
            "mark": answer["mark"],
            "sentence": fill(texts[case], figures),
            "statistics": statistics,
        })  # fmt: skip
    return found


def choose_case(answer: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Return which sentence answers: the verdict's where it is sure, else the mark's.

    What is likely, with all means below 0, speaks against what was expected.
    """
    names, mark = answer["rests_on"], answer["mark"]
    if mark == SURE:
        if not names:
            return SUPPORTED
        claims = (c["verdict"] for c in results["claims"].values() if c["contrasts"] == names)
        return str(next(claims, results["contrasts"][names[0]]["verdict"]))
    against = names and all(results["contrasts"][name]["mean"] < 0 for name in names)
    return f"{mark} against" if mark == "likely" and against else str(mark)


def describe_contrast(name: str, contrast: Mapping[str, Any], words: Mapping[str, Any]) -> Markup:
    """Describe a contrast with its interval, seeds, data and verdict."""
    texts, unit = words["answers"], contrast["unit"]
    spec = "+.3f" if "points" in unit else ".2f"
    values = {
        **contrast,
        "text": words["contrasts"].get(name, contrast["text"]),
        "unit": texts["units"].get(unit, unit),
        "data": texts["data"].get(contrast["data"], contrast["data"]),
        "verdict": texts["verdicts"][contrast["verdict"]],
    }
    if not contrast["seeds"]:
        return fill(texts["waiting"], values)
    numbers = {k: fill(f"{{{k}:{spec}}}", contrast) for k in ("mean", "low", "high")}
    return fill(texts["measured"], values | numbers)


def fill(text: str, figures: Mapping[str, Any]) -> Markup:
    """Put figures into a text: `{a.b:.2f}` is `figures["a"]["b"]`.

    The format `images` is a difference in points as a number of 10,000 images.

    Raises:
        InputError: there is no such figure.
    """
    try:
        return Markup(_Figures().vformat(text, (), figures))  # noqa: S704 the texts are ours
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"explore/words: no figure {error} for {text!r}") from None


class _Figures(string.Formatter):
    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
        value = kwargs
        for part in field_name.split("."):
            value = value[part]
        return value, field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, str):
            return escape(value)
        if format_spec == "images":
            value, format_spec = 100 * value, ".0f"
        return format(value, format_spec).replace("-", "−")


def _mark(texts: Any) -> Any:
    if isinstance(texts, dict):
        return {name: _mark(text) for name, text in texts.items()}
    if isinstance(texts, list):
        return [_mark(text) for text in texts]
    return Markup(texts) if isinstance(texts, str) else texts  # noqa: S704 the texts are ours
