"""`make new`: a repository for another question, and two questions that are asked in it."""

import re
from pathlib import Path

import pandas as pd
import pytest

from experiment.support.errors import InputError
from tests.conftest import Run, make_tiny
from tests.repository import commit, copy_files, git
from tools.new import check_words, make_new

PATCHES = Path(__file__).parent / "patches"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with the files of this one."""
    folder = tmp_path / "clone"
    copy_files(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "a fresh clone")
    return folder


def succeed(run: Run, folder: Path, *command: str) -> str:
    """Run a command in the folder, with the code there."""
    done = run(folder, *command, PYTHONPATH="")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weight decay", "augmentation"])
def test_example(name: str, clone: Path, run: Run) -> None:
    """A patch of a few lines trains, is drawn, is gated, and goes on the last screen."""
    second = name.replace(" ", "_")
    patch = PATCHES / f"{second}.patch"
    changed = re.findall(r"^([-+]|diff)(?![-+])", patch.read_text(), re.MULTILINE)
    assert changed.count("diff") <= 3
    assert len(changed) - changed.count("diff") <= 25
    succeed(run, clone, "tools.new", name, "plain", second)
    git(clone, "apply", str(patch))
    make_tiny(clone, epochs=2)
    commit(clone, name)
    screen = succeed(run, clone, "stages").splitlines()
    header = next(line.split() for line in screen if "difference" in line)
    assert header == ["plain", *name.split(), "difference"]
    curves = [pd.read_csv(clone / f"plots/{variant}.csv") for variant in ("plain", second)]
    assert (curves[0]["val_loss"] != curves[1]["val_loss"]).all()
    assert {path.name for path in (clone / "plots").glob("*.png")} == {"accuracy.png", "loss.png"}
    assert f"metrics/{second}.json" in succeed(run, clone, "gate", "check")


def test_new_repository(clone: Path, run: Run) -> None:
    """It has nothing of ours, and all of it is committed."""
    make_new(clone, check_words("batch normalisation", "alone", "batch_norm"))
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "log", "--format=%s").splitlines()[0] == "New question: batch normalisation"
    tracked = set(git(clone, "ls-files").split())
    assert not {"explore", "metrics", "plots", "study/runs.jsonl"} & tracked
    assert "tests/experiment/test_golden.py" in tracked
    for name in ("experiment/network/model.py", "experiment/variants.py"):
        assert (clone / name).read_text().count("# NEW: ") == 1
    first, *_ = (clone / "stages/train.py").read_text().splitlines()
    assert first.endswith('`train_batch_norm`: one training each, alike but for one thing."""')
    assert (
        "another learning rate (train.learning_rate)" in (clone / "stages/summary.py").read_text()
    )
    for command in ("ruff format --check .", "ruff check ."):
        succeed(run, clone, *command.split())
    assert '"name": "batch_norm"' in (clone / ".devcontainer/devcontainer.json").read_text()
    text = {path: (clone / path).read_text("utf-8") for path in tracked if path[-4:] != ".png"}
    assert [path for path in text if "no_dropout" in text[path]] == []
    for path in (path for path in text if path.endswith(".md")):
        for link in re.findall(r"\]\(([^)#]+)", text[path]):
            assert link.startswith("http") or (clone / path).parent.joinpath(link).exists(), path


@pytest.mark.slow
def test_new_repository_is_green(clone: Path, run: Run) -> None:
    """Its networks are the same until they are changed."""
    succeed(run, clone, "tools.new", "batch normalisation", "plain", "batch_norm")
    for command in ("mypy", "pytest --collect-only -qq"):
        succeed(run, clone, *command.split())
    succeed(run, clone, "pytest", "-q", "tests/pipeline/test_contract.py", "tests/stages")
    make_tiny(clone, epochs=2)
    commit(clone, "own images")
    screen = succeed(run, clone, "stages")
    assert "\nbatch normalisation: the same bits as plain; NEW is not filled in yet\n" in screen
    assert "committed" not in screen
    assert len({path.read_bytes() for path in (clone / "plots").glob("*.csv")}) == 1
    for command in ("check", "report"):
        succeed(run, clone, "gate", command)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("a question", "plain", "plain"), "FROM: expected a name such as batch_norm"),
        (("a question", "plain", "batch norm"), "TO: expected .*; found 'batch norm'"),
        (("a question", "plain", "class"), "TO: expected .*; found 'class'"),
        (("a" * 31, "plain", "other"), "NAME: expected 1 to 30 letters"),
        (("a question", "plain", "other"), "expected no changes; found some; commit them"),
    ],
)
def test_refusals(words: tuple[str, str, str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "a change").touch()
    git(tmp_path, "init", "--quiet")
    with pytest.raises(InputError, match=reason):
        make_new(tmp_path, check_words(*words))
    assert {path.name for path in tmp_path.iterdir()} == {".git", "a change"}
