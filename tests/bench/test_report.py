"""The page from made-up results; the committed page and READMEs from the committed ones."""

import json
from typing import Any

import pytest
from scipy import stats

from bench.report import difference_of_means, headlines, page
from experiment.support.markdown import blocks_of
from tests.bench.conftest import script
from tests.conftest import ROOT


def test_headline_is_the_median_of_the_ratios(results: dict[str, Any]) -> None:
    assert " ".join(headlines(results)["README.md"].split()) == (
        "A plain Keras script of this experiment takes **2.50 times** as long as the pipeline: the"
        " median of 5 pairs, run in turn, 1.50 to 4.00 (93.75 %); 2 epochs, 2 cores, made-up"
        " processor. Its largest process takes 2.50 times the memory."
    )
    assert headlines(results)["README.ja.md"] == (
        "同じ実験を素朴に書いた Keras スクリプトは、このパイプラインの **2.50 倍**の時間が"
        "かかります（交互に実行した 5 組の比の中央値、1.50 〜 4.00（93.75%）、2 エポック、2 コア、"
        "made-up processor）。最大のプロセスのメモリは 2.50 倍です。"
    )


@pytest.mark.parametrize(
    "line",
    [
        "| plain script | 25.0 | 50.0 | 1000 | 2.50, 1.50 to 4.00 | 1.1 |",
        "| pipeline | 10.0 | 20.0 | 400 | 1 | 0.5 |",
        # Halves of 0.5 -+ ratio / 100. The ratios' variance is 0.925, so the standard error
        # sqrt(2 * 0.925 / 5) / 200, and Student's t of 8 degrees of freedom 2.306.
        "| validation loss, with Dropout | 0.2370 | 0.2630 | +0.0260 | +0.0190 to +0.0330 |",
        "Over all epochs, 0 lies in 0 of 8 such intervals.",
        "| floor | 22.0 |  |  |  | 1.0 |",  # 2 epochs, 2 variants, 5.499 each
        "Median of 3, in turn: `dvc status` 2.00 s, `dvc repro` 3.00 s, `make repro` 1.00 s.",
        "After a change of the rate to 0.3, `make repro` takes 42.0 s, runs check, train, and DVC's"
        " cache grows by 2.5 MB.",
    ],
)
def test_page_has_each_figure(line: str, results: dict[str, Any]) -> None:
    text = page(results)
    assert line in (text if line.startswith("|") else " ".join(text.split()))


def test_pytorch_has_columns_of_its_own_where_every_pair_has_it(results: dict[str, Any]) -> None:
    results["pairs"][0]["torch"] = script(35, 600, 0.5)
    assert "PyTorch" not in page(results)
    results["pairs"] = results["pairs"][:1]
    assert "| PyTorch script | 35.0 | 70.0 | 600 | 3.50, 3.50 to 3.50 | 1.6 |" in page(results)


def test_difference_is_that_of_welch() -> None:
    """Formula of https://en.wikipedia.org/wiki/Welch%27s_t-test, for 1, 2, 3 and 4, 8."""
    freedom = (1 / 3 + 8 / 2) ** 2 / ((1 / 3) ** 2 / 2 + (8 / 2) ** 2 / 1)
    half = stats.t.ppf(0.975, freedom) * (1 / 3 + 8 / 2) ** 0.5
    assert difference_of_means([1, 2, 3], [4, 8]) == pytest.approx((-4, -4 - half, -4 + half))
    assert difference_of_means([1.0], [1.0, 2.0])[1:] == (float("-inf"), float("inf"))


def test_committed_pages_are_those_of_the_committed_results() -> None:
    """Run `python -m bench --readme` after `make bench`."""
    results = json.loads((ROOT / "bench/results.json").read_text(encoding="utf-8"))
    assert (ROOT / "bench/results.md").read_text(encoding="utf-8") == page(results)
    for name, text in headlines(results).items():
        blocks = blocks_of((ROOT / name).read_text(encoding="utf-8"), "speed")
        assert blocks == {"headline": text}
