"""The README's pictures of a diff: `python -m tests.screenshots main rate-0.2`.

Writes docs/plots-diff.png, the page of `dvc plots diff`, and docs/report.png, the report. To be run
with the second branch checked out, after `make setup`.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import FloatRect, ViewportSize

from gate.report.writing import write_report
from tests.browser import find_browser, started
from tests.conftest import ROOT

# As wide as two columns of a README, at twice its resolution.
SIZE: ViewportSize = {"width": 1100, "height": 900}


def main() -> None:
    """Makes both pages with the network off, and their pictures."""
    base, candidate = sys.argv[1:]
    path = find_browser()
    if path is None:
        sys.exit("screenshots: expected a browser; found none; apt-get install chromium")
    dvc = [sys.executable, "-m", "dvc", "plots", "diff", base, candidate]
    subprocess.run(dvc, cwd=ROOT, check=True)
    if write_report(ROOT, base, None)[0] != 0:
        sys.exit("screenshots: the report has nothing to compare; see report/report.md")
    with started(path) as browser:
        page = browser.new_context(offline=True, viewport=SIZE, device_scale_factor=2).new_page()
        for name, source in (
            ("plots-diff", Path("dvc_plots/index.html")),
            ("report", Path("report/index.html")),
        ):
            page.goto((ROOT / source).as_uri())
            second = page.locator(".chart[data-drawn]").nth(1)
            second.wait_for()
            picture = ROOT / f"docs/{name}.png"
            if name == "report":
                page.screenshot(path=picture)
                continue
            # To the end of the pipeline's two; the study's are below.
            box = second.bounding_box()
            assert box is not None, "a chart that is drawn is somewhere"
            height = box["y"] + box["height"]
            clip: FloatRect = {"x": 0, "y": 0, "width": SIZE["width"], "height": height}
            page.screenshot(path=picture, full_page=True, clip=clip)


if __name__ == "__main__":
    main()
