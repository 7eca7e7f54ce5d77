"""docs/remotes.md, line by line, in repositories of a few images."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment_of_stages, set_parameters
from tests.repository import everything, git, ran

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
HERE = {  # the environment is there already; SSH and a web server are not tried
    "make setup": "true",
    "source .venv/bin/activate": "true",
    "make repro": "python -m stages",
}
# Another user cannot read this Python where it is in someone's home, unless it is let.
AS_OTHER = ["setpriv", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
AS_OTHER += ["--clear-groups", "--regid=users"]
POSSIBLE = (
    os.getuid() == 0
    and shutil.which("setpriv") is not None
    and subprocess.run([*AS_OTHER, "--reuid=nobody", "true"]).returncode == 0
)
USERS, GROUP = (("daemon", "nobody"), "users") if POSSIBLE else (("", ""), str(os.getgid()))


Lines = list[tuple[str, str]]


def lines(section: str) -> Lines:
    """Return the commands of a section, each with the output that the page shows for it."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = "".join(re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    parts = [part.split("\n", 1) for part in re.split(r"^\$ ", blocks, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, shown in parts]


CACHE = lines("Nothing twice on one machine")


class Terminal:
    """Runs lines as a user types them and stops at the first that fails."""

    def __init__(self, folder: Path, user: str = "") -> None:
        home = folder.parent / f"home-{user}"
        home.mkdir(exist_ok=True)
        (home / ".gitconfig").write_text("[user]\nname = a\nemail = a\n[safe]\ndirectory = *\n")
        self.folder = folder
        self.prefix = [*AS_OTHER, f"--reuid={user}"] if user else []
        if user:
            subprocess.run(["chown", "-R", f"{user}:users", home, folder], check=True)
        self.environment = environment_of_stages(
            HOME=str(home), USER=user, DVC_SITE_CACHE_DIR=str(folder.parent / "site"),
            GIT_CONFIG_GLOBAL="", PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip

    def run(self, command: str) -> str:
        command_line = [*self.prefix, "bash", "-c", HERE.get(command, command)]
        done = subprocess.run(
            command_line, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def type(self, lines: Lines, examples: dict[str, str]) -> None:
        """Run lines of the page, with values in place of its examples."""
        for command, shown in lines:
            for example, value in examples.items():
                command = command.replace(example, value)
            assert shown in self.run(command)


@pytest.fixture
def examples(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What stands for the page's examples: a folder, and moto's server, which speaks S3."""
    import boto3  # here: every process of pytest imports this file
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "a-key", "aws_secret_access_key": "a-secret"}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="bucket")
    client.close()
    of_bucket = {"https://s3.example.org": url, "KEY": "a-key", "SECRET": "a-secret"}
    yield of_bucket | {"/srv/dvc": str(tmp_path / "store")}
    server.stop()


@pytest.fixture
def first(repository: Path, tmp_path: Path) -> Path:
    """A clone with results, of a repository that it was pushed to."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repository, "push", "--quiet", "--set-upstream", "origin", "main")
    return repository


def is_the_same(second: Terminal, first: Path) -> None:
    assert everything(second.folder) == everything(first)
    assert second.run("git status --porcelain") == ""
    assert second.run("dvc status") == "Data and pipelines are up to date.\n"


@pytest.mark.parametrize("section", ["A folder", "A bucket on S3"])
def test_second_clone_pulls(
    section: str, examples: dict[str, str], first: Path, tmp_path: Path
) -> None:
    """It trains nothing; the keys are in no commit."""
    sender = Terminal(first)
    sender.type(lines(section), examples)
    sender.type(lines("Push"), {})
    assert "a-secret" not in git(first, "show", "HEAD")
    _, _, *pull = lines("Pull")
    git(tmp_path, "clone", "--quiet", "origin.git", "second")
    receiver = Terminal(tmp_path / "second")
    receiver.type([line for line in lines(section) if "--local" in line[0]], examples)
    receiver.type(pull, {})
    is_the_same(receiver, first)


@pytest.fixture
def top() -> Iterator[Path]:
    """A folder for everyone; pytest's are its user's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_cache_of_two_users(first: Path, top: Path) -> None:
    """The second trains nothing that the first has trained, and can write where the first can.

    Where this user is not root, it is both.
    """
    owner = Terminal(shutil.copytree(first, top / "first", symlinks=True), USERS[0])
    make, join, commit, checkout = CACHE[:3], CACHE[3:6], CACHE[6:7], CACHE[7:]
    examples = {"/srv/dvc-cache": str(top / "cache"), "chgrp users": f"chgrp {GROUP}"}
    owner.type([*make, *join, *commit], examples)
    (top / "second").mkdir()
    other = Terminal(top / "second", USERS[1])
    other.run(f"git clone --quiet {top / 'first'} .")
    other.type([*join, *checkout], examples)
    is_the_same(other, first)

    # As if it had never seen a run: what DVC knows of one is in dvc.lock.
    (other.folder / "dvc.lock").unlink()
    assert ran(other.run("python -m stages")) == ["download", "preprocess"]
    other.run("git checkout --quiet dvc.lock")  # stages in another order
    is_the_same(other, first)

    set_parameters(other.folder, train__seed=1)
    other.run("dvc repro preprocess")
    other.type(commit, examples)
    cache = [top / "cache", *(top / "cache").rglob("*")]
    assert {path.stat().st_gid for path in cache} == {(top / "cache").stat().st_gid}
    assert {path.stat().st_mode & 0o070 for path in cache if path.is_dir()} == {0o070}
    assert {path.stat().st_mode & 0o040 for path in cache} == {0o040}
