"""The ten answers: of the committed results, and of every verdict that they could have."""

import re
from typing import Any

import pytest

from experiment.support.errors import InputError
from explore.words import LANGUAGES, QUESTIONS, answer_questions, fill, load_words

in_both = pytest.mark.parametrize("language", LANGUAGES)

SPECIALIST = r"registered|contrast|anchor|\bnats?\b|\bfresh|登録|対比|アンカー"
CONTRASTS = {
    "help": ["A1", "A2"], "how_much": ["A1", "A2"], "where_most": ["P3"],
    "which_rate": ["C1", "C2"], "where_placed": ["B1", "B2"], "early_stopping": ["E1", "E2"],
    "larger_network": ["D1"], "one_run": [], "cost_in_use": [], "how_sure": [],
}  # fmt: skip
WORDS = {
    "en": {"supported": "supported", "contradicted": "contradicted", "undecided": "undecided"},
    "ja": {"supported": "支持", "contradicted": "反証", "undecided": "判定不能"},
}


def make_results(mark: str, verdict: str, mean: float) -> dict[str, Any]:
    """Results in which every question that rests on contrasts has one answer."""
    names = {name for names in CONTRASTS.values() for name in names}
    figures = {"figures": {
        "1000": {"without": 92.39, "with": 94.25, "misleading": 1, "pairs": 13},
        "48000": {"misleading": 35, "pairs": 324}, "S5": {"mean": 27.03},
        "claims": 14, "decided": 5, "runs": 371,
    }}  # fmt: skip
    estimate = {"mean": mean, "low": mean - 0.0625, "high": mean + 0.0625}
    contrast = {"data": "test images, seeds 10 to 17", "seeds": 8, "seeds_planned": 8,
                "text": "a contrast", "unit": "points", "verdict": verdict, **estimate}  # fmt: skip
    return {
        "answers": {
            name: {"mark": mark if rests_on else "sure", "rests_on": rests_on, **figures}
            for name, rests_on in CONTRASTS.items()
        },
        "claims": {
            name: {"contrasts": rests_on, "verdict": verdict}
            for name, rests_on in CONTRASTS.items()
        },
        "contrasts": dict.fromkeys(names, contrast),
    }


def answer(language: str, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in answer_questions(load_words(language), results)}


@in_both
def test_committed_results_have_ten_answers(language: str, results: dict[str, Any]) -> None:
    found = answer(language, results)
    assert tuple(found) == QUESTIONS
    for name, each in found.items():
        assert each["mark"] == results["answers"][name]["mark"]
        assert len(each["statistics"]) == len(results["answers"][name]["rests_on"])
        assert not re.search(SPECIALIST, each["sentence"])
        assert "{" not in "".join([each["sentence"], *each["statistics"]])
    for name in ("one_run", "how_sure"):
        figures = results["answers"][name]["figures"]
        numbers = [*figures.values()] if name == "how_sure" else [
            n for size in figures.values() for n in size.values()
        ]  # fmt: skip
        said = [int(n) for n in re.findall(r"\d+", found[name]["sentence"].replace(",", ""))]
        assert {*numbers} <= {*said}


@in_both
def test_each_verdict_has_its_sentence(language: str) -> None:
    """No case is without a sentence, and opposite verdicts have different ones."""
    cases = [
        ("sure", "supported", 0.2), ("sure", "contradicted", -0.2), ("likely", "undecided", 0.2),
        ("likely", "undecided", -0.2), ("sure", "equivalent", 0), ("not shown", "undecided", 0),
    ]  # fmt: skip
    told = [answer(language, make_results(*case)) for case in cases]
    for name in (
        "help",
        "where_most",
        "which_rate",
        "where_placed",
        "early_stopping",
        "larger_network",
    ):
        yes, no, likely, against, same, open_ = (each[name]["sentence"] for each in told)
        assert len({yes, no, same, open_}) == len({likely, against, same, open_}) == 4


@in_both
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "undecided"])
def test_statistics_of_a_contrast(language: str, verdict: str) -> None:
    mark = "not shown" if verdict == "undecided" else "sure"
    found = answer(language, make_results(mark, verdict, -0.25))["help"]["statistics"]
    assert "MNIST" in found[0]
    assert "Fashion-MNIST" in found[1]
    for line in found:
        numbers = re.findall(r"[+−]\d\.\d+", line)
        assert numbers == ["−0.250", "−0.312", "−0.188"]
        assert WORDS[language][verdict] in line
        assert not any(word in line for v, word in WORDS[language].items() if v != verdict)


@in_both
def test_gain_is_told_in_images_of_ten_thousand(language: str) -> None:
    results = make_results("sure", "supported", 0.2)
    results["contrasts"] = {name: {**each} for name, each in results["contrasts"].items()}
    results["contrasts"]["A2"]["mean"] = 0.5
    sentence = answer(language, results)["how_much"]["sentence"].replace("10,000", "")
    assert re.findall(r"\d+", sentence) == ["20", "50"]
    few = answer(language, results)["where_most"]["sentence"]
    assert re.findall(r"\d+\.\d", few) == ["92.4", "94.2"]


def test_contrast_that_waits_for_its_seeds() -> None:
    results = make_results("not shown", "not yet", 0)
    waiting = {"data": "d", "seeds": 0, "seeds_planned": 8, "unit": "points", "verdict": "not yet"}
    results["contrasts"]["D1"] = waiting | {"text": "a contrast", "mean": 0}
    (line,) = answer("en", results)["larger_network"]["statistics"]
    assert "0 of 8 seeds" in line
    assert "not decided yet" in line


def test_languages_have_the_same_texts() -> None:
    """The same keys, and in each text the same figures, so that none is told of something else."""

    def flatten(texts: Any, place: str = "") -> dict[str, list[str]]:
        if isinstance(texts, dict):
            return {k: v for n, t in texts.items() for k, v in flatten(t, f"{place}.{n}").items()}
        text = " ".join(texts) if isinstance(texts, list) else str(texts)
        return {place: sorted(re.findall(r"\{[^}]*\}", text))}

    english, japanese = (flatten(load_words(language)) for language in ("en", "ja"))
    optional = (".answers.units", ".answers.data")  # of what the results call it in English
    for texts in (english, japanese):
        for place in [place for place in texts if place.startswith(optional)]:
            del texts[place]
    assert japanese == english


def test_what_is_missing_is_named() -> None:
    results = make_results("sure", "supported", 0.2)
    with pytest.raises(InputError, match="expected a sentence for 'not tested' in answers: help"):
        answer("en", make_results("sure", "not tested", 0.2))
    del results["answers"]["early_stopping"]["figures"]["S5"]
    with pytest.raises(InputError, match="no figure 'S5'"):
        answer("en", results)
    with pytest.raises(InputError, match="no figure"):
        fill("{mean:.2f}", {"mean": None})


def test_figures_are_safe_in_html() -> None:
    assert fill("<b>{name}</b> {x:+.1f}", {"name": "<i>", "x": -1}) == "<b>&lt;i&gt;</b> −1.0"
