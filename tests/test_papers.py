"""CITATION.cff, the model card and the checklists are right and complete."""

import json
import re

import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
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


def test_model_card_has_the_committed_figures() -> None:
    card = (ROOT / "docs/model-card.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", card, re.MULTILINE))
    found = [json.loads((ROOT / f"metrics/{name}.json").read_bytes()) for name in VARIANTS]
    for row, key in {
        "accuracy on test images": "test_accuracy",
        "accuracy on validation images": "validation_accuracy",
        "accuracy on training images, with all units": "evaluated_training_accuracy",
        "loss on test images": "test_loss",
        "loss on validation images": "validation_loss",
        "rise of the validation loss from its lowest": "validation_loss_rise",
    }.items():
        figures = [
            f"{100 * metrics[key]:.2f} %" if "accuracy" in key else f"{metrics[key]:.4f}"
            for metrics in found
        ]
        assert rows[row] == " | ".join(figures)
    params = load_parameters(ROOT / "params.yaml")
    environment = json.loads((ROOT / "metrics/dropout.environment.json").read_bytes())
    for text in (
        f"{params.model.filters} filters", f"{params.model.dense_units} units",
        f"{params.train.epochs} epochs", f"rate {params.train.learning_rate}",
        f"{params.train.batch_size} images", f"seed {params.train.seed}",
        f"TensorFlow {environment['version.tensorflow']}", f"Python {environment['python']}",
        f"Keras {environment['version.keras']}",
    ):  # fmt: skip
        assert text in " ".join(card.split())


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
