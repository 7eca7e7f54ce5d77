"""The ten answers: of the committed results, and of every verdict that they could have."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from experiment.support.errors import InputError
from explore.__main__ import find_place
from explore.words import LANGUAGES, answer_questions, describe_own_run, load_figures, load_words
from study.contrasts import BASE
from tests.conftest import ROOT

Figures = dict[str, Any]
in_both = pytest.mark.parametrize("language", LANGUAGES)

SPECIALIST = r"registered|contrast|anchor|\bnats?\b|\bfresh|登録|対比|アンカー"
# Words that could be swapped, in English and in Japanese, in the order in which a text has them.
SIDES = [r"\{(?:a\w*|x|without)\}", r"\{(?:b\w*|y|with)\}", r"\{lower\}", r"\{higher\}"]
SWAPPABLE = [
    (SIDES, SIDES),
    (["(?<!{)[Ww]ithout", "[Ww]ith (?:Dropout|it)"], ["(?<!差)なし", "あり(?!ま)|あると"]),
    (["[Vv]alidation", "[Tt]raining (?:images|loss)", "[Tt]est (?:images|set)"],
     ["検証", "訓練画像", "テスト画像"]),
    (["[Dd]ense (?:layer|units)", "pooling layer", "(?:after |^)both$"],
     ["全結合層", "プーリング層", "両方"]),
    (["better", "worse", "more new", "fewer new"], ["良い", "悪い", "正解が増え", "正解が減り"]),
    (["loss", "wrong (?!way)"], ["損失", "誤り"]),
    (["falling", "at its lowest", "half as", "as much$"],
     ["下がり続", "最小値のまま", "半分だけ", "同じだけ"]),
    (["now mean votes"], ["今 平均 得票"]),
    (["supported", "contradicted", "undecided"], ["支持", "反証", "判定不能|判定できま|も判定"]),
    (["^on$|All on", "^off$|are off|strongest off"], ["有効$|有効に$", "^無効$|が無効|を無効に$"]),
]  # fmt: skip


def make_figures(figures: Figures, mark: str, verdict: str, mean: float) -> Figures:
    """Figures in which every question that rests on contrasts has one answer."""
    found = copy.deepcopy(figures)
    contrast = {"mean": mean, "low": mean - 0.0625, "high": mean + 0.0625, "unit": "points"}
    for each in found["contrasts"].values():
        each |= contrast | {"verdict": verdict}
    for answer in found["answers"].values():
        answer["mark"] = mark if answer["rests_on"] else "sure"
    return found


def answer(language: str, figures: Figures) -> dict[str, dict[str, Any]]:
    words = load_words(language, figures)
    return {each["name"]: each for each in answer_questions(words, figures)}


@in_both
def test_committed_answers(pages: dict[str, Path], figures: Figures, language: str) -> None:
    """Question by question, with the mark of the results and no word of a specialist."""
    page, answers = pages[language].read_text(encoding="utf-8"), answer(language, figures)
    marks = load_words(language, figures)["answers"]["marks"]
    articles = re.findall(r"<article>(.*?)</article>", page, re.DOTALL)
    assert len(articles) == 10
    for article, (name, each) in zip(articles, answers.items(), strict=True):
        mark = figures["answers"][name]["mark"]
        assert f'class="mark {mark.replace(" ", "-")}">{marks[mark]}</span>' in article
        assert f"<p>{each['sentence']}</p>" in article
        assert re.findall("<li>(.*?)</li>", article) == each["statistics"]
        assert not re.search(SPECIALIST + "|{", each["sentence"])
    said = re.findall(r"(\d+) (?:of|組のうち) (\d+)", answers["one_run"]["sentence"])
    sizes = figures["answers"]["one_run"]["figures"]
    order = ("misleading", "pairs") if language == "en" else ("pairs", "misleading")
    assert said == [tuple(str(sizes[n][name]) for name in order) for n in ("48000", "1000")]
    # Its sentence has a figure of a contrast that it does not rest on.
    rise = [f"{figures['contrasts']['S5'][key]:.2f}" for key in ("mean", "low", "high")]
    assert re.findall(r"\d+\.\d\d\b", answers["early_stopping"]["statistics"][-1]) == rise


@in_both
def test_each_verdict_has_its_sentence(figures: Figures, language: str) -> None:
    """No case is without a sentence, and opposite verdicts have different ones."""
    cases = [
        ("sure", "supported", 0.2), ("sure", "contradicted", -0.2), ("likely", "undecided", 0.2),
        ("likely", "undecided", -0.2), ("sure", "equivalent", 0), ("not shown", "undecided", 0),
    ]  # fmt: skip
    answers = [answer(language, make_figures(figures, *case)) for case in cases]
    for name, committed in figures["answers"].items():
        if committed["rests_on"] and name != "how_much":
            yes, no, likely, against, same, open_ = (each[name]["sentence"] for each in answers)
            assert len({yes, no, same, open_}) == len({likely, against, same, open_}) == 4
    # The claim's verdict counts, not its first contrast's; one mean above 0 is in favour.
    found = make_figures(figures, "likely", "contradicted", -0.2)
    found["answers"]["help"]["mark"] = "sure"
    for name in ("A1", "B2"):
        found["contrasts"][name] |= {"mean": 0.2, "verdict": "supported"}
    said = answer(language, found)
    assert said["help"]["sentence"] == answers[1]["help"]["sentence"]
    assert said["where_placed"]["sentence"] == answers[2]["where_placed"]["sentence"]


@in_both
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "undecided"])
def test_figures_of_contrasts(figures: Figures, language: str, verdict: str) -> None:
    """Each with its own; a gain also in images of ten thousand."""
    found = make_figures(figures, "not shown" if verdict == "undecided" else "sure", verdict, -0.25)
    for name, gain in (("help", 0.5), ("which_rate", 0.75)):
        found["contrasts"][found["answers"][name]["rests_on"][1]]["mean"] = gain
    answers = answer(language, found)
    mnist, fashion = answers["help"]["statistics"]
    assert ("Fashion-MNIST" in mnist, "Fashion-MNIST" in fashion) == (False, True)
    for line, mean in ((mnist, "−0.250"), (fashion, "+0.500")):
        assert re.findall(r"[+−]\d\.\d+", line) == [mean, "−0.312", "−0.188"]
        assert load_words(language, found)["answers"]["verdicts"][verdict] in line
    assert re.findall(r"−?\b\d\d\b(?!,)", answers["how_much"]["sentence"]) == ["−25", "50"]
    changes = [figures["changes"][name]["test_loss"] for name in ("mnist", "fashion_mnist")]
    expected = [f"{change[side]:.3f}" for change in changes for side in ("without", "with")]
    assert re.findall(r"\d\.\d+", answers["how_much"]["statistics"][2]) == expected
    if verdict == "supported":
        assert re.findall(r"−?\d+\.\d", answers["where_most"]["sentence"]) == ["−0.2"]
        rates = re.findall(r"−?\d\.\d\d", answers["which_rate"]["sentence"])
        assert rates == ["−0.25", "0.75"]


@in_both
def test_gains_by_rate_and_images(figures: Figures, language: str) -> None:
    """All of them, in their order, from the results."""
    for name, knob, others in (
        ("which_rate", "dropout_rate", {"train_samples": 48_000}),
        ("where_most", "train_samples", {"dropout_rate": 0.5}),
    ):
        main = {"dataset": "mnist", "placement": "dense", "dense_units": 128} | others
        gains = [gain for gain in figures["gains"] if main.items() <= gain.items()]
        line = f"{{{knob}:,}} {{mean:+.3f}} {{low:+.3f}} {{high:+.3f}}"
        said = " ".join(line.format(**gain) for gain in gains)
        text = load_words(language, figures)["questions"][name]["also"].replace("−", "-")
        assert len(gains) > 3
        numbers = " ".join(re.findall(r"[+-]?\d[\d,]*(?:\.\d+)?", text))
        if name == "which_rate":  # then with 1,000 images, where higher ones do better
            assert f"{said} " in numbers
            gains = figures["secondary"]["rates"]
            said = " ".join("{rate} {mean:+.3f} {low:+.3f} {high:+.3f}".format(**g) for g in gains)
            means = {gain["rate"]: gain["mean"] for gain in gains}
            assert min(means[0.6], means[0.7], means[0.8]) > max(means[0.3], means[0.4], means[0.5])
        assert numbers.endswith(said)


def flatten(texts: Any, place: str = "") -> dict[str, str]:
    if isinstance(texts, dict):
        return {k: v for name, t in texts.items() for k, v in flatten(t, f"{place}.{name}").items()}
    return {place: " ".join(map(str, texts)) if isinstance(texts, list) else str(texts)}


def find(patterns: list[str], text: str) -> list[int | None]:
    """Return which of the patterns are found, one after the other."""
    return [found.lastindex for found in re.finditer("|".join(f"({p})" for p in patterns), text)]


def test_languages_say_the_same() -> None:
    """Figure by figure; where READMEs do not show it, words that could be swapped, in order."""
    paths = [ROOT / f"explore/words/{language}.yaml" for language in LANGUAGES]
    english, japanese = (YAML(typ="safe").load(path.read_text(encoding="utf-8")) for path in paths)
    for name in ("units", "data"):  # what the results call it is English
        english["answers"][name] = {key: key for key in japanese["answers"][name]}
    english, japanese = flatten(english), flatten(japanese)
    assert english.keys() == japanese.keys()
    for place, text in english.items():
        first, second = (re.findall(r"\{.*?\}", each) for each in (text, japanese[place]))
        assert sorted(second) == sorted(first), place
        if re.match(r"\.(answers|contrasts|guess|knobs|look|script)\.", place):
            for words in SWAPPABLE:
                assert find(words[0], text) == find(words[1], japanese[place]), (place, words)


def test_what_is_missing_or_damaged_is_named(
    figures: Figures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for language in LANGUAGES:
        assert "make seeds N=5" in describe_own_run(None, load_words(language, figures))
        with pytest.raises(InputError, match=rf"{language}.yaml: no such figure: .*'changes'"):
            load_words(language, {k: v for k, v in figures.items() if k != "changes"})
    with pytest.raises(InputError, match="two seeds or more of mnist"):
        find_place({}, BASE)
    monkeypatch.chdir(tmp_path)
    for name, remedy in (("metrics/results", "make study"), ("explore/networks", "python -m ex")):
        path = Path(f"{name}.json")
        path.parent.mkdir()
        for content, reason in (("", "No such file"), ("{", "not JSON")):
            if content:
                path.write_text(content)
            with pytest.raises(InputError, match=f"^{path}: {reason}.*Git, or run `{remedy}"):
                load_figures()
        path.write_text("{}")
