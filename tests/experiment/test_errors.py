import errno
import os
import signal

import pytest

from experiment.support.errors import InputError, one_line_errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("expected a, found b; do c"), "program: expected a, found b; do c"),
        (
            OSError(errno.ENOSPC, "No space", "models/x.keras"),
            "program: models/x.keras: no space left on the disk; free some and run again",
        ),
        (KeyboardInterrupt(), 130),
    ],
)
def test_user_sees_one_line(error: BaseException, code: object) -> None:
    with pytest.raises(SystemExit) as exit_, one_line_errors("program"):
        raise error
    assert exit_.value.code == code


def test_fault_of_the_program_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), one_line_errors("program"):
        print(1 / 0)
    with pytest.raises(OSError, match="strange"), one_line_errors("program"):
        raise OSError(errno.EIO, "strange")


def test_request_to_terminate_ends_it_and_is_afterwards_what_it_was_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as exit_, one_line_errors("program"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert exit_.value.code == 143
    assert capsys.readouterr().err == (
        "program: terminated; what was finished before is kept; run again to go on\n"
    )
    assert signal.getsignal(signal.SIGTERM) == before
