"""CITATION.cff, the model card and the checklists are right."""

import json
import re

from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from tests.conftest import ROOT

ROWS = {
    "accuracy on test images": "test_accuracy",
    "accuracy on validation images": "validation_accuracy",
    "accuracy on training images, with all units": "evaluated_training_accuracy",
    "loss on test images": "test_loss",
    "loss on validation images": "validation_loss",
    "rise of the validation loss from its lowest": "validation_loss_rise",
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation_and_checklists() -> None:
    """Each item has a file or a reason; where links lead is tested with those of all pages."""
    citation = YAML(typ="safe").load(read("CITATION.cff"))
    assert f"# {citation['title']}\n" in read("README.md")
    for key in ("license", "version"):
        assert f'\n{key} = "{citation[key]}"\n' in read("pyproject.toml")
    rows = re.findall(r"^\| (?!item|---)(.+?) \| (.+) \|$", read("docs/checklist.md"), re.MULTILINE)
    assert len(rows) > 50
    for item, where in rows:
        said = ("not applicable", "no ", "none ", "not known", "the image alone")
        assert "](" in where or where.startswith(said), item


def test_model_card() -> None:
    """It has the committed figures."""
    card = read("docs/model-card.md")
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", card, re.MULTILINE))
    found = [json.loads(read(f"metrics/{name}.json")) for name in VARIANTS]
    for row, key in ROWS.items():
        style, factor = ("{:.2f} %", 100) if "accuracy" in key else ("{:.4f}", 1)
        assert rows[row] == " | ".join(style.format(factor * metrics[key]) for metrics in found)
    params = load_parameters(ROOT / "params.yaml")
    environment = json.loads(read("metrics/dropout.environment.json"))
    texts = [
        f"{params.model.filters} filters", f"{params.model.dense_units} units",
        f"{params.train.epochs} epochs", f"rate {params.train.learning_rate}",
        f"{params.train.batch_size} images", f"seed {params.train.seed}",
        f"TensorFlow {environment['version.tensorflow']}", f"Keras {environment['version.keras']}",
    ]  # fmt: skip
    assert [text for text in texts if text not in " ".join(card.split())] == []
