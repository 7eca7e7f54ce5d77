import sys
from collections.abc import Callable

import pytest


def call(main: Callable[[], None], *arguments: str) -> None:
    """Call a program of ours with arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["program", *arguments])
        main()


def message_of(main: Callable[[], None], *arguments: str) -> str:
    """Call it; return the line with which it ends. Python prints it, and the status is 1."""
    with pytest.raises(SystemExit) as stopped:
        call(main, *arguments)
    assert "\n" not in str(stopped.value.code)
    return str(stopped.value.code)
