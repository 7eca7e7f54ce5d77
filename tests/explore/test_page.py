"""What is written on the page, in both languages, is what the committed files say."""

import contextlib
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from explore.__main__ import build
from tests.conftest import ROOT
from tests.explore.figures import (
    change,
    compared,
    packed,
    read_runs,
    rows,
    text,
    values,
    without,
)

VERDICTS = {"en": ("worse", "undecided", "better"), "ja": ("悪化", "判定不能", "改善")}
CAPTIONS = {
    "en": ("gain in points", "Means over seeds"),
    "ja": ("向上のポイント数", "シードの平均と"),
}
TO = {"en": "to", "ja": "〜"}

in_both = pytest.mark.parametrize("language", ["en", "ja"])


@in_both
def test_table_of_all_settings_has_the_figures_of_the_runs(
    pages: dict[str, Path], language: str
) -> None:
    runs, expected = read_runs(), []
    for setting, seeds in compared(runs).items():
        dropout = values(runs, setting, seeds, "test_accuracy")
        none = values(runs, without(setting), seeds, "test_accuracy")
        gain, side = change([100 * d for d in dropout], [100 * n for n in none], 3, TO[language])
        sign = 1 if np.mean(dropout) > np.mean(none) else -1
        wrong = sum(sign * round(d - n, 7) < 0 for d in dropout for n in none)
        expected.append([
            f"{100 * np.mean(none):.2f} %", f"{100 * np.mean(dropout):.2f} %", gain,
            VERDICTS[language][side + 1], str(len(seeds)), f"{wrong} / {len(seeds) ** 2}",
        ])  # fmt: skip
    found = [row[1:] for row in rows(text(pages[language]), CAPTIONS[language][0])]
    assert sorted(found) == sorted(expected)


@in_both
def test_answer_has_the_figures_of_the_runs(pages: dict[str, Path], language: str) -> None:
    runs, expected = read_runs(), []
    settings = compared(runs)
    for dataset in ("mnist", "fashion_mnist"):
        samples = max((s[2] for s in settings if s[0] == dataset), key=int)
        setting = (dataset, "128", samples, "dense", "0.5")
        for metric, scale, digits in (("test_accuracy", 100, 3), ("validation_loss_rise", 1, 4)):
            dropout, none = (
                [scale * v for v in values(runs, s, settings[setting], metric)]
                for s in (setting, without(setting))
            )
            expected.append(change(dropout, none, digits, TO[language])[0])
    found = [re.sub(r" (points|ポイント)", "", row[3]) for row in
             rows(text(pages[language]), CAPTIONS[language][1])]  # fmt: skip
    assert found == expected


def test_curves_are_those_of_the_stored_runs(pages: dict[str, Path]) -> None:
    stored: dict[Any, dict[int, Any]] = defaultdict(dict)
    for path in (ROOT / "study/runs").glob("*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        run = content["run"]
        key = (run["dataset"], run.get("dense_units", 128), run["train_samples"],
               run["placement"], run["dropout_rate"])  # fmt: skip
        stored[key][run["seed"]] = content["curve"]
    data = packed(text(pages["en"]))
    for comparison in data["comparisons"]:
        key = tuple(comparison[name] for name in data["knobs"])
        for name, setting in (("with", key), ("without", (*key[:3], "none", 0.0))):
            shown = data["settings"][comparison[name]]
            for column in data["columns"]:
                curves = np.array([stored[setting][seed][column] for seed in shown["seeds"]])
                np.testing.assert_allclose(shown["runs"][column], curves, rtol=1e-3)
                half = stats.t.ppf(0.975, len(curves) - 1) * stats.sem(curves)
                np.testing.assert_allclose(
                    np.array(shown["bands"][column]).T,
                    [curves.mean(axis=0), curves.mean(axis=0) - half, curves.mean(axis=0) + half],
                    rtol=1e-3, atol=1e-6,
                )  # fmt: skip


@in_both
def test_page_is_one_small_file_that_asks_for_nothing(
    pages: dict[str, Path], language: str
) -> None:
    page = text(pages[language])
    assert pages[language].stat().st_size < 3_000_000
    assert not re.findall(
        r'(?:src|href)="(?!data:|#|index|report/|certificate/|https://creativecommons)[^"]*', page
    )
    assert "@import" not in page


def test_same_bytes_each_time(pages: dict[str, Path], tmp_path: Path) -> None:
    with contextlib.chdir(ROOT):
        again = build(tmp_path)
    assert [path.read_bytes() for path in again] == [p.read_bytes() for p in pages.values()]
