"""The tables of the pages, on made-up runs; and the sentences beside them."""

from dataclasses import replace

import pandas as pd
import pytest

from study.contrasts import FRESH_SEEDS, Result, judge_all
from study.new_images import FROM_ERRORS, FROM_VALIDATION, gain_for_new_images
from study.pages import (
    figure,
    figures_block,
    inference_block,
    main_setting,
    outdated_marks,
    p_value,
    primary_block,
    runs_block,
    secondary_block,
    settings_block,
    verdict,
)
from study.paths import STORE
from study.statistics import Estimate, estimate
from study.store import read_entries
from study.table import table_of
from tests.conftest import ROOT
from tests.study.made_up import entries

ENTRIES = entries()
TABLE = table_of(ENTRIES)
RESULTS = judge_all(TABLE)


def rows(block: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in block.splitlines()[2:]]


def test_every_sentence_rests_on_verdicts_that_hold() -> None:
    """Write the sentences that are named here anew, then their marks."""
    results = judge_all(table_of(entry for _, entry in read_entries(ROOT / STORE)))
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert [*outdated_marks(page, results)] == []


def test_words_without_a_verdict_have_the_figures() -> None:
    """The gains by data set and number of images, and how much another seed changes."""
    table = table_of(entry for _, entry in read_entries(ROOT / STORE))
    gains = {
        (s.dataset, s.train_samples): estimate(100 * (b["test_accuracy"] - a["test_accuracy"]))
        for s in table.settings() if s.dense_units == 128
        if (s.placement, s.dropout_rate) == ("dense", 0.5)
        for a, b in [table.pair(s)]
    }  # fmt: skip
    mnist = gains["mnist", 48_000]
    assert 0.15 <= mnist.mean < 0.25
    assert 0.5 < gains["fashion_mnist", 48_000].mean < 0.75
    assert max(gains, key=lambda key: gains[key].mean) == ("mnist", 1_000)
    assert gains["mnist", 100].low < 0 < gains["mnist", 100].high
    without, _ = table.pair(main_setting("mnist"))
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


def test_page_has_a_mark_for_each_of_the_six_answers() -> None:
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    answers = page.split("<!-- study: figures -->")[0]
    for name in ("P1", "P2", "P3", "P6", "P7", "P8", "S5", "S8", "S9a", "S11"):
        assert f" {name} " in answers.replace(";", "")


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


def test_columns_of_a_setting_subtract_over_the_seeds_that_both_have() -> None:
    lacking = [e for e in ENTRIES if (e.run.placement, e.run.seed) != ("both", 10)]
    found = {tuple(row[:5]): row[5:] for row in rows(settings_block(table_of(lacking)))}
    seeds, without, with_it, gain, *_ = found["MNIST", "48,000", "128", "both", "0.5"]
    assert seeds == "7"
    assert float(with_it) - float(without) == pytest.approx(float(gain.split()[0]), abs=0.0011)
    assert next(iter(found))[:4] == ("MNIST", "48,000", "128", "dense layer")
    assert [*found][-1][0] == "Fashion-MNIST"


def test_interval_for_new_images_is_from_the_wrong_images_where_there_are_enough() -> None:
    found = gain_for_new_images(ENTRIES, TABLE, "fashion_mnist")
    assert found
    assert (found[0].seeds, found[1]) == (8, FROM_ERRORS)
    over_seeds = RESULTS["P2"].fresh
    assert over_seeds
    assert found[0].mean == pytest.approx(over_seeds.mean, abs=0.01)  # errors are whole images
    assert found[0].high > over_seeds.high
    few = [e for e in ENTRIES if e.run.seed < FRESH_SEEDS[4]]
    rough = gain_for_new_images(few, table_of(few), "fashion_mnist")
    assert rough
    assert (rough[0].seeds, rough[1]) == (4, FROM_VALIDATION)
    assert gain_for_new_images([], table_of(few[:1]), "mnist") is None


def test_figures_are_of_both_data_sets() -> None:
    found = rows(figures_block(ENTRIES, TABLE))
    assert [row[0].split(":")[0] for row in found] == ["MNIST", "Fashion-MNIST"] * 2
    assert found[0][1] == "8"
    assert found[0][2:4] == ["97.99", "98.40"]


def test_grid_is_told_as_far_as_it_was_run() -> None:
    found = rows(runs_block(TABLE, batch_size=32))
    assert found[0] == [
        "MNIST", "48,000", "128", "dense layer", "0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8", "20",
        "30,000", "8", "72",
    ]  # fmt: skip
    assert sum(int(row[-1]) for row in found) == len(ENTRIES)


def test_sessions_are_what_is_repeated() -> None:
    sessions = pd.DataFrame(
        {"passes": [40, 20], "with_layer": [2.0, 3.0], "without_layer": [2.0, 2.0]}
    )
    assert rows(inference_block(sessions)) == [["2", "60", "1.250 [-1.927 to 4.427]"]]


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (-0.0421, "points", "−0.042"),
        (0.2, "points", "+0.200"),
        (99.9187, "%", "99.92"),
        (0.00004, "nats", "+0.0000"),
    ],
)
def test_figure_has_the_digits_of_its_unit(value: float, unit: str, expected: str) -> None:
    assert figure(value, unit) == expected


def test_p_has_four_digits() -> None:
    assert [p_value(p) for p in (None, 0.00004, 0.0078125, 1.0)] == [
        "", "<0.0001", "0.0078", "1.0000",
    ]  # fmt: skip


def test_page_of_the_study_names_every_file_that_is_made_from_runs() -> None:
    page = (ROOT / "docs/study.md").read_text(encoding="utf-8")
    for top in ("metrics", "plots"):
        for path in (ROOT / top).glob("study*"):
            assert f"`{path.relative_to(ROOT).as_posix()}`" in page, path
