"""Why no comparison can be made."""


class CannotCompareError(Exception):
    """One line that says what was expected, what was found and what to do; status 2, no pass."""
