"""docs/remotes.md, line by line, in repositories of a few images."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import ROOT, environment_of_stages
from tests.faults.conftest import everything
from tests.repository import git, ran

PAGE = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
HERE = {  # the environment is there already
    "make setup": "true",
    "source .venv/bin/activate": "true",
    "make repro": "python -m stages",
}


def read_lines(section: str) -> list[tuple[str, str]]:
    """Return the commands of a section, each with the output that the page shows for it."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = "".join(re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    parts = [part.split("\n", 1) for part in re.split(r"^\$ ", blocks, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, shown in parts]


def type_lines(
    folder: Path, lines: list[tuple[str, str]], examples: dict[str, str] | None = None
) -> str:
    """Run lines of the page as a user types them, with values in place of its examples."""
    output = ""
    for command, shown in lines:
        command = HERE.get(command, command)
        for example, value in (examples or {}).items():
            command = command.replace(example, value)
        site = {"DVC_SITE_CACHE_DIR": str(folder.parent / "site")}
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment_of_stages(**site),
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert shown in done.stdout
        output += done.stdout
    return output


@pytest.fixture
def first(repository: Path, tmp_path: Path) -> Path:
    """A clone with results, of a repository that it was pushed to."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(repository, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repository, "push", "--quiet", "--set-upstream", "origin", "main")
    return repository


@contextmanager
def serve_s3() -> Iterator[dict[str, str]]:
    """Start Moto's server, which speaks S3 over HTTP; give the values for the page's examples."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        keys = {"aws_access_key_id": "a-key", "aws_secret_access_key": "a-secret"}
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
        client.create_bucket(Bucket="bucket")
        client.close()
        yield {"https://s3.example.org": url, "KEY": "a-key", "SECRET": "a-secret"}
    finally:
        server.stop()


@pytest.mark.parametrize("section", ["A folder", "A bucket on S3"])
def test_second_clone_pulls(section: str, first: Path, tmp_path: Path) -> None:
    """It trains nothing; the keys are in no commit."""
    with serve_s3() as examples:
        examples["/srv/dvc"] = str(tmp_path / "store")
        type_lines(first, read_lines(section), examples)
        type_lines(first, read_lines("Push"))
        assert "a-secret" not in git(first, "show", "HEAD")
        git(tmp_path, "clone", "--quiet", "origin.git", "second")
        second = tmp_path / "second"
        type_lines(second, [line for line in read_lines(section) if "--local" in line[0]], examples)
        type_lines(second, read_lines("Pull")[2:])  # says that everything is up to date
    assert everything(second) == everything(first)
    assert git(second, "status", "--porcelain") == ""


def test_cache_of_two_clones(first: Path, tmp_path: Path) -> None:
    """The second trains nothing that the first has trained; the whole group can write."""
    lines = read_lines("Nothing twice on one machine")
    make, join, commit, checkout = lines[:3], lines[3:6], lines[6:7], lines[7:]
    cache, second = tmp_path / "cache", tmp_path / "second"
    examples = {"/srv/dvc-cache": str(cache), "chgrp users": f"chgrp {os.getgid()}"}
    before = os.umask(0o077)
    try:
        type_lines(first, [*make, *join, *commit], examples)
    finally:
        os.umask(before)
    entries = [cache, *cache.rglob("*")]
    assert {path.stat().st_mode & 0o070 for path in entries if path.is_dir()} == {0o070}
    assert {path.stat().st_mode & 0o040 for path in entries} == {0o040}
    assert all(path.stat().st_mode & 0o2000 for path in entries if path.is_dir())

    git(tmp_path, "clone", "--quiet", "origin.git", "second")
    type_lines(second, [*join, *checkout], examples)
    assert everything(second) == everything(first)
    (second / "dvc.lock").unlink()  # as if it had never seen a run
    assert ran(type_lines(second, [("make repro", "")])) == ["download", "preprocess"]
    assert everything(second) == everything(first)
