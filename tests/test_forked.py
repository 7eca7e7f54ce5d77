"""A fork is to show what a process of its own would."""

import json
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
    forks, process = (
        run(tmp_path, "program", "a b", "c", PYTHONPATH="", **variables)
        for variables in ({}, {"PYTHONHASHSEED": "1"})
    )
    assert not forked.possible({"PYTHONHASHSEED": "1"})
    assert json.loads(forks.stdout) == json.loads(process.stdout) | {"group": True}
    assert json.loads(forks.stdout)["home"] == str(tmp_path / "home")
    for done in (forks, process):
        assert (done.returncode, done.stderr) == (1, "on stderr\n")
