"""What is written on the page, in both languages, is what the committed files say."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from experiment.support.errors import InputError
from explore.__main__ import build
from explore.page import find_main, format_own
from explore.runs import KNOBS
from explore.words import load_figures
from tests.conftest import ROOT
from tests.explore.conftest import load_data

in_both = pytest.mark.parametrize("language", ["en", "ja"])


def test_settings_have_the_stored_runs_and_their_gain(
    data: dict[str, Any], figures: dict[str, Any]
) -> None:
    """Runs from the file of runs, intervals by other code than the page's, gains of the results."""
    stored = {}
    for line in (ROOT / "study/runs.jsonl").read_text(encoding="utf-8").splitlines():
        content = json.loads(line)
        key = tuple(content["run"][name] for name in (*KNOBS.values(), "epochs", "seed"))
        stored[key] = content
    first = [data["comparisons"][data[name]] for name in ("guess", "start")]
    assert [each["data"] for each in first] == ["fashion_mnist", "mnist"]
    by_seeds = sorted(figures["gains"], key=lambda gain: gain["seeds"])
    gains = {tuple(gain[name] for name in KNOBS.values()): gain for gain in by_seeds}
    assert len(data["comparisons"]) == len(gains)
    for each in data["comparisons"]:
        knobs, epochs = tuple(each[name] for name in KNOBS), each["epochs"]
        assert each["gain"] == gains[knobs]
        assert len(each["seeds"]) == gains[knobs]["seeds"]
        for side, setting in (("without", (*knobs[:3], "none", 0.0)), ("with", knobs)):
            runs, shown = [stored[*setting, epochs, seed] for seed in each["seeds"]], each[side]
            accuracies = [100 * run["metrics"]["test_accuracy"] for run in runs]
            np.testing.assert_allclose(shown["accuracy"], accuracies, atol=1e-4)
            for measure in ("val_loss", "accuracy"):
                curves = np.array([run["curve"][measure] for run in runs])
                curves = 100 * (1 - curves) if measure == "accuracy" else curves
                half = stats.t.ppf(0.975, len(runs) - 1) * stats.sem(curves)
                band = curves.mean(axis=0) + np.outer([0, -1, 1], half)
                np.testing.assert_allclose(shown["runs"][measure], curves, rtol=1e-3, atol=1e-5)
                np.testing.assert_allclose(shown["bands"][measure], band, rtol=1e-3, atol=1e-5)


@in_both
def test_figures_in_the_text(
    pages: dict[str, Path], figures: dict[str, Any], data: dict[str, Any], language: str
) -> None:
    """Of each setting, of the networks, and where the pipeline's own run ended."""
    for each in load_data(pages[language])["comparisons"]:
        points, gain = ("mean", "low", "high"), each["gain"]
        texts = {name: f"{gain[name]:+.3f}".replace("-", "−") for name in points}
        texts |= {name: f"{gain[name]:.2f}" for name in ("with", "without")}
        assert each["figures"] == texts
        assert all(part in each["title"] for part in (f"{each['images']:,}", f"{each['rate']:g}"))
        assert (f"{each['units']:,}" in each["title"]) == (each["units"] != 128)

    text = re.sub("<.*?>", "", pages[language].read_text(encoding="utf-8"))
    tests = [figures["networks"]["networks"][name]["test"] for name in ("dropout", "no_dropout")]
    shares = [f"{test['survive']:.1f}" for test in tests]
    shares += [f"{test[key]:.2f}" for key in ("one", "all", "mean") for test in tests]
    assert " ".join(shares) in " ".join(re.findall(r"\b(\d\d\.\d\d?) ?%", text))
    (own,) = [each for each in data["comparisons"] if "own" in each["with"]]
    (line,) = [line for line in text.splitlines() if "make repro" in line]
    ends = {str(own[side][name]) for side in ("without", "with") for name in ("lower", "others")}
    assert ends <= {*re.findall(r"\d+", line)}


@in_both
def test_page_is_one_small_file_that_asks_for_nothing(
    pages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """It has the same bytes each time, but for the address, where there is one."""
    page = pages[language].read_text(encoding="utf-8")
    assert len(page) < 3_000_000
    links = r'(?:src|href)="(?!data:|#|index|report/|certificate/|https://creativecommons)[^"]*'
    assert not re.findall(links, re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    assert "@import" not in page
    if language == "ja":
        monkeypatch.chdir(ROOT)
        placed = build(tmp_path, "https://example.org/a/")[1].read_text(encoding="utf-8")
        tags = r'<meta (?:property="og:(?:url|image)"|name="twitter:card") content="(.*)">\n'
        places = ["https://example.org/a/index.ja.html", "https://example.org/a/explore.ja.png"]
        assert re.findall(tags, placed)[:2] == places
        assert re.sub(tags, "", placed) == page


def test_what_is_missing_or_damaged(
    texts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    for content in (None, "{"):
        if content:
            (tmp_path / "metrics/results.json").write_text(content)
        with pytest.raises(
            InputError, match=r"results.json: .*; restore it with Git, or run `make"
        ):
            load_figures()
    with pytest.raises(InputError, match="expected two seeds or more of mnist"):
        find_main([], "mnist")
    assert "make seeds N=5" in format_own(None, texts)
