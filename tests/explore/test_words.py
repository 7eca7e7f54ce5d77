"""The ten answers: of the committed results, and of every verdict that they could have."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from experiment.support.errors import InputError
from explore.words import LANGUAGES, QUESTIONS, answer_questions, fill, load_words
from tests.conftest import ROOT

in_both = pytest.mark.parametrize("language", LANGUAGES)

SPECIALIST = r"registered|contrast|anchor|\bnats?\b|\bfresh|登録|対比|アンカー"
CONTRASTS = {
    "help": ["A1", "A2"], "how_much": ["A1", "A2"], "where_most": ["P3"],
    "which_rate": ["C1", "C2"], "where_placed": ["B1", "B2"], "early_stopping": ["E1", "E2"],
    "larger_network": ["D1"], "one_run": [], "cost_in_use": [], "how_sure": [],
}  # fmt: skip
MARKS = {
    "en": {"sure": "sure", "likely": "likely", "not shown": "not shown"},
    "ja": {"sure": "確か", "likely": "おそらく", "not shown": "示されていない"},
}
VERDICTS = {
    "en": {"supported": "supported", "contradicted": "contradicted", "undecided": "undecided"},
    "ja": {"supported": "支持", "contradicted": "反証", "undecided": "判定不能"},
}


def make_results(mark: str, verdict: str, mean: float) -> dict[str, Any]:
    """Results in which every question that rests on contrasts has one answer."""
    figures = {
        "1000": {"misleading": 1, "pairs": 13},
        "48000": {"misleading": 35, "pairs": 324}, "S5": {"mean": 27.03},
        "claims": 14, "decided": 5, "runs": 371,
    }  # fmt: skip
    contrast = {
        "data": "test images, seeds 10 to 17", "seeds": 8, "seeds_planned": 8, "unit": "points",
        "text": "a contrast", "verdict": verdict,
        "mean": mean, "low": mean - 0.0625, "high": mean + 0.0625,
    }  # fmt: skip
    answers, claims = {}, {}
    for name, rests_on in CONTRASTS.items():
        mark_of = mark if rests_on else "sure"
        answers[name] = {"mark": mark_of, "rests_on": rests_on, "figures": figures}
        claims[name] = {"contrasts": rests_on, "verdict": verdict}
    contrasts = {name: {**contrast} for names in CONTRASTS.values() for name in names}
    loss = {"without": 0.0772, "with": 0.0521}
    changes = {name: {"test_loss": loss} for name in ("mnist", "fashion_mnist")}
    return {"answers": answers, "changes": changes, "claims": claims, "contrasts": contrasts}


def answer(language: str, results: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in answer_questions(load_words(language), results)}


@in_both
def test_committed_answers_stand_on_the_page(pages: dict[str, Path], language: str) -> None:
    results = json.loads((ROOT / "metrics/results.json").read_text())
    page = pages[language].read_text(encoding="utf-8")
    articles = re.findall(r"<article>(.*?)</article>", page, re.DOTALL)
    for article, (name, each) in zip(articles, answer(language, results).items(), strict=True):
        mark, figures = (results["answers"][name][key] for key in ("mark", "figures"))
        assert f'class="mark {mark.replace(" ", "-")}">{MARKS[language][mark]}</span>' in article
        assert f"<p>{each['sentence']}</p>" in article
        assert re.findall("<li>(.*?)</li>", article) == each["statistics"]
        assert not re.search(SPECIALIST + "|{", each["sentence"])
        if name == "one_run":
            said = {int(n) for n in re.findall(r"\d+", each["sentence"])}
            assert {n for size in figures.values() for n in size.values()} <= said
    assert len(articles) == len(QUESTIONS) == 10


@in_both
def test_each_verdict_has_its_sentence(language: str) -> None:
    """No case is without a sentence, and opposite verdicts have different ones."""
    cases = [
        ("sure", "supported", 0.2), ("sure", "contradicted", -0.2), ("likely", "undecided", 0.2),
        ("likely", "undecided", -0.2), ("sure", "equivalent", 0), ("not shown", "undecided", 0),
    ]  # fmt: skip
    answers = [answer(language, make_results(*case)) for case in cases]
    for name in [name for name in CONTRASTS if CONTRASTS[name] and name != "how_much"]:
        yes, no, likely, against, same, open_ = (each[name]["sentence"] for each in answers)
        assert len({yes, no, same, open_}) == len({likely, against, same, open_}) == 4


@in_both
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "undecided"])
def test_statistics_of_a_contrast(language: str, verdict: str) -> None:
    mark = "not shown" if verdict == "undecided" else "sure"
    results = make_results(mark, verdict, -0.25)
    results["contrasts"]["A2"]["mean"] = 0.5
    mnist, fashion = answer(language, results)["help"]["statistics"]
    assert ("Fashion-MNIST" in mnist, "Fashion-MNIST" in fashion) == (False, True)
    for line, mean in ((mnist, "−0.250"), (fashion, "+0.500")):
        assert re.findall(r"[+−]\d\.\d+", line) == [mean, "−0.312", "−0.188"]
        assert [v for v, word in VERDICTS[language].items() if word in line] == [verdict]


@in_both
def test_gain_is_told_in_images_of_ten_thousand(language: str) -> None:
    results = make_results("sure", "supported", 0.2)
    results["contrasts"]["A2"]["mean"] = 0.5
    answers = {name: each["sentence"] for name, each in answer(language, results).items()}
    assert re.findall(r"\b\d\d\b(?!,)", answers["how_much"]) == ["20", "50"]
    assert re.findall(r"\d+\.\d", answers["where_most"]) == ["0.2"]
    also = answer(language, results)["how_much"]["statistics"][2]
    assert re.findall(r"\d\.\d+", also) == ["0.077", "0.052"] * 2


def test_contrast_that_waits_for_its_seeds() -> None:
    results = make_results("not shown", "not yet", 0)
    results["contrasts"]["D1"]["seeds"] = 0
    (line,) = answer("en", results)["larger_network"]["statistics"]
    assert re.search("0 of 8 seeds.*not decided yet", line)


def test_languages_have_the_same_texts() -> None:
    """The same keys, and in each text the same figures, so that none is about something else."""

    def flatten(texts: Any, place: str = "") -> dict[str, list[str]]:
        if isinstance(texts, dict):
            return {k: v for n, t in texts.items() for k, v in flatten(t, f"{place}.{n}").items()}
        return {place: sorted(re.findall(r"\{[^}]*\}", " ".join(map(str, [texts]))))}

    english, japanese = (load_words(language) for language in ("en", "ja"))
    for words in (english, japanese):  # what the results call it is English
        del words["answers"]["units"], words["answers"]["data"]
    assert flatten(japanese) == flatten(english)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="expected a sentence for 'not tested' in answers: help"):
        answer("en", make_results("sure", "not tested", 0.2))
    with pytest.raises(InputError, match=r"no figure 'high' for '\{high\}'"):
        fill("{high}", {})
    assert fill("<b>{name}</b> {x:+.1f}", {"name": "<i>", "x": -1}) == "<b>&lt;i&gt;</b> −1.0"
