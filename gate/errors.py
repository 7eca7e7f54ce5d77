"""Why no comparison can be made, and text that is safe to print."""

import unicodedata
from pathlib import Path

# What a terminal or a log obeys instead of showing: controls, line ends, bidirectional overrides.
_OBEYED = {"Cc", "Cf", "Zl", "Zp", "Cs"}


class CannotCompareError(Exception):
    """One line that says what was expected, what was found and what to do; status 2, no pass."""

    status = 2

    @property
    def reasons(self) -> list[str]:
        """The line, as of a comparison that was made."""
        return [str(self)]


def one_line(error: BaseException) -> str:
    """Return the message of an exception without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def shown(value: object) -> str:
    """Return at most 60 characters of a value; of a collection only its kind."""
    if isinstance(value, dict | list | tuple | set):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def clean(text: str) -> str:
    """Return text on one line, with nothing that a terminal or a CI log would obey."""
    safe = "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in _OBEYED else c
        for c in " ".join(text.split())
    )
    return safe.replace("::", ": :")


def format_number(value: float | None, *, digits: int = 5) -> str:
    """Return a number for people, large ones without an exponent; a dash for none."""
    if value is None:
        return "-"
    text = format(value, f".{digits}g")
    return format(float(text), ".0f") if 1 <= abs(value) < 1e15 and "e" in text else text


def write_whole(path: Path, text: str) -> None:
    """Write a file, which nobody sees half and which no link leads elsewhere."""
    content, unfinished = text.encode(), path.with_name(f"{path.name}.tmp")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        expected = f"{path.name}: expected a file that can be written"
        raise CannotCompareError(f"{expected}; found: {error.strerror}") from None
