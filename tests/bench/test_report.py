"""The page, from made-up results; and the committed page and README, from the committed ones."""

import json
from typing import Any

import pytest

from bench.comparison import compare_curves, count_with_zero
from bench.picture import draw
from bench.report import blocks_of_pages, first_paragraph, page
from experiment.presentation.markdown import blocks_of
from tests.bench.conftest import made_up_pairs
from tests.conftest import ROOT


def test_headline_is_the_median_of_the_ratios(results: dict[str, Any]) -> None:
    text = " ".join(first_paragraph(results).split())
    assert text == (
        "A plain Keras script of this experiment takes **2.50 times** as long as the pipeline's two"
        " trainings: the median of 5 pairs, in turn, 1.50 to 4.00 (93.75 %); 2 epochs, 2 cores,"
        " made-up processor. Its largest process takes 2.50 times the memory of the pipeline's, all"
        " its processes 2.50 times that of all of the pipeline's."
    )


@pytest.mark.parametrize(
    "line",
    [
        "| seconds | 25.0 | 10.0 | 2.50 | 1.50 to 4.00 (93.75 %) |",
        "| largest process, MB | 1000 | 400 | 2.50 | 2.50 to 2.50 (93.75 %) |",
        "| 2 | 15.0 | 10.0 | 1.50 | 10% |",  # a fifth of the seconds, on two cores
        # Halves of 0.5 -+ ratio / 100. The ratios' variance is 0.925, so the standard error
        # sqrt(2 * 0.925 / 5) / 200, and Student's t of 8 degrees of freedom 2.306.
        "| validation loss, dropout | 0.2370 | 0.2630 | +0.0260 | +0.0190 to +0.0330 |",
        "Over all epochs, 0 lies in 0 of 8 such intervals.",
        "| floor | 11.00 | 1.0 |",  # twice 5.499; see test_floor.py
        "| pipeline | 5.00 | 0.5 |",
        "| plain script | 12.50 | 1.1 |",
        "| `dvc repro` | 3.00 | 1.50 | 1.50 to 1.50 (93.75 %) |",
        "With another rate (0.3), `make repro` takes 42.0 s to the new curves, for 2 epochs.",
        "It runs check, train_dropout. One more revision takes 8.4 MB in DVC's cache and 5 kB",
        "| check | 1.0 | 0.5 | 50 |",
        "| 1 | 90 | 170.0 | 10.0 | 340.0 | 200% |",
        "| 2 | 120 | 136.0 | 16.0 | 204.0 | 75% |",
        "Two workers take **0.80** of the time of one: the median of 1 rounds, 0.80 to 0.80 (0 %).",
        "one half, times the ratio of the CPU seconds (0.60, 0.60 to 0.60 (0 %))",
        "in which the cores were at work (2.67, 2.67 to 2.67 (0 %))",
        "The larger loss is waiting.",
        "| copies of 128 MB | the memory | 2.00 | 1.25 to 2.50 (75 %) |",
        "`make test`: 7 tests in 61 s (122 s of CPU).",
    ],
)
def test_page_has_each_figure(line: str, results: dict[str, Any]) -> None:
    text = page(results)
    assert line in (text if line.startswith("|") else " ".join(text.split()))


def test_parts_that_were_not_measured_are_left_out(results: dict[str, Any]) -> None:
    text = page({"study": results["study"]})
    assert text.startswith("# Speed\n\nNot measured yet: `make bench`.\n\n## The study")
    assert text.count("## ") == 1


def test_one_pair_is_no_comparison_of_curves() -> None:
    pairs = made_up_pairs([2.0])
    assert compare_curves(pairs) == []
    assert len(draw(pairs).axes) == 3


def test_curves_that_differ_by_less_than_they_spread_hold_zero() -> None:
    """The pipeline's are those of the plain script in another order, and a little more."""
    pairs = made_up_pairs([1.0, 2.0, 3.0, 4.0])
    for pair, other in zip(pairs, reversed(pairs), strict=True):
        for variant, curves in pair["plain"]["curves"].items():
            pair["pipeline"]["curves"][variant] = (
                {
                    name: [0.001 + value for value in values]
                    for name, values in other["plain"]["curves"][variant].items()
                }
                if pair is not other
                else curves
            )
    rows = compare_curves(pairs)
    assert count_with_zero(rows) == len(rows) == 8
    assert rows[0].difference.value == pytest.approx(0.001)


def test_picture_has_a_bar_for_each_run(results: dict[str, Any]) -> None:
    times, accuracy, _ = draw(results["pairs"]["pairs"]).axes
    heights = [bar.get_height() for container in times.containers for bar in container]
    assert heights == [25, 15, 40, 20, 30, *[10] * 5]
    assert times.get_title() == "Ratio 2.50 (1.50 to 4.00)"
    assert len(accuracy.get_lines()) == 3


def test_japanese_headline_has_the_same_figures(results: dict[str, Any]) -> None:
    readme = blocks_of_pages(results)["README.ja.md"]["headline"]
    assert "2 つの学習の **2.50 倍**の時間" in readme
    assert "5 組の比の中央値、1.50 〜 4.00（93.75%）、2 エポック、2 コア、made-up" in readme
    assert readme.endswith("比で 2.50 倍、全プロセスの合計どうしの比で 2.50 倍です。")


def test_page_of_the_study_has_the_runs_per_hour(results: dict[str, Any]) -> None:
    text = " ".join(blocks_of_pages(results)["docs/results.md"]["study"].split())
    assert text == (
        "Runs per hour, for runs of 2 epochs on all of MNIST, on made-up processor, 2 cores: 90"
        " with 1 worker and 120 with 2 workers ([measured](../bench/README.md) apart from the"
        " study)."
    )


def test_committed_pages_are_those_of_the_committed_results() -> None:
    """Run `python -m bench --readme` after `make bench`."""
    json_file, page_file = (ROOT / f"bench/results{suffix}" for suffix in (".json", ".md"))
    results = json.loads(json_file.read_text(encoding="utf-8")) if json_file.exists() else {}
    written = page_file.read_text(encoding="utf-8") if page_file.exists() else None
    assert written == (page(results) if results else None)
    for name, blocks in blocks_of_pages(results).items():
        assert blocks_of((ROOT / name).read_text(encoding="utf-8"), "speed") == blocks
