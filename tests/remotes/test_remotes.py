"""docs/remotes.md, line by line, in repositories of a few images; not SSH, nor a web server."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, set_parameters
from tests.repository import Terminal, everything, git, ran

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
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


def type_lines(terminal: Terminal, lines: Lines, examples: dict[str, str]) -> None:
    """Run lines of the page, with values in place of its examples."""
    for command, shown in lines:
        for example, value in examples.items():
            command = command.replace(example, value)
        assert shown in terminal.run(command)


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
    type_lines(sender, lines(section), examples)
    type_lines(sender, lines("Push"), {})
    assert "a-secret" not in git(first, "show", "HEAD")
    _, _, *pull = lines("Pull")
    git(tmp_path, "clone", "--quiet", "origin.git", "second")
    receiver = Terminal(tmp_path / "second")
    type_lines(receiver, [line for line in lines(section) if "--local" in line[0]], examples)
    type_lines(receiver, pull, {})
    is_the_same(receiver, first)


def terminal_of(user: str, folder: Path) -> Terminal:
    """Give a folder to a user, if one is named, and return their terminal."""
    terminal = Terminal(folder, f"home of {user}")
    if user:
        owner = ["chown", "-R", f"{user}:users"]
        subprocess.run([*owner, terminal.home, folder], check=True)
        terminal.prefix = [*AS_OTHER, f"--reuid={user}"]
        terminal.environment["USER"] = user
    return terminal


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
    owner = terminal_of(USERS[0], shutil.copytree(first, top / "first", symlinks=True))
    make, join, commit, checkout = CACHE[:3], CACHE[3:6], CACHE[6:7], CACHE[7:]
    examples = {"/srv/dvc-cache": str(top / "cache"), "chgrp users": f"chgrp {GROUP}"}
    type_lines(owner, [*make, *join, *commit], examples)
    (top / "second").mkdir()
    other = terminal_of(USERS[1], top / "second")
    other.run(f"git clone --quiet {top / 'first'} .")
    type_lines(other, [*join, *checkout], examples)
    is_the_same(other, first)

    # As if it had never seen a run: what DVC knows of one is in dvc.lock.
    (other.folder / "dvc.lock").unlink()
    assert ran(other.run("python -m stages")) == ["download", "preprocess"]
    other.run("git checkout --quiet dvc.lock")  # stages in another order
    is_the_same(other, first)

    set_parameters(other.folder, train__seed=1)
    other.run("dvc repro preprocess")
    type_lines(other, commit, examples)
    cache = [top / "cache", *(top / "cache").rglob("*")]
    assert {path.stat().st_gid for path in cache} == {(top / "cache").stat().st_gid}
    assert {path.stat().st_mode & 0o070 for path in cache if path.is_dir()} == {0o070}
    assert {path.stat().st_mode & 0o040 for path in cache} == {0o040}
