"""What is written on the page, in both languages, is what the committed files say."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from scipy import stats

from experiment.data.known import label_of
from explore.__main__ import main
from explore.runs import KNOBS, MEASURES
from explore.words import load_words
from tests.conftest import ROOT, call
from tests.explore.conftest import load_data


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
    assert [[each[name] for name in KNOBS] for each in first] == [
        [name, 128, 48_000, "dense", 0.5] for name in ("fashion_mnist", "mnist")
    ]
    by_seeds = sorted(figures["gains"], key=lambda gain: gain["seeds"])
    gains = {tuple(gain[name] for name in KNOBS.values()): gain for gain in by_seeds}
    assert len(data["comparisons"]) == len(gains)
    for each in data["comparisons"]:
        knobs, epochs = tuple(each[name] for name in KNOBS), each["epochs"]
        assert (each["gain"], len(each["seeds"])) == (gains[knobs], gains[knobs]["seeds"])
        for side, setting in (("without", (*knobs[:3], "none", 0.0)), ("with", knobs)):
            runs, shown = [stored[*setting, epochs, seed] for seed in each["seeds"]], each[side]
            accuracies = [100 * run["metrics"]["test_accuracy"] for run in runs]
            np.testing.assert_allclose(shown["accuracy"], accuracies, atol=1e-4)
            for measure in MEASURES:
                curves = np.array([run["curve"][measure] for run in runs])
                curves = 100 * (1 - curves) if "accuracy" in measure else curves
                half = stats.t.ppf(0.975, len(runs) - 1) * stats.sem(curves)
                band = curves.mean(axis=0) + np.outer([0, -1, 1], half)
                np.testing.assert_allclose(shown["runs"][measure], curves, rtol=1e-3, atol=1e-5)
                np.testing.assert_allclose(shown["bands"][measure], band, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_figures_in_the_text(
    pages: dict[str, Path], figures: dict[str, Any], language: str
) -> None:
    """Of each setting, of the networks, and where the pipeline's own run ended."""
    places = load_words(language, figures)["knobs"]["places"]
    comparisons = load_data(pages[language])["comparisons"]
    for each in comparisons:
        gain, title = each["gain"], each["title"]
        texts = {name: f"{gain[name]:+.3f}".replace("-", "−") for name in ("mean", "low", "high")}
        assert each["figures"] == texts | {n: f"{gain[n]:.2f}" for n in ("with", "without")}
        parts = f"{each['images']:,}", f"{each['rate']:g}", places[each["after"]]
        assert all(part in title for part in parts)
        assert (f"{each['units']:,}" in title) == (each["units"] != 128)
        assert title.startswith(label_of(each["data"]))

    page = pages[language].read_text(encoding="utf-8")
    for name in ("units", "images", "rate"):
        shown = re.findall(rf'name="{name}" value="(.*?)">(.*?)</label>', page)
        values = sorted({each[name] for each in comparisons})
        assert shown == [(str(value), f"{value:,}") for value in values]
    tests = [figures["networks"]["networks"][name]["test"] for name in ("dropout", "no_dropout")]
    shares = [f"{test['survive']:.1f}" for test in tests]
    shares += [f"{test[key]:.2f}" for key in ("one", "all", "mean") for test in tests]
    text = re.sub("<.*?>", "", page)
    assert " ".join(shares) in " ".join(re.findall(r"\b(\d\d\.\d\d?) ?%", text))
    (own,) = [each for each in comparisons if "own" in each["with"]]
    ((address, said),) = re.findall('<p id="own">.*href="#(.*?)"(.*)</p>', page)
    assert dict(parse_qsl(address)) == {name: str(own[name]) for name in KNOBS} | {"at": "knobs"}
    counts = ("lower", "others") if language == "en" else ("others", "lower")
    ends = [str(own[side][name]) for side in ("without", "with") for name in counts]
    assert re.findall(r"\d+", said)[-4:] == ends


def test_program(pages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fills both READMEs. A page is one small file that asks for nothing.

    It has the same bytes each time, but for the address, where there is one.
    """
    (tmp_path / "explore").mkdir()
    for name in ("data", "dvc.lock", "explore/networks.json", "metrics", "plots", "study"):
        (tmp_path / name).symlink_to(ROOT / name)
    readmes = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", "README.ja.md")}
    monkeypatch.chdir(tmp_path)
    for name, text in readmes.items():
        emptied = re.sub("(<!-- explore.*?\n).*?(?=<!-- /)", r"\1", text, flags=re.DOTALL)
        Path(name).write_text(emptied, encoding="utf-8")
    call(main, "--address", "https://example.org/a")
    assert {name: Path(name).read_text("utf-8") for name in readmes} == readmes
    tags = r'<meta (?:property="og:(?:url|image)"|name="twitter:card") content="(.*)">\n'
    links = r'(?:src|href)="(?!data:|#|index|report/|certificate/|https://creativecommons)[^"]*'
    for language, end in (("en", ""), ("ja", ".ja")):
        page = pages[language].read_text(encoding="utf-8")
        assert len(page) < 3_000_000
        assert not re.findall(links, re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
        assert "@import" not in page
        placed = Path(f"explore/index{end}.html").read_text(encoding="utf-8")
        places = [f"https://example.org/a/{name}{end}" for name in ("index", "explore")]
        assert re.findall(tags, placed)[:2] == [f"{places[0]}.html", f"{places[1]}.png"]
        assert re.sub(tags, "", placed) == page
