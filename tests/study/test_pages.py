"""What the pages say of made-up studies; and the committed pages, of the committed one."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from experiment.errors import InputError
from experiment.markdown import blocks_of
from experiment.parameters import load_parameters
from study.answer import ENGLISH, JAPANESE, Language, answer
from study.claims import CLAIMS
from study.found import Found, read_found
from study.grid import Run
from study.judging import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, Judged
from study.meaning import ADVICE, meaning_section
from study.pages import PROGRAM, main, pages
from study.parameters import Block, load_study_parameters
from study.sections import (
    PICTURES,
    gains_section,
    pictures_section,
    run_section,
    same_as_pipeline,
)
from study.store import Entry
from study.summarise import CLAIMS as CLAIMS_FILE
from study.summarise import SUMMARY, write_nested
from study.summarise import main as summarise
from study.table import Table
from study.tables import write_tables
from tests.conftest import ROOT, set_parameters
from tests.conftest import Run as RunCommand

NONE, DENSE, POOLING = ("none", 0.0), ("dense", 0.5), ("pooling", 0.5)

# What Dropout adds, for three seeds, and so the verdict on a claim that it is above 0.
CHANGES = {
    SUPPORTED: (0.001, 0.002, 0.003),
    CONTRADICTED: (-0.001, -0.002, -0.003),
    UNDECIDED: (-0.002, 0.001, 0.002),
}
PAGES = ("README.md", "README.ja.md", "docs/results.md")


def runs(
    gains: Iterable[float] = CHANGES[SUPPORTED],
    *,
    rises: Iterable[float] = (0.0, 0.0, 0.0),
    datasets: Iterable[str] = ("mnist",),
    places: Iterable[tuple[str, float]] = (NONE, DENSE),
    samples: int = 48_000,
) -> list[Entry]:
    """Runs of 20 epochs with three seeds: accuracy 0.98 and rise 0.03 without Dropout."""
    entries = []
    for dataset, (place, rate) in product(datasets, places):
        for seed, (gain, rise) in enumerate(zip(gains, rises, strict=True)):
            metrics = {
                "test_accuracy": 0.98 + (gain if rate else 0),
                "validation_loss_rise": 0.03 + (rise if rate else 0),
                "best_epoch": 4,
                "training_accuracy": 0.9999,
                "validation_accuracy": 0.98,
                "best_validation_accuracy": 0.981,
                "validation_loss": 0.08,
                "best_validation_loss": 0.05,
            }
            curve = [
                {"epoch": epoch, "accuracy": 0.9, "loss": 0.1, "val_accuracy": 0.9, "val_loss": 0.1}
                for epoch in (1, 2)
            ]
            entries.append(Entry(Run(dataset, place, rate, samples, 20, seed), metrics, curve))  # type: ignore[arg-type]
    return entries


def found_in(entries: list[Entry]) -> Found:
    """What `read_found` reads; intervals are from the smallest to the largest value."""
    table = Table(pd.DataFrame([{**asdict(entry.run), **entry.metrics} for entry in entries]))

    def summary(values: pd.DataFrame) -> dict[str, dict[str, float]]:
        described = values.agg(["mean", "std", "min", "max"])
        described.index = pd.Index(["mean", "sd", "low", "high"])
        return {
            name: {**figures, "p": 0.25, "p_corrected": 0.5} for name, figures in described.items()
        }

    settings = table.settings()
    compared = [s for s in settings if s.placement != "none" and s.without_dropout() in settings]
    differences = {
        str(setting): summary(table.of(setting) - table.of(setting.without_dropout()))
        for setting in compared
    }
    return Found(
        table,
        {"differences": differences, "settings": {str(s): summary(table.of(s)) for s in settings}},
        [],
        load_parameters(ROOT / "params.yaml"),
        load_study_parameters(ROOT / "study/params.yaml"),
    )


def figures(text: str) -> list[str]:
    """The figures of an item, in their order."""
    return re.findall(r"[+\N{MINUS SIGN}]?\d+[.,]\d+", text)


def test_answer_has_means_and_differences_with_intervals() -> None:
    found = found_in(runs((0.002,) * 3, rises=(-0.0123,) * 3))
    assert " ".join(answer(found).split()) == (
        "What Dropout does, with rate 0.5 behind the dense layer (means over seeds, with their 95 %"
        " intervals): - **MNIST: it reduces overfitting; it improves accuracy on unseen images.**"
        " Over 3 seeds and with 48,000 training images, accuracy on test images goes from 98.00 %"
        " to 98.20 %, by +0.200 percentage points [+0.200 to +0.200]. The rise of the validation"
        " loss, from its lowest value to the last epoch's, goes from 0.0300 to 0.0177, by −0.0123"
        " [−0.0123 to −0.0123]."
    )


@pytest.mark.parametrize("language", [ENGLISH, JAPANESE], ids=["english", "japanese"])
@pytest.mark.parametrize("gain", CHANGES)
@pytest.mark.parametrize("rise", CHANGES)
def test_words_follow_from_the_intervals(gain: str, rise: str, language: Language) -> None:
    """A rise that gets smaller is what reduces overfitting."""
    rises = tuple(-change for change in CHANGES[rise])
    text = " ".join(answer(found_in(runs(CHANGES[gain], rises=rises)), language).split())
    stop = "; " if language is ENGLISH else "。"
    assert f"**MNIST: {language.overfitting[rise]}{stop}{language.accuracy[gain]}" in text
    others = set(language.accuracy.values()) - {language.accuracy[gain]}
    assert not [other for other in others if f"{stop}{other}" in text]


def test_both_languages_have_the_same_figures_for_both_data_sets() -> None:
    found = found_in(runs(CHANGES[UNDECIDED], datasets=("fashion_mnist", "mnist")))
    english, japanese = answer(found, ENGLISH), answer(found, JAPANESE)
    assert figures(japanese) == figures(english)
    assert len(figures(english)) == 1 + 2 * 11
    for text in (english, japanese):
        assert text.index("- **MNIST: ") < text.index("- **Fashion-MNIST: ")


def test_japanese_lines_end_only_with_a_paragraph() -> None:
    lines = answer(found_in(runs()), JAPANESE).splitlines()
    assert lines[1] == ""
    assert [line[:2] for line in lines[2:]] == ["- "]


@pytest.mark.parametrize("places", [(NONE,), (DENSE,), (NONE, POOLING), (NONE, ("dense", 0.3))])
def test_without_the_runs_that_are_compared_nothing_is_said(
    places: tuple[tuple[str, float], ...],
) -> None:
    found = found_in(runs(places=places))
    assert answer(found, ENGLISH) == ENGLISH.not_measured
    assert answer(found, JAPANESE) == JAPANESE.not_measured
    assert gains_section(found).startswith("| data set | training images |")
    assert "√2" not in meaning_section(found)


@pytest.mark.parametrize(("seeds", "first"), [(3, "15 runs."), (9, "15 runs of the 18 in")])
def test_grid_is_told_as_far_as_it_was_run(
    seeds: int, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = found_in([*runs(places=(NONE, DENSE, POOLING)), *runs(samples=100)])
    block = Block(
        dataset="mnist",
        dropout_rates=[0.0, 0.5],
        placements=["dense"],
        train_samples=None,
        epochs=None,
    )
    grid = {"grid": [block], "seeds": list(range(seeds))}
    lines = run_section(replace(found, study=found.study.model_copy(update=grid))).split("\n")
    assert lines[0].startswith(first)
    assert lines[4:7] == [
        "| MNIST | 48,000 | dense layer | 0, 0.5 | 20 | 30,000 | 3 | 6 |",
        "| MNIST | 48,000 | pooling | 0.5 | 20 | 30,000 | 3 | 3 |",
        "| MNIST | 100 | dense layer | 0, 0.5 | 20 | 80 | 3 | 6 |",
    ]


@pytest.mark.parametrize("same", [True, False, None])
def test_environment_is_the_pipelines_where_its_numbers_are_the_same(
    same: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    found = found_in(runs())
    if same is not None:
        shutil.copy(ROOT / "metrics/no_dropout.environment.json", "metrics")
        metrics = {"test_accuracy": 0.98, "best_epoch": 4 if same else 5}
        Path("metrics/no_dropout.json").write_text(json.dumps(metrics))
    assert same_as_pipeline(found) is same
    text = " ".join(run_section(found).split())
    assert ("both ran with Python 3." in text) is (same is True)
    assert ("was run in another environment than" in text) is (same is False)


def test_gain_of_each_setting_has_interval_and_p() -> None:
    text = gains_section(found_in(runs((-0.001,) * 3, places=(NONE, DENSE, POOLING))))
    gain = "−0.100 [−0.100 to −0.100] | 0.25 | 0.5 |"
    assert text.split("\n")[2:5] == [
        "| MNIST | 48,000 |  | 0 | 98.00 % |  |  |  |",
        f"| MNIST | 48,000 | dense layer | 0.5 | 97.90 % | {gain}",
        f"| MNIST | 48,000 | pooling | 0.5 | 97.90 % | {gain}",
    ]
    words = " ".join(text.split())
    # Two of the 8 patterns of signs are as far from 0 as the one with one sign.
    assert "Holm's method for 2 settings. With 3 seeds no p can be below 0.25" in words
    assert words.endswith("So no p here can reach 0.05: judge by the intervals.")


@pytest.mark.parametrize("verdict", [SUPPORTED, CONTRADICTED, UNDECIDED])
def test_there_is_advice_for_each_verdict(verdict: str) -> None:
    assert {claim.id for claim in CLAIMS} - set(ADVICE) == {"C1", "C3"}  # what curves look like
    claims = [Judged(claim.id, claim.text, claim.rule, (), verdict) for claim in CLAIMS]
    text = " ".join(meaning_section(replace(found_in(runs()), claims=claims)).split())
    given = [advice[verdict].partition("{")[0] for advice in ADVICE.values()]
    assert all(f"- {start}" in text for start in given)
    assert text.count("- **") == len(ADVICE) + 1
    assert ("lowest after epoch 4.0, on average" in text) is (verdict == SUPPORTED)


def test_what_was_not_judged_gives_no_advice() -> None:
    claims = [Judged(claim.id, claim.text, claim.rule, (), NOT_MEASURED) for claim in CLAIMS]
    text = " ".join(meaning_section(replace(found_in(runs()), claims=claims)).split())
    assert text.startswith("- **Do not trust a single run.**")
    assert "of 0.000 percentage points without and 0.100 with Dropout;" in text


def test_pictures_are_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pictures_section() == ""
    (tmp_path / "plots").mkdir()
    for name in ("study_sizes", "study_loss", "other"):
        (tmp_path / f"plots/{name}.png").write_bytes(b"")
    assert pictures_section() == "\n\n".join(
        f"![{PICTURES[name]}](../plots/{name}.png)" for name in ("study_loss", "study_sizes")
    )


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's pages and parameters, as the current one; no study."""
    folder = tmp_path / "work space é"
    for name in (*PAGES, "params.yaml", "study/params.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    set_parameters(folder / "study", statistics__resamples=200)
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> Mapping[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in PAGES}


def test_command_fills_the_pages_from_the_files_of_the_study(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["pages"])
    main()
    before = contents(study)
    for page in before.values():
        for text in blocks_of(page, PROGRAM).values():
            assert text in (ENGLISH.not_measured, JAPANESE.not_measured)

    write_tables(runs())
    summarise()
    main()
    after = contents(study)
    for name, blocks in pages(read_found()).items():
        assert blocks_of(after[name], PROGRAM) == blocks
        assert not {ENGLISH.not_measured, JAPANESE.not_measured} & set(blocks.values())
        assert beside_the_blocks(after[name]) == beside_the_blocks(before[name])
    results = after["docs/results.md"]
    for claim_id, judged in json.loads(CLAIMS_FILE.read_text()).items():
        row = next(line for line in results.split("\n") if f"**{claim_id}**" in line)
        assert row.startswith(f"| **{claim_id}** {judged['claim']} | {judged['rule']} |")
        assert row.endswith(f" | **{judged['verdict']}** |")

    main()
    assert contents(study) == after


def beside_the_blocks(page: str) -> str:
    return re.sub(r"^<!-- study: .*?^<!-- /study -->$", "", page, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        *product([SUMMARY, CLAIMS_FILE], ["{", "[]", '{"C1": {}}', '{"C1": 1}', '{"C1": null}']),
        (SUMMARY, "{}"),
    ],
)
def test_damaged_files_are_one_line(study: Path, file: Path, text: str) -> None:
    write_tables(runs())
    write_nested(SUMMARY, {"differences": {}, "noise": {}, "settings": {}})
    write_nested(CLAIMS_FILE, {})
    file.write_text(text)
    with pytest.raises(
        InputError, match=r"not as the study writes them .*; run `make study`"
    ) as raised:
        read_found()
    assert "\n" not in str(raised.value)


def test_page_without_its_marks_is_one_line(study: Path, run: RunCommand) -> None:
    page = study / "README.ja.md"
    page.write_text("# Title\n")
    done = run(study, "study.pages")
    assert done.returncode == 1
    assert done.stderr == (
        "pages: README.ja.md: expected, once each, the blocks answer; found none; put back"
        " <!-- study: NAME --> and <!-- /study -->\n"
    )
    assert page.read_text() == "# Title\n"


def test_committed_pages_are_those_of_the_committed_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `python -m study.pages` after `make study`."""
    monkeypatch.chdir(ROOT)
    expected = pages(read_found())
    assert set(expected) == set(PAGES)
    for page, blocks in expected.items():
        assert blocks_of((ROOT / page).read_text(encoding="utf-8"), PROGRAM) == blocks
