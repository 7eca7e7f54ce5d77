"""Why no comparison can be made."""


class CannotCompareError(Exception):
    """One line that says what was expected, what was found and what to do; status 2, no pass."""


def one_line(error: BaseException) -> str:
    """What an exception says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def shown(value: object) -> str:
    """What was found, for one line: at most 60 characters of it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
