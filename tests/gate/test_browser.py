"""The report and the page of `dvc plots` in a browser, with the network off."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gate.report import page as plots_page
from gate.report.writing import write_report
from gate.tests.conftest import Project
from tests.browser import started
from tests.conftest import ROOT, Run

Open = Callable[..., Page]

CURVES = ("plots/no_dropout.csv", "plots/dropout.csv")
# Lines of curves; those of the legend and the axes have other roles.
LINES = ".role-scope .mark-line path"

_, _, PLOTS = (ROOT / "dvc.yaml").read_text(encoding="utf-8").partition("\nplots:\n")
RULES = "metrics: {a.json: {a: {better: higher, margin: {absolute: 0.01}, blocks: true}}}\n"
PAGES = (".dvc/config", ".dvc/.gitignore", ".dvc/plots/page.html", ".dvc/plots/curves.json")


def write_curves(project: Project, *, epochs: int = 20, swapped: bool = False) -> None:
    """Write the committed curves, or those of the other network instead."""
    for path, source in zip(CURVES, CURVES[::-1] if swapped else CURVES, strict=True):
        lines = (ROOT / source).read_text(encoding="utf-8").splitlines(keepends=True)
        project.write(path, "".join(lines[: epochs + 1]))


@pytest.fixture
def clone(tmp_path: Path) -> Project:
    """This project's plots on `main`, and `change` with a regression and other curves."""
    made = Project(tmp_path / "clone é")
    made.init()
    made.change({name: (ROOT / name).read_bytes() for name in PAGES})
    made.write("dvc.yaml", f"metrics: [a.json]\nplots:\n{PLOTS}")
    made.change({"gate.yaml": RULES, ".gitignore": "/dvc_plots/\n"})
    for accuracy, swapped in ((0.9, False), (0.8, True)):
        write_curves(made, swapped=swapped)
        made.write("a.json", f'{{"a": {accuracy}}}')
        made.commit()
        made.git("switch", "--quiet", "--force-create", "change")
    return made


@pytest.fixture(scope="module")
def open_page() -> Iterator[Open]:
    """Open a file and wait for its charts; nothing may be asked for or go wrong meanwhile."""
    wrong: list[str] = []  # a request is an error, too: there is no network

    with started() as browser:

        def open_it(path: Path, charts: int = 2, **options: Any) -> Page:
            page = browser.new_page(offline=True, **options)
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(path.as_uri())
            expect(page.locator(".chart[data-drawn]")).to_have_count(charts)
            return page

        yield open_it
    assert wrong == []


def test_report(open_page: Open, clone: Project) -> None:
    """Every curve below the verdict, whose refusing row stands out; never wider than a phone."""
    write_report(clone.folder, "main", None)
    page = open_page(clone.folder / "report/index.html")
    expect(page.locator(".verdict p").first).to_contain_text("Worse: a of a.json fell")
    expect(page.locator(LINES)).to_have_count(16)  # 2 charts, 2 networks, 2 revisions, 2 splits
    page.locator(".chart").first.get_by_text("validation", exact=True).click()
    expect(page.locator(f'{LINES}[opacity="0.08"]')).to_have_count(4)  # training, of one chart
    worse, name = (
        page.locator(f"td {tag}").first.evaluate("e => [e.textContent, getComputedStyle(e).color]")
        for tag in ("strong", "code")
    )
    assert (worse[0][:12], worse[1] != name[1]) == ("worse by 0.1", True)
    phone = open_page(clone.folder / "report/index.html", viewport={"width": 320, "height": 800})
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
    lines = phone.locator(LINES).first.bounding_box()
    assert lines
    assert lines["x"] + lines["width"] <= 320


def test_dvc_plots(
    open_page: Open, clone: Project, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says what to run before set-up; after it, what is short, missing or the same."""
    page = clone.folder / "dvc_plots/index.html"
    assert run(clone.folder, "dvc", "plots", "diff", "main").returncode == 0
    expect(open_page(page, charts=0).get_by_role("alert")).to_contain_text("Run make setup")
    clone.git("switch", "--quiet", "--create", "short", "main")
    write_curves(clone, epochs=1, swapped=True)
    clone.commit()
    clone.git("switch", "--quiet", "--create", "missing", "main")
    clone.change({CURVES[1]: None})
    clone.commit()
    monkeypatch.chdir(clone.folder)
    plots_page.main()
    done = run(clone.folder, "dvc", "plots", "diff", "main", "change", "short", "missing")
    assert done.returncode == 0, done.stderr
    chart = open_page(page).locator(".chart").first
    for note in ("short ends after epoch 1", "missing has the same curves as main",
                 "missing has no curve of this network"):  # fmt: skip
        expect(chart).to_contain_text(note)
    legend = chart.locator(".role-legend-label text").all_text_contents()
    assert legend == ["main", "change", "short", "missing", "training", "validation"]
