"""What the READMEs, in English and in Japanese, say is what the repository has and does."""

import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT, Run, set_parameters
from tests.repository import git, ran, recipe

README, JAPANESE = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ja.md")
)


@pytest.mark.parametrize("page", [README, JAPANESE], ids=["en", "ja"])
def test_figures_are_in_the_blocks(page: str) -> None:
    """None is beside them: with a decimal point, or of two digits or more, outside of code."""
    blocks = r"^<!-- (speed|explore): .*?^<!-- /\1 -->$"
    text = re.sub(blocks, "", page, flags=re.DOTALL | re.M)
    text = re.sub(r"```.*?```|`[^`]*`|<!--.*?-->|\]\([^)]*\)", "", text, flags=re.DOTALL)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    bounds = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)
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
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for readme, between in ((README, ", "), (JAPANESE, "、")):
        assert between.join(f"`{name}`" for name in stages) in " ".join(readme.split())
    # One word for each set of images.
    assert not re.search(r"(訓練|検証|テスト)データ", JAPANESE)


def test_links_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page, target)


@pytest.mark.slow
def test_commands_that_change_one_thing_work_in_their_order(repository: Path, run: Run) -> None:
    """In a clone whose networks learn nothing, so that it takes seconds.

    Instead of the editor, the test changes params.yaml; instead of `make`, it runs the command of
    that target, since the environment is there already.
    """
    clone = repository
    # The repository's own rules need runs over seeds and an anchor in its history.
    rule = "{better: higher, blocks: true, margin: {absolute: 1}}"
    rules = f'metrics: {{"metrics/*.json": {{test_accuracy: {rule}}}}}\n'
    (clone / "gate.yaml").write_text(rules, encoding="utf-8")
    git(clone, "add", "gate.yaml")
    git(clone, "commit", "--quiet", "--message=gate")
    section = README.partition("## Change one thing")[2].partition("\n## ")[0]
    outputs = {
        " ".join(line.split()[:2]): run_as_written(line, clone, run)
        for line in re.findall(r"^\$ (.*)", section, re.MULTILINE)
    }
    assert list(outputs) == [
        "source .venv/bin/activate", "git switch", "nano params.yaml", "make repro", "git commit",
        "dvc params", "dvc metrics", "dvc plots", "make gate", "make report",
    ]  # fmt: skip
    assert ran(outputs["make repro"]) == ["check", "train_dropout", "plot"]
    assert "train.dropout_rate" in outputs["dvc params"]
    assert "metrics/dropout.json" in outputs["dvc metrics"]
    assert "metrics/no_dropout.json" not in outputs["dvc metrics"]
    assert git(clone, "diff", "--name-only", "main", "rate-0.2", "--", "plots/dropout.csv")
    assert (clone / "dvc_plots/index.html").is_file()
    assert (clone / "report/index.html").is_file()
    assert git(clone, "status", "--porcelain") == ""


def run_as_written(line: str, clone: Path, run: Run) -> str:
    """What a command of the README prints; see the test."""
    command, _, comment = (part.strip() for part in line.partition("#"))
    program, *arguments = shlex.split(command)
    if program == "source":
        return ""
    if program == "nano":
        name, value = comment.split(": ")
        set_parameters(clone, **{f"train__{name}": float(value)})
        return ""
    if program == "git":
        return git(clone, *arguments)
    if program == "make":
        _, _, program, *arguments = recipe(*arguments)  # python -m program ...
    variables_of_code = {} if program in ("gate", "dvc") else {"PYTHONPATH": ""}
    done = run(clone, program, *arguments, **variables_of_code)
    allowed = (0, 1) if program == "gate" else (0,)  # a rate may well be worse
    assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
