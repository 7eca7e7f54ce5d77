"""What went wrong with something a user gave, in one line."""

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class InputError(Exception):
    """Bad input: the message is one line that says what was expected, found, and what to do."""


def wrong(what: str, expected: str, found: object, remedy: str) -> InputError:
    """The error to raise where something is not as expected."""
    return InputError(f"{what}: expected {expected}; found {found}; {remedy}")


GO_ON = "what was finished before is kept; run again to go on"


@contextmanager
def one_line_errors(program: str, then: str = GO_ON) -> Iterator[None]:
    """Ends the process with one line on stderr and a status that is not 0, without a traceback.

    Args:
        program: name that starts the line, such as `download`.
        then: ends the line after an interrupt.

    Raises:
        SystemExit: 1 for bad input or a disk that cannot be written, 130 for Ctrl-C, 143 for a
            request to terminate. A fault of the program itself keeps its traceback.
    """

    def terminate(signum: int, frame: FrameType | None) -> None:
        print(f"{program}: terminated; {then}", file=sys.stderr)
        raise SystemExit(128 + signum)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except InputError as error:
        sys.exit(f"{program}: {error}")
    except KeyboardInterrupt:
        print(f"{program}: interrupted; {then}", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        sys.exit(f"{program}: {error.filename or 'disk'}: {_DISK_ERRORS[error.errno]}")
    finally:
        signal.signal(signal.SIGTERM, before)


_DISK_ERRORS = {
    errno.ENOSPC: "no space left on the disk; free some and run again",
    errno.EDQUOT: "disk quota used up; free some space and run again",
    errno.EFBIG: "file larger than the system allows here (ulimit -f); raise the limit",
    errno.EACCES: "not allowed to write or read here; check the owner and the permissions",
    errno.EPERM: "not allowed to write or read here; check the owner and the permissions",
    errno.EROFS: "the file system is read-only; run in a folder that can be written",
}
