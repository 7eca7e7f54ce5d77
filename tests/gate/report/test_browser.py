"""The report and the page of `dvc plots` in a browser, with the network off."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from gate.report import page as plots_page
from gate.report.writing import write_report
from gate.tests.conftest import Project
from tests.browser import find_browser, started
from tests.conftest import Run
from tests.gate.report.conftest import CURVES, write_curves

Open = Callable[..., Page]

# Lines of curves; those of the legend and the axes have other roles.
LINES = ".role-scope .mark-line path"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with started(path) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file and wait for its charts; nothing may be asked for or go wrong meanwhile."""
    wrong: list[str] = []
    contexts = []

    def refuse(route: Route) -> None:
        if route.request.url.startswith(("file://", "data:")):
            route.continue_()
        else:
            wrong.append(f"asked for {route.request.url}")
            route.abort()

    def open_it(path: Path, charts: int = 2, **options: Any) -> Page:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        context.route("**/*", refuse)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        expect(page.locator(".chart[data-drawn]")).to_have_count(charts)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrong == []


def test_report_draws_every_curve_below_the_verdict(open_page: Open, clone: Project) -> None:
    """Also on a phone, which it is never wider than; the row that refuses stands out."""
    write_report(clone.folder, "main", None)
    page = open_page(clone.folder / "report/index.html")
    expect(page.locator(".verdict p").first).to_contain_text("Worse: accuracy of metrics/a.json")
    expect(page.locator("td strong")).to_contain_text("worse by 0.1")
    expect(page.locator(LINES)).to_have_count(16)  # 2 charts, 2 networks, 2 revisions, 2 splits
    for text in ("without Dropout", "with Dropout", "training", "validation", "main", "change"):
        expect(page.locator(".chart svg").first).to_contain_text(text)
    page.get_by_role("checkbox", name="training").uncheck()
    expect(page.locator(f"{LINES}[d*=L]")).to_have_count(8)
    colours = [
        page.locator(f"td {name}").first.evaluate("e => getComputedStyle(e).color")
        for name in ("strong", "code")
    ]
    assert colours[0] != colours[1]
    phone = open_page(clone.folder / "report/index.html", viewport={"width": 320, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
    lines = phone.locator(LINES).first.bounding_box()
    assert lines
    assert lines["x"] + lines["width"] <= 320


def test_dvc_plots_says_what_is_short_missing_or_the_same(
    open_page: Open, clone: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone.git("switch", "--quiet", "--create", "short", "main")
    write_curves(clone.folder, epochs=1, shift=0.01)
    clone.commit()
    clone.git("switch", "--quiet", "--create", "missing", "main")
    clone.git("rm", "--quiet", CURVES[1])
    clone.commit()
    monkeypatch.chdir(clone.folder)
    plots_page.main()
    done = run(clone.folder, "dvc", "plots", "diff", "main", "change", "short", "missing")
    assert done.returncode == 0, done.stderr
    chart = open_page(clone.folder / "dvc_plots/index.html").locator(".chart").first
    for note in (
        "short ends after epoch 1",
        "missing has the same curves as main",
        "missing has no curve of this network",
    ):
        expect(chart).to_contain_text(note)
    legend = chart.locator(".role-legend-label text").all_text_contents()
    assert legend == ["main", "change", "short", "missing", "training", "validation"]


def test_clone_without_setup_says_what_to_run(open_page: Open, clone: Project, run: Run) -> None:
    done = run(clone.folder, "dvc", "plots", "diff", "main")
    assert done.returncode == 0, done.stderr
    page = open_page(clone.folder / "dvc_plots/index.html", charts=0)
    expect(page.get_by_role("alert")).to_contain_text("Run make setup")
