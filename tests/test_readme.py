"""What the README says is what the repository has."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT
from verify.noise import read_noise

README = (ROOT / "README.md").read_text(encoding="utf-8")

ROWS = {
    "accuracy on training images": "training_accuracy",
    "accuracy on validation images": "validation_accuracy",
    "accuracy on test images": "test_accuracy",
    "loss on test images": "test_loss",
    "gap between training and validation accuracy": "accuracy_gap",
    "epoch with the lowest validation loss": "best_epoch",
    "rise of the validation loss since then": "validation_loss_rise",
}


def table_rows() -> dict[str, list[str]]:
    table = README.partition("<!-- results")[2].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0]: row[1:] for row in cells if row[0] in ROWS}


def test_table_has_the_committed_metrics() -> None:
    expected = {}
    variants = [
        json.loads((ROOT / f"metrics/{name}.json").read_text())
        for name in ("no_dropout", "dropout")
    ]
    for row, key in ROWS.items():
        form = "{:d}" if key == "best_epoch" else "{:.4f}"
        expected[row] = [form.format(metrics[key]) for metrics in variants]
    assert table_rows() == expected


def test_heading_of_the_table_has_the_committed_parameters() -> None:
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert f"| after {params['train']['epochs']} epochs, one seed |" in README
    assert f"with Dropout (rate {params['train']['dropout_rate']})" in README


def test_difference_in_test_accuracy_is_smaller_than_the_noise() -> None:
    """As the README says. A change of the results may change that; then the README must say so."""
    deviations = [by_key["test_accuracy"] for by_key in read_noise(ROOT).values()]
    without, with_dropout = (float(value) for value in table_rows()["accuracy on test images"])
    assert abs(with_dropout - without) < max(deviations)


def test_commands_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z]+)\b", README)) - {"it"}
    assert {"repro", "test", "verify", "help"} <= named
    for target in named:
        assert re.search(rf"^{target}:.*## ", makefile, re.MULTILINE), target


def test_drawn_pipeline_is_that_of_dvc_yaml() -> None:
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
    for line in re.findall(r"^\t.* --> .*$", README, re.MULTILINE):
        chain = [part.strip() for part in line.split("-->")]
        drawn |= set(pairwise(chain))
    assert drawn == expected


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.md"))
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http"):
            assert (ROOT / Path(page).parent / target).exists(), target
