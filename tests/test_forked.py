"""A fork is to show what a process of its own would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import Run

pytestmark = pytest.mark.skipif(not forked.possible({}), reason="no forks here, or coverage")

PROGRAM = """
import json, os, signal, sys
import stages
print(json.dumps({
    "arguments": sys.argv[1:], "folder": os.getcwd(), "name": __name__, "path": sys.path[0],
    "group": os.getpgrp() == os.getpid(), "stages": stages.__file__,
    "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "home": os.environ["HOME"], "loaded": [n for n in ("keras", "gate") if n in sys.modules],
}))
sys.exit("on stderr")
"""


def test_fork_shows_what_a_process_shows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").write_text("")  # not this clone's
    done = run(tmp_path, "program", "a b", "c", PYTHONPATH="")
    assert (done.returncode, done.stderr) == (1, "on stderr\n")
    found = json.loads(done.stdout)
    assert found["home"] == str(tmp_path / "home")
    process = subprocess.run(
        [sys.executable, "-m", "program", "a b", "c"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": found["home"]},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert found == json.loads(process.stdout)
    assert (process.returncode, process.stderr) == (1, "on stderr\n")


def test_variables_that_python_reads_as_it_starts_need_a_process() -> None:
    assert forked.possible({"PYTHONPATH": "there"})
    assert not forked.possible({"PYTHONHASHSEED": "1"})
