"""Errors about what a user gave, in one line; output that any terminal can show."""

import codecs
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class InputError(Exception):
    """Bad input: the message is one line that says what was expected, found, and what to do."""


def wrong(what: str, expected: str, found: object, remedy: str) -> InputError:
    """Return the error to raise where something is not as expected."""
    return InputError(f"{what}: expected {expected}; found {found}; {remedy}")


GO_ON = "what was finished before is kept; run again to go on"


@contextmanager
def one_line_errors(program: str, then: str = GO_ON) -> Iterator[None]:
    """End the process with one line on stderr and a status that is not 0, without a traceback.

    Every program of the repository runs in it, so it also makes their output printable. The line
    starts with the program; `then` ends it after a stop. The status is 1 for bad input or a disk
    that cannot be written, 130 for Ctrl-C, 143 for a request to terminate, 129 for a terminal that
    is closed, 141 for a reader, such as `head`, that has ended. A fault of the program itself keeps
    its traceback.
    """

    def terminate(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    codecs.register_error("printable", _replace_characters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="printable")
    # What is ignored, as by `nohup`, stays so.
    requests = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) != signal.SIG_IGN]
    before = {number: signal.signal(number, terminate) for number in requests}
    try:
        yield
        sys.stdout.flush()
    except InputError as error:
        sys.exit(f"{program}: {error}")
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT  # Python's own has none
        word = "interrupted" if number == signal.SIGINT else "terminated"
        print(f"{program}: {word}; {then}", file=sys.stderr)
        sys.exit(128 + number)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still buffered goes nowhere
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        sys.exit(f"{program}: {error.filename or 'disk'}: {_DISK_ERRORS[error.errno]}")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _replace_characters(error: UnicodeError) -> tuple[str, int]:
    """Replace what the terminal's encoding lacks, where Python would end with a traceback."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in characters), error.end


# Without its minus sign, a figure would be another.
_PLAIN = {"−": "-", "±": "+-", "×": "x", "…": "...", "→": "->", "\u2013": "-", "·": "-"}

_DISK_ERRORS = {
    errno.ENOSPC: "no space left on the disk; free some and run again",
    errno.EDQUOT: "disk quota used up; free some space and run again",
    errno.EFBIG: "file larger than the system allows here (ulimit -f); raise the limit",
    errno.EACCES: "not allowed to write or read here; check the owner and the permissions",
    errno.EPERM: "not allowed to write or read here; check the owner and the permissions",
    errno.EROFS: "the file system is read-only; run in a folder that can be written",
}
