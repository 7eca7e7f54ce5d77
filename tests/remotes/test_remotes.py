"""docs/remotes.md, run line by line in repositories where the study was never run."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.faults.conftest import everything
from tests.remotes.servers import Remote, folder, s3, ssh, web
from tests.repository import contents, git, ran, recipe

PAGE = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")

# The environment is there already.
HERE = {
    "make setup": "true",
    "source .venv/bin/activate": "true",
    "make repro": "python -m stages",
    # tests/stages/test_evaluate.py has networks that learned something.
    "make evaluate MODEL=models/dropout.keras": "true",
    "make evaluate MODEL=models/dropout.keras IMAGE=digit.png": "true",
}


def lines(section: str) -> list[tuple[str, str]]:
    """The commands of a section, each with the output that the page shows for it."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    parts = [part.split("\n", 1) for part in re.split(r"^\$ ", "".join(blocks), flags=re.M)[1:]]
    return [(command, shown) for command, shown in parts]


class Terminal:
    """Runs lines as a user types them, and stops at the first that fails."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder, self._run = folder, run

    def type(self, section: str, values: dict[str, str], only: str = "") -> None:
        """The lines of a section (or those alone with a word), values in place of its examples."""
        used = set()
        for command, shown in lines(section):
            if only not in command:
                continue
            words = shlex.split(HERE.get(command, command), comments=True)
            used |= values.keys() & {*words}
            program, *arguments = [values.get(word, word) for word in words]
            if program == "cd":
                self.folder /= arguments[0]
            elif program == "git":
                git(self.folder, *arguments)
            elif program in ("dvc", "python"):
                module = ("dvc", *arguments) if program == "dvc" else arguments[1:]
                done = self._run(self.folder, *module, PYTHONPATH="")
                assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
                assert shown in done.stdout, f"{command}: {done.stdout}"
            else:
                subprocess.run((program, *arguments), cwd=self.folder, check=True)
        assert only or used == {*values}, "the page has other examples"


def test_every_line_of_the_page_is_run_here() -> None:
    sections = ["A folder", "A server with SSH", "A bucket on S3", "A web server, to read from"]
    sections += ["Push", "Pull", "One model alone", "Nothing twice on one machine"]
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == sections
    assert sum(len(lines(name)) for name in sections) == len(re.findall(r"^\$ ", PAGE, re.M))


@pytest.fixture(scope="module")
def made(finished_by_stand_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `first` is a copy of, and the repository that it was pushed to."""
    top = tmp_path_factory.mktemp("made")
    clone = Path(shutil.copytree(finished_by_stand_in, top / "first", symlinks=True))
    shutil.copytree(ROOT / "study", clone / "study", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".dvc/plots/bands.json", clone / ".dvc/plots")
    for name in ("metrics", "plots"):
        for path in (ROOT / name).glob("study*"):
            shutil.copy(path, clone / name)
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message=study")
    git(top, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(clone, "remote", "add", "origin", "../origin.git")
    git(clone, "push", "--quiet", "--set-upstream", "origin", "main")
    return top


@pytest.fixture
def first(made: Path, tmp_path: Path) -> Path:
    """A clone with results, and with the committed study, which was never run in it."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "first"


def is_the_same(second: Path, first: Path, dvc: Run) -> None:
    assert everything(second) == everything(first)
    assert git(second, "status", "--porcelain") == ""
    assert dvc(second, "status").stdout == "Data and pipelines are up to date.\n"


@pytest.mark.parametrize("server", [folder, ssh, s3, web])
def test_second_clone_pulls_and_trains_nothing(
    server: Callable[[Path], AbstractContextManager[Remote]],
    first: Path,
    tmp_path: Path,
    run: Run,
    dvc: Run,
) -> None:
    """The page has what `make repro` prints where there is nothing to train."""
    top = tmp_path / "server"
    top.mkdir()
    with server(top) as remote:
        terminal = Terminal(first, run)
        terminal.type(remote.section, remote.values)
        terminal.type("Push", {})
        assert not remote.secret or remote.secret not in git(first, "show", "HEAD")
        assert dvc(first, "push").stdout == "Everything is up to date.\n"

        clone, pull = lines("Pull")[0][0], Terminal(tmp_path, run)
        assert clone == "git clone https://example.org/team/dropout.git"
        git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(tmp_path / "dropout"))
        Terminal(tmp_path / "dropout", run).type(remote.section, remote.values, only="--local")
        # The clone is there by now, for the lines that everyone needs before the first pull.
        pull.type("Pull", {"clone": "init", clone.split()[-1]: str(tmp_path / "unused.git")})
        is_the_same(tmp_path / "dropout", first, dvc)
        if server is folder:
            (tmp_path / "dropout/models/dropout.keras").unlink()
            pull.type("One model alone", {})
            assert contents(tmp_path / "dropout") == contents(first)


def test_file_damaged_on_the_remote_is_refused_and_sent_anew(
    first: Path, tmp_path: Path, dvc: Run
) -> None:
    dvc(first, "remote", "add", "--default", "team", str(tmp_path / "store"))
    git(first, "commit", "--quiet", "--message=remote", ".dvc/config")
    assert dvc(first, "push").stdout == "7 files pushed\n"
    model = (first / "models/dropout.keras").read_bytes()
    (damaged,) = [
        path for path in (tmp_path / "store").rglob("*")
        if path.is_file() and path.read_bytes() == model
    ]  # fmt: skip
    damaged.chmod(0o600)
    damaged.write_bytes(bytes(len(model)))

    second = tmp_path / "second"
    git(tmp_path, "clone", "--quiet", str(first), str(second))
    done = dvc(second, "pull")
    assert done.returncode != 0
    assert "models/dropout.keras" in done.stderr
    assert not (second / "models/dropout.keras").exists()
    assert dvc(first, "push").stdout == "1 file pushed\n"
    assert dvc(second, "pull").returncode == 0
    assert contents(second) == contents(first)


def test_shared_cache_and_its_run_cache(first: Path, tmp_path: Path, run: Run, dvc: Run) -> None:
    section, values = "Nothing twice on one machine", {"/srv/dvc-cache": str(tmp_path / "cache")}
    # The last line first: its result is to be among what is brought along.
    Terminal(first, run).type(section, {}, only="commit")
    Terminal(first, run).type(section, values)
    second = tmp_path / "second"
    git(tmp_path, "clone", "--quiet", str(first), str(second))
    Terminal(second, run).type(section, values, only="--local")
    Terminal(second, run).type(section, {}, only="checkout")
    is_the_same(second, first, dvc)

    # As if it had never seen a run: what DVC knows of one is in dvc.lock.
    (second / "dvc.lock").unlink()
    done = run(second, "stages", PYTHONPATH="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ran(done.stdout) == ["download", "preprocess"]
    # But for dvc.lock, whose stages are in the order in which they were looked at.
    git(second, "checkout", "--quiet", "dvc.lock")
    is_the_same(second, first, dvc)


def test_dvcs_own_commands_see_nothing_of_the_study(first: Path, dvc: Run) -> None:
    """Those that once ended with an error, or listed the study, where it was never run."""
    assert dvc(first, "status").stdout == "Data and pipelines are up to date.\n"
    done = dvc(first, "exp", "run", "--name", "other", "--set-param", "train.epochs=1")
    assert done.returncode == 0, done.stderr
    git(first, "checkout", "--quiet", "--force", "main")
    commands = ("exp apply other", "checkout", "gc --workspace --force", "plots show", "dag")
    for command in commands:
        done = dvc(first, *command.split())
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    git(first, "checkout", "--quiet", "--force", "main")
    assert {path.name for path in (first / "data").iterdir()} == {
        "own", "params.checked", "processed", "raw",
    }  # fmt: skip


def test_experiments_are_a_table_to_be_read_in_160_columns(first: Path, dvc: Run) -> None:
    for variant, accuracy in (("dropout", 0.875), ("no_dropout", 0.75)):
        path = first / f"metrics/{variant}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"test_accuracy": accuracy}))
    table = dvc(first, *recipe("experiments")[3:], COLUMNS="160").stdout.splitlines()
    assert max(map(len, table)) <= 160
    cells = [line.split() for line in table]
    accuracies = [f"metrics/{variant}.json:test_accuracy" for variant in ("no_dropout", "dropout")]
    assert ["Experiment", *accuracies, "train.epochs", "train.dropout_rate"] in cells
    assert ["workspace", "0.75", "0.875", "3", "0.5"] in cells


def test_figures_of_the_study_are_compared_where_they_are_named(first: Path, dvc: Run) -> None:
    study = first / "metrics/study.json"
    content = json.loads(study.read_text())
    before, content["noise"]["seeds"] = content["noise"]["seeds"], 99
    study.write_text(json.dumps(content))
    assert dvc(first, "metrics", "diff", "--json").stdout == "{}\n"
    named = dvc(first, "metrics", "diff", "--json", "--targets", "metrics/study.json", "--", "HEAD")
    expected = {"noise.seeds": {"old": before, "new": 99, "diff": 99 - before}}
    assert json.loads(named.stdout) == {"metrics/study.json": expected}
