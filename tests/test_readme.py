"""What the READMEs, in English and in Japanese, say is what the repository has."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from gate.noise import read_noise
from gate.revisions import Workspace
from tests.conftest import ROOT

README, JAPANESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))

in_both = pytest.mark.parametrize("readme", [README, JAPANESE], ids=["README.md", "README.ja.md"])

ROWS = {
    "accuracy on training images": "training_accuracy",
    "accuracy on validation images": "validation_accuracy",
    "accuracy on test images": "test_accuracy",
    "loss on test images": "test_loss",
    "gap between training and validation accuracy": "accuracy_gap",
    "epoch with the lowest validation loss": "best_epoch",
    "rise of the validation loss since then": "validation_loss_rise",
    "訓練データの正解率": "training_accuracy",
    "検証データの正解率": "validation_accuracy",
    "テストデータの正解率": "test_accuracy",
    "テストデータの損失": "test_loss",
    "訓練データと検証データの正解率の差": "accuracy_gap",
    "検証データの損失が最小になるエポック": "best_epoch",
    "その後の検証データの損失の増加量": "validation_loss_rise",
}


def table_rows(readme: str) -> dict[str, list[str]]:
    """By metric, the figures of both networks."""
    table = readme.partition("<!-- results")[2].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {ROWS[row[0]]: row[1:] for row in cells if row[0] in ROWS}


def committed_figures() -> dict[str, list[str]]:
    variants = [
        json.loads((ROOT / f"metrics/{name}.json").read_text())
        for name in ("no_dropout", "dropout")
    ]
    return {
        key: [("{:d}" if key == "best_epoch" else "{:.4f}").format(m[key]) for m in variants]
        for key in ROWS.values()
    }


@in_both
def test_table_has_the_committed_metrics(readme: str) -> None:
    assert table_rows(readme) == committed_figures()


def test_heading_of_the_table_has_the_committed_parameters() -> None:
    epochs, rate = PARAMS["train"]["epochs"], PARAMS["train"]["dropout_rate"]
    assert f"| after {epochs} epochs, one seed |" in README
    assert f"with Dropout (rate {rate}) |" in README
    assert f"| {epochs} エポック後、シード 1 個 |" in JAPANESE
    assert f"ドロップアウトあり（ドロップアウト率 {rate}） |" in JAPANESE


def test_difference_in_test_accuracy_is_smaller_than_the_noise() -> None:
    """As both READMEs say. Other results may change that; then they must say so."""
    noise = read_noise(Workspace(ROOT), Workspace(ROOT)).deviations.values()
    deviations = [float(str(by_key["test_accuracy"])) for by_key in noise]
    without, with_dropout = (float(value) for value in table_rows(README)["test_accuracy"])
    assert abs(with_dropout - without) < max(deviations)


@pytest.mark.parametrize("page", [README, JAPANESE, RESULTS], ids=["README", "ja", "results"])
def test_figures_beside_the_blocks_are_committed_ones(page: str) -> None:
    """Those with a decimal point, or of two digits or more; the blocks have tests of their own."""
    text = re.sub(r"^<!-- (study|speed): .*?^<!-- /\1 -->$", "", page, flags=re.DOTALL | re.M)
    text = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text, flags=re.DOTALL)
    found = {figure for figure in re.findall(r"\d+(?:[.,]\d+)*", text) if len(figure) > 1}
    known = {figure for row in committed_figures().values() for figure in row}
    known |= {str(value) for section in PARAMS.values() for value in section.values()}
    known |= {f"3.{minor}" for minor in python_versions()}
    # The largest pixel, a licence, and volume and year of an article.
    known |= {"255", "3.0", "15", "2014"}
    assert found <= known


def python_versions() -> range:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)
    assert bounds
    return range(int(bounds[1]), int(bounds[2]))


@in_both
def test_commands_of_make_exist(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)", readme))
    assert {"repro", "test", "study", "verify", "help"} <= named
    for target in named:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


@in_both
def test_drawn_pipeline_is_that_of_dvc_yaml(readme: str) -> None:
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    made_by = {}
    for name, stage in stages.items():
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            made_by[next(iter(entry)) if isinstance(entry, dict) else entry] = name
    expected = {
        (made_by[dep], name)
        for name, stage in stages.items()
        for dep in stage["deps"]
        if dep in made_by
    }
    drawn = set()
    for line in re.findall(r"^\t.* --> .*$", readme, re.MULTILINE):
        chain = [part.strip() for part in line.split("-->")]
        drawn |= set(pairwise(chain))
    assert drawn == expected


def test_both_readmes_have_the_same_commands_links_and_folders() -> None:
    def commands(readme: str) -> list[str]:
        return [line.partition("#")[0].strip() for line in re.findall(r"^\$ .*", readme, re.M)]

    def links(readme: str) -> set[str]:
        return set(re.findall(r"\]\(([^)]+)\)", readme)) - {"README.md", "README.ja.md"}

    def folders(readme: str) -> list[str]:
        return re.findall(r"^\| `([a-z]+/)`", readme, re.M)

    assert commands(JAPANESE) == commands(README)
    assert links(JAPANESE) == links(README)
    assert folders(JAPANESE) == folders(README)
    assert "(README.ja.md)" in README.splitlines()[2]
    assert "(README.md)" in JAPANESE.splitlines()[2]


@pytest.mark.parametrize(
    "page",
    sorted(
        path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
    ),
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / Path(page).parent / target).exists(), target
