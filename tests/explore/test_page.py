"""What is written on the page, in both languages, is what the committed files say."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiment.parameters import load_parameters
from experiment.support.errors import InputError
from explore.network import NETWORK, read
from explore.page import choose, render
from explore.runs import compare
from study.store import read_entries
from tests.conftest import ROOT
from tests.explore.test_runs import DENSE, entries

WORDS = {
    "en": ("to", ("worse", "undecided", "better"), "gain in points", "Means over seeds"),
    "ja": ("〜", ("悪化", "判定不能", "改善"), "向上のポイント数", "シードの平均と"),
}

in_both = pytest.mark.parametrize("language", ["en", "ja"])


def sides() -> dict[tuple[Any, ...], tuple[pd.DataFrame, pd.DataFrame]]:
    """By setting with Dropout, its runs and those without it, of the seeds that both have.

    From the committed table, by other code than the page's.
    """
    rows = pd.read_csv(ROOT / "metrics/study_runs.csv")
    names = ["dataset", "dense_units", "train_samples", "placement", "dropout_rate"]
    runs = {key: group.set_index("seed") for key, group in rows.groupby(names)}
    found = {}
    for key, dropout in runs.items():
        none = runs.get((*key[:3], "none", 0.0), dropout[:0])
        both = sorted({*dropout.index} & {*none.index})
        if key[3] != "none" and len(both) > 1:
            found[key] = (dropout.loc[both], none.loc[both])
    return found


def change(dropout: pd.Series, none: pd.Series, digits: int, to: str) -> tuple[str, int]:
    """Mean difference with its interval, and on which side of 0 that is."""
    test = stats.ttest_rel(dropout, none)
    low, high = test.confidence_interval()
    values = (dropout.mean() - none.mean(), low, high)
    mean, *limits = (f"{value:+.{digits}f}".replace("-", "−") for value in values)
    return f"{mean} [{limits[0]} {to} {limits[1]}]", int(low > 0) - int(high < 0)


def table(page: Path, caption: str) -> list[list[str]]:
    """The cells of the table that has this in its caption, without the head and the first."""
    text = page.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    (found,) = re.findall(rf"<caption>[^<]*{caption}[^<]*</caption>.*?</table>", text, re.DOTALL)
    lines = re.findall(r"<tr>(.*?)</tr>", found, re.DOTALL)[1:]
    return [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in lines]


@in_both
def test_tables_have_the_figures_of_the_runs(pages: dict[str, Path], language: str) -> None:
    to, verdicts, all_settings, answer = WORDS[language]
    expected = []
    for dropout, none in sides().values():
        after, before = 100 * dropout["test_accuracy"], 100 * none["test_accuracy"]
        gain, side = change(after, before, 3, to)
        better = np.round(after.to_numpy() - before.to_numpy()[:, None], 5)
        wrong = int((np.sign(better) == -np.sign(after.mean() - before.mean())).sum())
        expected.append([
            f"{before.mean():.2f} %", f"{after.mean():.2f} %", gain, verdicts[side + 1],
            str(len(after)), f"{wrong} / {len(after) ** 2}",
        ])  # fmt: skip
    assert sorted(table(pages[language], all_settings)) == sorted(expected)

    expected = []
    for dataset in ("mnist", "fashion_mnist"):
        dropout, none = sides()[dataset, 128, 48_000, "dense", 0.5]
        gain, side = change(100 * dropout["test_accuracy"], 100 * none["test_accuracy"], 3, to)
        expected.append([gain, verdicts[side + 1]])
        rise, side = change(dropout["validation_loss_rise"], none["validation_loss_rise"], 4, to)
        expected.append([rise, verdicts[1 - side]])  # lower is better
    found = [row[2:] for row in table(pages[language], answer)]
    assert [[re.sub(" (points|ポイント)", "", text), says] for text, says in found] == expected


def test_curves_are_those_of_the_stored_runs(data: dict[str, Any]) -> None:
    stored = {}
    for path in (ROOT / "study/runs").glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        run = {"dense_units": 128, **content["run"]}
        stored[tuple(run[name] for name in (*data["knobs"], "seed"))] = content["curve"]
    for comparison in data["comparisons"]:
        key = tuple(comparison[name] for name in data["knobs"])
        networks = (("without Dropout", (*key[:3], "none", 0.0)), ("with Dropout", key))
        for column, lines in comparison["lines"].items():
            for network, setting in networks:
                band, *runs = (line for line in lines if line["network"] == network)
                assert [line["seed"] for line in runs] == comparison["seeds"]
                curves = np.array([stored[*setting, line["seed"]][column] for line in runs])
                np.testing.assert_allclose([line["value"] for line in runs], curves, rtol=1e-3)
                mean, half = curves.mean(axis=0), stats.sem(curves)
                half *= stats.t.ppf(0.975, len(curves) - 1)
                shown = [band[name] for name in ("value", "low", "high")]
                np.testing.assert_allclose(
                    shown, [mean, mean - half, mean + half], rtol=1e-3, atol=1e-6
                )


@in_both
def test_page_is_one_small_file_that_asks_for_nothing(
    pages: dict[str, Path], language: str
) -> None:
    page = pages[language].read_text(encoding="utf-8")
    assert pages[language].stat().st_size < 3_000_000
    links = r'(?:src|href)="(?!data:|#|index|report/|certificate/|https://creativecommons)[^"]*'
    assert not re.findall(links, page)
    assert "@import" not in page


def test_same_bytes_each_time(pages: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    comparisons = compare([entry for _, entry in reversed([*read_entries(Path("study/runs"))])])
    again = render(comparisons, load_parameters(), read(NETWORK), "ja")
    assert again.encode() == pages["ja"].read_bytes()


def test_story_is_told_of_the_largest_gains() -> None:
    """What is changed gains more; another place is compared with the dense layer."""
    more = {"train_samples": 100}, {"dropout_rate": 0.2}, {"placement": "both"}
    made = entries([0.5, 0.5]) + entries([0.6, 0.62], **DENSE)
    for changed in more:
        made += entries([0.8, 0.84], **DENSE | changed)
    made += entries([0.5, 0.5], train_samples=100)
    chosen = choose(compare(made), load_parameters(ROOT / "params.yaml"))
    assert [c.setting.train_samples for c in chosen["main"]] == [48_000]
    assert [c.setting.train_samples for c in chosen["sizes"]] == [100, 48_000]
    assert chosen["best_size"].setting.train_samples == 100
    assert chosen["best_rate"].setting.dropout_rate == 0.2
    assert chosen["good_rates"] == [0.2]  # with 0.5, two gains of 10 and 12 decide nothing
    assert {place: found.mean for place, found in chosen["moved"].items()} == {
        "both": pytest.approx(21)
    }


def test_study_without_the_setting_of_the_pipeline_is_refused() -> None:
    with pytest.raises(InputError, match="expected two seeds or more"):
        choose([], load_parameters(ROOT / "params.yaml"))
