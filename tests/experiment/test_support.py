"""What cannot change a byte of a result: messages, pages, progress."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiment.support.errors import GO_ON, InputError, one_line_errors
from experiment.support.markdown import blocks_of, fill_blocks, table
from experiment.support.progress import Progress
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("expected a, found b; do c"), "program: expected a, found b; do c"),
        (OSError(errno.ENOSPC, "", "x.keras"), "program: x.keras: no space left on the disk; free"),
        (OSError(errno.EACCES, ""), "program: disk: not allowed to write or read here; check the"),
        (KeyboardInterrupt(), "130"),
        (ZeroDivisionError(), None),  # a fault of the program keeps its traceback
        (OSError(errno.EIO, "strange"), None),
    ],
)
def test_user_sees_one_line(error: BaseException, code: str | None) -> None:
    with pytest.raises(SystemExit if code else type(error)) as raised, one_line_errors("program"):
        raise error
    if code:
        assert str(raised.value).startswith(code)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_request_to_end(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    """It is heeded unless it was ignored, as by `nohup`, and afterwards handled as before."""
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as exit_, one_line_errors("program"):
        os.kill(os.getpid(), number)
    assert exit_.value.code == 128 + number
    assert capsys.readouterr().err == f"program: terminated; {GO_ON}\n"
    assert signal.getsignal(number) == before
    try:
        signal.signal(number, signal.SIG_IGN)
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
    variables, command = os.environ | {"PYTHONIOENCODING": "ascii"}, [sys.executable, "-c", PRINT]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True)
    assert done.returncode == 1
    assert done.stdout == done.stderr == b"no ?, ??, but -0.22 points +-0.14\n"


def test_reader_that_ends() -> None:
    """As `head` does: no traceback."""
    code = PRINT.replace("    sys.exit", "    for _ in range(99999): print(1)\n    sys.exit")
    line = f'{sys.executable} -c "$1" | head -n 1; echo ${{PIPESTATUS[0]}}'
    command = ["bash", "-c", line, "-", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{PRINTED}\n141\n", "")


def test_every_program() -> None:
    """Each runs within `one_line_errors`, but for a plain script to compare with."""
    for folder in ("explore", "stages", "study", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            if re.search(r"(?m)^if __name__ == ", code) and path.name != "plain.py":
                assert "with one_line_errors(" in code, path


PAGE = """# Title

<!-- study: one -->
{}
<!-- /study -->

<!-- speed: one -->
Of another program.
<!-- /speed -->

<!-- study: two -->
{}
<!-- /study -->
"""


def test_blocks(tmp_path: Path) -> None:
    """What is between the marks is replaced, and nothing else."""
    page, rows = tmp_path / "page.md", "| a |\n| --- |\n| 2 |"
    page.write_text(PAGE.format("Old,\nold.", ""))
    fill_blocks(page, "study", {"two": table(["a"], [["2"]]), "one": "New \\1."})
    assert page.read_text() == PAGE.format("New \\1.", rows)
    assert blocks_of(page.read_text(), "study") == {"one": "New \\1.", "two": rows}


@pytest.mark.parametrize("found", ["one, three", "one, one"])
def test_missing_marks(found: str, tmp_path: Path) -> None:
    """One line, and the page is kept."""
    page, text = tmp_path / "page.md", PAGE.replace("study: two", f"study: {found[5:]}")
    page.write_text(text)
    with pytest.raises(InputError, match=f"the blocks one, two; found {found}; put back"):
        fill_blocks(page, "study", {"one": "New.", "two": "New."})
    assert page.read_text() == text
    page.unlink()
    with pytest.raises(InputError, match="no such file; restore it with git"):
        fill_blocks(page, "study", {})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_resumed_work(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten steps five are done; two more take 8 seconds, so three take 12."""
    clock = iter([100.0, 104.0, 108.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress("dropout", total=10, finished=5)
    for epoch in (6, 7):
        progress.step(1, f"epoch {epoch:2}/10", "loss 0.0400")
    progress.close()
    shown = (
        "dropout  epoch  6/10  loss 0.0400  00:16 left\n"
        "dropout  epoch  7/10  loss 0.0400  00:12 left\n"
    )
    if stream.isatty():
        shown = r".*\rdropout  epoch  7/10   70 % \|.*\| \S+, \S+ left, loss 0.0400.*"
    assert re.fullmatch(shown, stream.getvalue(), re.DOTALL)
