"""What the READMEs, CITATION.cff, the model card and the checklists say is so."""

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from experiment.parameters import load_parameters
from experiment.variants import VARIANTS
from tests.conftest import ROOT, set_parameters
from tests.repository import Terminal, commit, git, ran, recipe


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


README, JAPANESE = read("README.md"), read("README.ja.md")
ROWS = {
    "accuracy on test images": "test_accuracy",
    "accuracy on validation images": "validation_accuracy",
    "accuracy on training images, with all units": "evaluated_training_accuracy",
    "loss on test images": "test_loss",
    "loss on validation images": "validation_loss",
    "rise of the validation loss from its lowest": "validation_loss_rise",
}


@pytest.mark.parametrize("page", [README, JAPANESE], ids=["en", "ja"])
def test_figures_are_in_the_blocks(page: str) -> None:
    """None is beside them: with a decimal point, or of two digits or more, outside of code."""
    blocks = r"^<!-- (speed|explore): .*?^<!-- /\1 -->$"
    text = re.sub(blocks, "", page, flags=re.DOTALL | re.M)
    text = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text, flags=re.DOTALL)
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', read("pyproject.toml"))
    assert bounds
    known = {f"3.{minor}" for minor in range(int(bounds[1]), int(bounds[2]))} | {"3.0"}  # a licence
    assert {each for each in re.findall(r"\d+(?:[.,]\d+)*", text) if len(each) > 1} <= known


def test_both_readmes_have_the_same_commands_and_links() -> None:
    """The commands exist, and the stages are named in the order of dvc.yaml."""

    def commands(readme: str) -> list[str]:
        return [line.partition("#")[0].strip() for line in re.findall(r"^\$ .*", readme, re.M)]

    assert commands(JAPANESE) == commands(README)
    links, japanese = ({*re.findall(r"\]\(([^)]+)\)", readme)} for readme in (README, JAPANESE))
    japanese = {link.replace(".ja.png", ".png") for link in japanese}
    assert links - {"README.ja.md"} == japanese - {"README.md"}
    assert "(README.ja.md)" in README.splitlines()[2]
    assert "(README.md)" in JAPANESE.splitlines()[2]
    named = set(re.findall(r"\bmake ([a-z-]+)", README + JAPANESE))
    assert {"repro", "test", "seeds", "verify", "help"} <= named
    assert all(recipe(target) for target in named)
    stages = YAML(typ="safe").load(read("dvc.yaml"))["stages"]
    for readme, between in ((README, ", "), (JAPANESE, "、")):
        assert between.join(f"`{name}`" for name in stages) in " ".join(readme.split())
    # One word for each set of images.
    assert not re.search(r"(訓練|検証|テスト)データ", JAPANESE)


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


def test_citation_and_checklists() -> None:
    """Each item has a file or a reason."""
    citation = YAML(typ="safe").load(read("CITATION.cff"))
    assert f"# {citation['title']}\n" in README
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


@pytest.mark.slow
def test_commands_that_change_one_thing_work_in_their_order(repository: Path) -> None:
    """In a clone whose networks learn nothing; the test changes params.yaml, not an editor."""
    # The repository's own rules need runs over seeds and an anchor in its history.
    rule = "{better: higher, blocks: true, margin: {absolute: 1}}"
    rules = f'metrics: {{"metrics/*.json": {{test_accuracy: {rule}}}}}\n'
    (repository / "gate.yaml").write_text(rules, encoding="utf-8")
    commit(repository, "gate")
    section = README.partition("## Change one thing")[2].partition("\n## ")[0]
    terminal, outputs = Terminal(repository), {}
    terminal.environment["PYTHONPATH"] = str(ROOT)  # of the gate, which is not in the clone
    for line in re.findall(r"^\$ (.*)", section, re.MULTILINE):
        if edited := re.fullmatch(r"nano params\.yaml +# (\w+): (\S+)", line):
            set_parameters(repository, **{f"train__{edited[1]}": float(edited[2])})
        else:
            outputs[" ".join(line.split()[:2])] = terminal.run(line)
    assert list(outputs) == [
        "source .venv/bin/activate", "git switch", "make repro", "git commit", "dvc params",
        "dvc metrics", "dvc plots", "make gate", "make report",
    ]  # fmt: skip
    assert ran(outputs["make repro"]) == ["check", "train_dropout", "plot"]
    assert "train.dropout_rate" in outputs["dvc params"]
    assert "metrics/dropout.json" in outputs["dvc metrics"]
    assert "metrics/no_dropout.json" not in outputs["dvc metrics"]
    assert git(repository, "diff", "--name-only", "main", "rate-0.2", "--", "plots/dropout.csv")
    assert (repository / "dvc_plots/index.html").is_file()
    assert (repository / "report/index.html").is_file()
    assert git(repository, "status", "--porcelain") == ""
