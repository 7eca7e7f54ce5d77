import io
import json
import re
from pathlib import Path

from experiment.support.status import Status

from study.training.progress import StudyProgress
from study.training.replicate import reason


def test_log_has_a_line_for_each_run_and_the_pace_at_the_end(tmp_path: Path) -> None:
    stream, status = io.StringIO(), tmp_path / "study.json"
    progress = StudyProgress(runs=3, work=6.0, status=Status(status, 3), stream=stream)
    assert json.loads(status.read_text()) == {"done": 0, "failed": 0, "total": 3}
    progress.finished("first", 1.0)
    progress.finished("second", 2.0, error="ValueError: no")
    told = json.loads(status.read_text())
    assert told | {"left": 0} == {"done": 1, "failed": 1, "left": 0, "total": 3}
    assert told["left"] > 0
    progress.finished("third", 3.0)
    progress.close()
    assert not status.exists()
    expected = (
        r"study: 1 of 3 runs done, 0 failed, \d\d:\d\d left: first",
        r"study: failed: second: ValueError: no",
        r"study: 2 of 3 runs done, 1 failed, 00:00 left: third",
        r"study: 2 of 3 runs done, 1 failed, in \d\d:\d\d: \d+\.\d runs per hour",
    )
    for pattern, line in zip(expected, stream.getvalue().splitlines(), strict=True):
        assert re.fullmatch(pattern, line)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_has_a_bar_with_runs_done_failed_and_time_left() -> None:
    stream = Terminal()
    progress = StudyProgress(runs=2, work=2.0, status=Status(None, 2), stream=stream)
    progress.finished("first", 1.0)
    progress.finished("second", 1.0, error="ValueError: no")
    progress.close()
    assert "study  1 of 2 runs done, 0 failed  50%|" in stream.getvalue()
    assert re.search(r"1 of 2 runs done, 1 failed 100%\|.*\| .*, .* left", stream.getvalue())
    assert "study: failed: second: ValueError: no" in stream.getvalue()


def test_reason_is_one_line() -> None:
    assert reason(ValueError("one\n  two")) == "ValueError: one two"
