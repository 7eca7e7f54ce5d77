import errno
import os
import re
import signal
import subprocess
import sys

import pytest

from experiment.support.errors import InputError, one_line_errors
from tests.conftest import ROOT

FULL = OSError(errno.ENOSPC, "No space", "models/x.keras")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("expected a, found b; do c"), "program: expected a, found b; do c"),
        (FULL, "program: models/x.keras: no space left on the disk; free some and run again"),
        (KeyboardInterrupt(), 130),
    ],
)
def test_user_sees_one_line(error: BaseException, code: object) -> None:
    with pytest.raises(SystemExit) as exit_, one_line_errors("program"):
        raise error
    assert exit_.value.code == code


@pytest.mark.parametrize("fault", [ZeroDivisionError(), OSError(errno.EIO, "strange")])
def test_fault_of_the_program_keeps_its_traceback(fault: Exception) -> None:
    with pytest.raises(type(fault)), one_line_errors("program"):
        raise fault


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_request_to_end(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """It is heeded unless it was ignored, and afterwards handled as before."""
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as exit_, one_line_errors("program"):
        os.kill(os.getpid(), number)
    assert exit_.value.code == 128 + number
    assert capsys.readouterr().err == (
        "program: terminated; what was finished before is kept; run again to go on\n"
    )
    assert signal.getsignal(number) == before
    try:
        signal.signal(number, signal.SIG_IGN)  # as `nohup` does
        with one_line_errors("program"):
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)


PRINTED = "no é, 日本, but −0.22 points ±0.14"
PRINT = f"""
import sys
from experiment.support.errors import one_line_errors
with one_line_errors("program"):
    print({PRINTED!r})
    sys.exit({PRINTED!r})
"""


def test_output_of_another_encoding() -> None:
    """A figure keeps its sign."""
    variables = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=ROOT, env=variables, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == done.stderr == b"no ?, ??, but -0.22 points +-0.14\n"


def test_reader_that_ends() -> None:
    """As `head` does: no traceback."""
    code = PRINT.replace("    sys.exit", "    for _ in range(99999): print(1)\n    sys.exit")
    command = f'{sys.executable} -c "$1" | head -n 1; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command, "-", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{PRINTED}\n141\n", "")


def test_every_program() -> None:
    """Each runs within `one_line_errors`, but for a plain script to compare with."""
    for folder in ("explore", "stages", "study", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            if re.search(r"(?m)^if __name__ == ", code) and path.name != "plain.py":
                assert "with one_line_errors(" in code, path
