"""The tables of the pages, on made-up runs; and the sentences beside them."""

from dataclasses import replace

import pytest

from study.contrasts import FRESH_SEEDS, Result, judge_all
from study.pages import (
    figures_block,
    main_setting,
    outdated_marks,
    primary_block,
    runs_block,
    secondary_block,
    verdict,
)
from study.paths import STORE
from study.statistics import Estimate, estimate
from study.store import read_entries
from study.table import Table, table_of
from tests.conftest import ROOT
from tests.study.made_up import entries

PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")
ENTRIES = entries()
TABLE = table_of(ENTRIES)
RESULTS = judge_all(TABLE)


def rows(block: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in block.splitlines()[2:]]


@pytest.fixture(scope="module")
def committed() -> Table:
    return table_of(entry for _, entry in read_entries(ROOT / STORE))


def test_every_sentence_rests_on_verdicts_that_hold(committed: Table) -> None:
    """Write the sentences that are named here anew, then their marks."""
    assert [*outdated_marks(PAGE, judge_all(committed))] == []
    answers = PAGE.split("<!-- study: figures -->")[0]
    for name in ("P1", "P2", "P3", "P6", "P7", "P8", "S5", "S8", "S9a", "S11", "S12"):
        assert f" {name} " in answers.replace(";", "")


def test_words_without_a_verdict_have_the_figures(committed: Table) -> None:
    """The gains by data set and number of images, and how much another seed changes."""
    gains = {
        (s.dataset, s.train_samples): estimate(100 * (b["test_accuracy"] - a["test_accuracy"]))
        for s in committed.settings() if s.dense_units == 128
        if (s.placement, s.dropout_rate) == ("dense", 0.5)
        for a, b in [committed.pair(s)]
    }  # fmt: skip
    mnist = gains["mnist", 48_000]
    assert 0.15 <= mnist.mean < 0.25
    assert 0.5 < gains["fashion_mnist", 48_000].mean < 0.75
    assert max(gains, key=lambda key: gains[key].mean) == ("mnist", 1_000)
    assert gains["mnist", 100].low < 0 < gains["mnist", 100].high
    by_units = {
        s.dense_units: estimate(b["test_accuracy"] - a["test_accuracy"])
        for s in committed.settings()
        if (s.train_samples, s.placement, s.dropout_rate) == (5_000, "dense", 0.5)
        for a, b in [committed.pair(s)]
    }
    assert max(by_units, key=lambda units: by_units[units].mean) == 128
    assert by_units[1_024].low < 0 < by_units[1_024].high
    without, _ = committed.pair(main_setting("mnist"))
    assert 0.5 < 100 * without["test_accuracy"].std() / mnist.mean < 1.5


def test_mark_that_no_longer_holds_is_named_with_its_sentence() -> None:
    page = """First.
    <!-- rests on: P1 supported; P4 of all seeds above -->
    It helps on
    Fashion. <!-- rests on: P2 undecided; P2 of all seeds open -->"""
    first, second = outdated_marks(page, RESULTS)
    assert first.startswith("written for P2 'undecided', which is 'supported' now: ...")
    assert first.endswith("It helps on Fashion.")
    assert second.startswith(
        "written for P2 'of all seeds open', which is 'of all seeds above' now"
    )


def test_contrast_that_is_not_there_says_how_far_it_is() -> None:
    part = [e for e in ENTRIES if e.run != ENTRIES[0].run]  # MNIST without Dropout, one seed
    found = judge_all(table_of(part))
    by_name = {row[0]: row for row in rows(primary_block(found))}
    assert by_name["P1"][3:8] == ["", "", "", "", "not yet (15 of 16 runs)"]
    assert by_name["P2"][7] == "**supported**"
    by_name = {row[0]: row for row in rows(secondary_block(found))}
    assert by_name["S2"][5:7] == ["", "not yet (7 of 8 runs)"]
    assert by_name["S3"][3:5] == ["%", "below 99.5"]


@pytest.mark.parametrize(
    ("low", "corrected", "flipped", "expected"),
    [
        (0.1, 0.01, 0.01, "**undecided**"),
        (-0.1, 0.2, 0.2, "**undecided**"),
        (0.1, 0.06, 0.01, "**undecided**; the interval is not corrected for eight contrasts"),
        (0.1, 0.01, 0.06, "**undecided**; the exact test disagrees"),
        (-0.1, 1.0, 0.04, "**undecided**; the exact test disagrees"),
    ],
)
def test_interval_and_p_that_disagree_have_a_word(
    low: float, corrected: float, flipped: float, expected: str
) -> None:
    found: Result = replace(
        RESULTS["P1"], fresh=Estimate(8, 0.2, 0.1, low, 0.4, 0.01), p_sign_flip=flipped,
        p_corrected=(corrected, corrected), verdict="undecided",
    )  # fmt: skip
    assert verdict(found) == expected


def test_gain_for_new_images_is_told_where_seeds_are_enough() -> None:
    [first, *_] = rows(figures_block(ENTRIES, TABLE))
    assert first[5].endswith(", 8 seeds, from the test images that each run gets wrong")
    few = [e for e in ENTRIES if e.run.seed < FRESH_SEEDS[4]]
    [first, *_] = rows(figures_block(few, table_of(few)))
    assert first[1] == "4"
    assert first[-1].endswith("]")  # the next cell is empty


def test_grid_is_told_as_far_as_it_was_run() -> None:
    found = rows(runs_block(TABLE, batch_size=32))
    assert found[0] == [
        "MNIST", "48,000", "128", "dense layer", "0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8", "20",
        "30,000", "8", "72",
    ]  # fmt: skip
    assert sum(int(row[-1]) for row in found) == len(ENTRIES)


def test_page_of_the_study_names_every_file_that_is_made_from_runs() -> None:
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    for top in ("metrics", "plots"):
        for path in (ROOT / top).glob("study*"):
            assert f"`{path.relative_to(ROOT).as_posix()}`" in page, path
