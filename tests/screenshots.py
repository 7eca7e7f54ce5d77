"""The README's pictures of a diff: `python -m tests.screenshots main rate-0.2`.

Writes docs/plots-diff.png, the page of `dvc plots diff`, and docs/report.png, the report. To be run
with the second branch checked out, after `make setup`.
"""

import subprocess
import sys

from playwright.sync_api import ViewportSize

from tests.browser import find_browser, started
from tests.conftest import ROOT

# As wide as two columns of a README, at twice its resolution.
SIZE: ViewportSize = {"width": 1100, "height": 900}


def main() -> None:
    """Makes both pages, and their pictures with the network off."""
    base, candidate = sys.argv[1:]
    path = find_browser()
    if path is None:
        sys.exit("screenshots: expected a browser; found none; apt-get install chromium")
    for command in (("dvc", "plots", "diff", base, candidate), ("gate", "report", "--base", base)):
        subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    with started(path) as browser:
        page = browser.new_context(offline=True, viewport=SIZE, device_scale_factor=2).new_page()
        charts = page.locator(".chart[data-drawn]")
        page.goto((ROOT / "report/index.html").as_uri())
        charts.nth(1).wait_for()
        page.screenshot(path=ROOT / "docs/report.png")
        page.goto((ROOT / "dvc_plots/index.html").as_uri())
        charts.nth(1).wait_for()
        page.screenshot(path=ROOT / "docs/plots-diff.png", full_page=True)


if __name__ == "__main__":
    main()
