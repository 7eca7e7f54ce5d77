"""The pictures of the page for READMEs and links: `python -m tests.explore.picture`.

Writes docs/explore.png and docs/explore.ja.png, the size that sites show beside a link.
"""

import contextlib
import tempfile
from pathlib import Path

from explore.__main__ import build
from tests.browser import find_browser, started
from tests.conftest import ROOT

STATE = "#strongest=10"  # of whose answers one survives


def main() -> None:
    """Open the page with the strongest units off, in each language."""
    path = find_browser()
    assert path, "expected a browser; found none; apt-get install chromium"
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(ROOT), started(path) as browser:
        for file in build(Path(folder)):
            page = browser.new_page(offline=True, viewport={"width": 1200, "height": 630})
            page.goto(file.as_uri() + STATE)
            page.locator("html[data-ready]").wait_for()
            name = file.name.replace("index", "explore").replace("html", "png")
            page.screenshot(path=ROOT / "docs" / name)


if __name__ == "__main__":
    main()
