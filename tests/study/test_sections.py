"""What is said of made-up studies: the answer, and the sections of docs/results.md."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from study.answer import ACCURACY, NOT_RUN, OVERFITTING, answer
from study.claims import CLAIMS
from study.judging import CONTRADICTED, NOT_MEASURED, SUPPORTED, UNDECIDED, ClaimResult, PartResult
from study.meaning import ADVICE, meaning_section
from study.parameters import Block
from study.sections import (
    PICTURES,
    claims_section,
    gains_section,
    pictures_section,
    run_section,
    same_as_pipeline,
)
from study.statistics import Estimate
from tests.study.three_seeds import CHANGES, DENSE, NONE, POOLING, results_of, runs


def figures(text: str) -> list[str]:
    """The figures of an item, in their order."""
    return re.findall(r"[+\N{MINUS SIGN}]?\d+[.,]\d+", text)


def test_answer_has_means_and_differences_with_intervals() -> None:
    found = results_of(runs((0.002,) * 3, rises=(-0.0123,) * 3))
    assert " ".join(answer(found).split()) == (
        "What Dropout does, with rate 0.5 after the dense layer (means over seeds, with their 95 %"
        " intervals): - **MNIST: it reduces overfitting; it improves accuracy on unseen images.**"
        " Over 3 seeds and with 48,000 training images, accuracy on test images goes from 98.00 %"
        " to 98.20 %, by +0.200 percentage points [+0.200 to +0.200]. The rise of the validation"
        " loss, from its lowest value to the last epoch's, goes from 0.0300 to 0.0177, by −0.0123"
        " [−0.0123 to −0.0123]."
    )


@pytest.mark.parametrize("gain", CHANGES)
@pytest.mark.parametrize("rise", CHANGES)
def test_words_follow_from_the_intervals(gain: str, rise: str) -> None:
    """A rise that gets smaller is what reduces overfitting."""
    rises = tuple(-change for change in CHANGES[rise])
    text = " ".join(answer(results_of(runs(CHANGES[gain], rises=rises))).split())
    assert f"**MNIST: {OVERFITTING[rise]}; {ACCURACY[gain]}" in text
    others = set(ACCURACY.values()) - {ACCURACY[gain]}
    assert not [other for other in others if f"; {other}" in text]


def test_both_data_sets_are_there_in_their_order() -> None:
    text = answer(results_of(runs(CHANGES[UNDECIDED], datasets=("fashion_mnist", "mnist"))))
    assert len(figures(text)) == 1 + 2 * 11
    assert text.index("- **MNIST: ") < text.index("- **Fashion-MNIST: ")


@pytest.mark.parametrize("places", [(NONE,), (DENSE,), (NONE, POOLING), (NONE, ("dense", 0.3))])
def test_without_the_runs_that_are_compared_nothing_is_said(
    places: tuple[tuple[str, float], ...],
) -> None:
    found = results_of(runs(places=places))
    assert answer(found) == NOT_RUN
    assert gains_section(found).startswith("| data set | training images |")
    assert "√2" not in meaning_section(found)


@pytest.mark.parametrize(("seeds", "first"), [(3, "15 runs."), (9, "15 runs of the 18 in")])
def test_grid_is_told_as_far_as_it_was_run(
    seeds: int, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = results_of([*runs(places=(NONE, DENSE, POOLING)), *runs(samples=100)])
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


def test_rates_with_more_seeds_than_others_have_their_own_line() -> None:
    entries = [e for e in runs() if e.run.dropout_rate == 0.0 or e.run.seed < 2]
    assert run_section(results_of(entries)).split("\n")[4:6] == [
        "| MNIST | 48,000 | dense layer | 0 | 20 | 30,000 | 3 | 3 |",
        "| MNIST | 48,000 | dense layer | 0.5 | 20 | 30,000 | 2 | 2 |",
    ]


@pytest.mark.parametrize("same", [True, False, None])
def test_comparison_with_the_pipeline_names_what_is_seen_and_no_version(
    same: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    found = results_of(runs())
    if same is not None:
        metrics = {"test_accuracy": 0.98, "best_epoch": 4 if same else 5}
        Path("metrics/no_dropout.json").write_text(json.dumps(metrics))
    assert same_as_pipeline(found) is same
    text = " ".join(run_section(found).split())
    assert ("the study gives the pipeline's committed metrics" in text) is (same is True)
    assert ("the study does not give the pipeline's" in text) is (same is False)
    assert ("metrics/no_dropout.environment.json" in text) is (same is not None)
    # The file with the versions is another after a run elsewhere: a page with them would be, too.
    assert not re.search(r"\b3\.\d+", text)


def test_gain_of_each_setting_has_interval_and_p() -> None:
    text = gains_section(results_of(runs((-0.001,) * 3, places=(NONE, DENSE, POOLING))))
    gain = "−0.100 [−0.100 to −0.100] | 0.25 | 0.5 |"
    assert text.split("\n")[2:5] == [
        "| MNIST | 48,000 |  | 0 | 98.00 % |  |  |  |",
        f"| MNIST | 48,000 | dense layer | 0.5 | 97.90 % | {gain}",
        f"| MNIST | 48,000 | pooling | 0.5 | 97.90 % | {gain}",
    ]
    words = " ".join(text.split())
    # Two of the 8 patterns of signs are as far from 0 as the one with one sign.
    assert "Holm's method for 2 settings. Before that correction, no p can be below 0.25" in words
    assert words.endswith(
        "0.25 with 3 seeds. So with 3 seeds none can reach 0.05: judge by intervals."
    )


def test_smallest_p_is_told_for_each_number_of_seeds() -> None:
    """A setting with two seeds beside one with three: 2 / 2^2 and 2 / 2^3."""
    entries = [
        entry
        for entry in runs(places=(NONE, DENSE, POOLING))
        if entry.run.placement != "pooling" or entry.run.seed < 2
    ]
    words = " ".join(gains_section(results_of(entries)).split())
    assert "no p can be below 0.5 with 2 seeds and 0.25 with 3 seeds." in words
    assert words.endswith("So with 2 or 3 seeds none can reach 0.05: judge by intervals.")


@pytest.mark.parametrize("verdict", [SUPPORTED, CONTRADICTED, UNDECIDED])
def test_there_is_advice_for_each_verdict(verdict: str) -> None:
    assert {claim.id for claim in CLAIMS} - set(ADVICE) == {"C1", "C3"}  # what curves look like
    claims = [ClaimResult(claim.id, claim.text, claim.rule, (), verdict) for claim in CLAIMS]
    text = " ".join(meaning_section(replace(results_of(runs()), claims=claims)).split())
    given = [advice[verdict].partition("{")[0] for advice in ADVICE.values()]
    assert all(f"- {start}" in text for start in given)
    assert text.count("- **") == len(ADVICE) + 1
    assert ("lowest after epoch 4.0, on average" in text) is (verdict == SUPPORTED)


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (Estimate(0.0, 0.0, 0.0, 0.0), "0 [0, 0]"),
        (Estimate(3e-7, 0.0, 0.0, 0.00005), "3.0e-07 [0, 0.0001]"),
        (Estimate(-0.25, 0.1, -0.5, -0.00004), "-0.2500 [-0.5000, -4.0e-05]"),
        (None, "not measured"),
    ],
)
def test_claims_show_nothing_as_zero_that_is_not(figure: Estimate | None, shown: str) -> None:
    part = PartResult("gain", figure, SUPPORTED)
    claims = [ClaimResult("C1", "It gains.", "The gain is above 0.", (part,), SUPPORTED)]
    row = claims_section(claims, results_of(runs()).study.statistics).split("\n")[-1]
    assert row == f"| **C1** It gains. | The gain is above 0. | gain: {shown} | **supported** |"


def test_what_was_not_judged_gives_no_advice() -> None:
    claims = [ClaimResult(claim.id, claim.text, claim.rule, (), NOT_MEASURED) for claim in CLAIMS]
    text = " ".join(meaning_section(replace(results_of(runs()), claims=claims)).split())
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


def test_level_is_told_with_all_its_digits() -> None:
    found = results_of(runs())
    how = found.study.statistics.model_copy(update={"confidence_level": 0.999})
    exact = replace(found, study=found.study.model_copy(update={"statistics": how}))
    for text in (answer(exact), gains_section(exact)):
        assert "99.9" in text
