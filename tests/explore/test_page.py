"""What is written on the page, in both languages, is what the committed files say."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from experiment.support.errors import InputError
from explore.page import find, render
from explore.runs import compare
from explore.words import load_words
from study.runs import load_runs
from tests.conftest import ROOT
from tests.explore.conftest import load_data

RESULTS = json.loads((ROOT / "metrics/results.json").read_text())
KNOBS = ("dataset", "dense_units", "train_samples", "placement", "dropout_rate")

in_both = pytest.mark.parametrize("language", ["en", "ja"])


@in_both
def test_settings_have_the_figures_of_the_results(pages: dict[str, Path], language: str) -> None:
    gains = defaultdict(list)
    for gain in RESULTS["gains"]:
        gains[tuple(gain[name] for name in KNOBS)].append(gain)
    found = load_data(pages[language])["comparisons"]
    assert len(found) == len(gains)
    for each in found:
        gain = max(gains[tuple(each[name] for name in KNOBS)], key=lambda gain: gain["seeds"])
        assert each["gain"] == gain
        formats = {"mean": "+.3f", "low": "+.3f", "high": "+.3f", "with": ".2f", "without": ".2f"}
        for name, spec in formats.items():
            assert each["figures"][name] == format(gain[name], spec).replace("-", "−")
        parts = [f"{gain['train_samples']:,}", f"{gain['dropout_rate']:g}"]
        assert all(part in each["title"] for part in parts)
        assert (f"{gain['dense_units']:,}" in each["title"]) == (gain["dense_units"] != 128)


def test_runs_are_the_stored_ones(data: dict[str, Any]) -> None:
    """From the file of runs, and intervals, by other code than the page's."""
    stored: dict[tuple[Any, ...], Any] = {}
    for line in (ROOT / "study/runs.jsonl").read_text(encoding="utf-8").splitlines():
        content = json.loads(line)
        stored[tuple(content["run"][name] for name in (*KNOBS, "epochs", "seed"))] = content
    for each in data["comparisons"]:
        key = tuple(each[name] for name in (*KNOBS, "epochs"))
        assert len(each["seeds"]) == each["gain"]["seeds"]
        for side, setting in (("without", (*key[:3], "none", 0.0, key[5])), ("with", key)):
            runs = [stored[*setting, seed] for seed in each["seeds"]]
            accuracies = [100 * run["metrics"]["test_accuracy"] for run in runs]
            np.testing.assert_allclose(each["accuracy"][side], accuracies, atol=1e-4)
            for measure, column in (("val_loss", "val_loss"), ("errors", "accuracy")):
                curves = np.array([run["curve"][column] for run in runs])
                curves = 100 * (1 - curves) if measure == "errors" else curves
                np.testing.assert_allclose(
                    each["runs"][measure][side], curves, rtol=1e-3, atol=1e-5
                )
                mean = curves.mean(axis=0)
                half = stats.t.ppf(0.975, len(runs) - 1) * stats.sem(curves)
                band = [mean, mean - half, mean + half]
                np.testing.assert_allclose(each["bands"][measure][side], band, rtol=1e-3, atol=1e-5)


@in_both
def test_measured_shares_are_told(pages: dict[str, Path], language: str) -> None:
    text = re.sub("<.*?>", "", pages[language].read_text(encoding="utf-8"))
    networks = json.loads((ROOT / "explore/networks.json").read_text())["networks"]
    tests = [networks[name]["test"] for name in ("dropout", "no_dropout")]
    figures = [f"{100 * test['survive']:.1f}" for test in tests]
    figures += [f"{100 * test[key]:.2f}" for key in ("one", "all", "mean") for test in tests]
    assert " ".join(figures) in " ".join(re.findall(r"\b(\d\d\.\d\d?) ?%", text))


@in_both
def test_page_is_one_small_file_that_asks_for_nothing(
    pages: dict[str, Path], language: str
) -> None:
    page = pages[language].read_text(encoding="utf-8")
    assert pages[language].stat().st_size < 3_000_000
    links = r'(?:src|href)="(?!data:|#|index|report/|certificate/|https://creativecommons)[^"]*'
    assert not re.findall(links, re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert "@import" not in page


def test_same_bytes_each_time(pages: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    networks = json.loads((ROOT / "explore/networks.json").read_text())
    comparisons = compare(reversed(load_runs()), reversed(RESULTS["gains"]))
    assert render(comparisons, RESULTS, networks, load_words("ja")) == pages["ja"].read_text()
    elsewhere = render(comparisons, RESULTS, networks, load_words("ja"), "https://example.org/a/")
    tags = dict(re.findall(r'<meta property="(og:\w+)" content="([^"]*)"', elsewhere))
    assert tags["og:image"] == "https://example.org/a/explore.ja.png"
    assert tags["og:url"] == "https://example.org/a/index.ja.html"


@pytest.mark.parametrize("content", [None, "{"])
def test_damaged_results_are_refused(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "explore").mkdir()
    (tmp_path / "explore/networks.json").write_text("{}")
    (tmp_path / "metrics").mkdir()
    if content:
        (tmp_path / "metrics/results.json").write_text(content)
    done = subprocess.run(
        [sys.executable, "-m", "explore"], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.search("metrics/results.json: .*; restore it with Git, or run `make study`", line)


def test_study_without_the_main_setting_is_refused() -> None:
    with pytest.raises(InputError, match="expected two seeds or more of mnist"):
        find([], "mnist")
