"""CITATION.cff, the model card and the checklists are right and complete."""

import json
import re

import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.support.markdown import blocks_of
from experiment.variants import VARIANTS
from stages.model_card import CARD, PROGRAM, blocks
from tests.conftest import ROOT

CHECKLIST = (ROOT / "docs/checklist.md").read_text(encoding="utf-8")


def test_citation_has_what_its_format_asks_for_and_the_projects_own_facts() -> None:
    """Of the schema of CFF 1.2.0: the required keys, and no other than these."""
    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= citation.keys()
    assert citation.keys() <= {
        "abstract", "authors", "cff-version", "keywords", "license", "message", "references",
        "title", "type", "version",
    }  # fmt: skip
    assert f"# {citation['title']}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for key in ("license", "version"):
        assert f'\n{key} = "{citation[key]}"\n' in project
    (author,) = citation["authors"]
    assert author["name"] in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_model_card_is_that_of_the_committed_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    made = blocks(load_parameters())
    assert blocks_of(CARD.read_text(encoding="utf-8"), PROGRAM) == made
    for name in VARIANTS:
        metrics = json.loads((ROOT / f"metrics/{name}.json").read_text(encoding="utf-8"))
        assert f" {100 * metrics['test_accuracy']:.2f} % |" in made["metrics"].splitlines()[2]
        assert f" {metrics['test_loss']:.4f} |" in made["metrics"].splitlines()[5]


@pytest.mark.parametrize(
    ("section", "items"),
    [
        ("ML Code Completeness",
         "dependencies, training code, evaluation code, trained models, results"),
        ("NeurIPS",
         "claims, limitations, theory, how to reproduce, open data and code, settings and details,"
         " statistical significance, compute, ethics, broader impact, safeguards, licences of what"
         " is used, new assets, crowdsourcing, human subjects, review board, use of language"
         " models"),
        ("REFORMS",
         "1a, 1b, 1c, 2a, 2b, 2c, 2d, 2e, 3a, 3b, 3c, 3d, 3e, 3f, 3g, 4a, 4b, 4c, 5a, 5b, 5c, 5d,"
         " 5e, 5f, 6a, 6b, 6c, 7a, 7b, 7c, 8a, 8b"),
    ],
)  # fmt: skip
def test_each_item_of_a_checklist_has_a_file_or_a_reason(section: str, items: str) -> None:
    """That the links lead somewhere is tested with those of all pages, in test_readme.py."""
    text = CHECKLIST.partition(f"\n## {section}")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!item|---)(.+?) \| (.+) \|$", text, re.MULTILINE)
    found = [item.split()[0] if section == "REFORMS" else item for item, _ in rows]
    assert ", ".join(found) == items
    for item, where in rows:
        said = ("not applicable", "no ", "none ", "not known", "the image alone")
        assert "](" in where or where.startswith(said), item
