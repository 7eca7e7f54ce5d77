"""The report and the page of `dvc plots` in a browser, with the network off."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from gate.report import page as plots_page
from gate.tests.conftest import Project
from tests.browser import find_browser, started
from tests.conftest import Run
from tests.gate.report.conftest import CURVES, write_curves

Open = Callable[..., Page]

# Lines of curves; those of the legend and the axes have other roles. With two points or more, their
# path has an `L`.
LINES = ".role-scope .mark-line path"
DRAWN = "[d*=L]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    with started(path) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a file and waits for its charts; nothing may be asked for or go wrong meanwhile."""
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


def colour(page: Page, selector: str, name: str) -> str:
    script = "(e, name) => getComputedStyle(e)[name]"
    return str(page.locator(selector).first.evaluate(script, name))


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True)))


def middle(line: Locator) -> tuple[float, float]:
    line.scroll_into_view_if_needed()
    box = line.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_report_draws_every_curve_and_shows_its_values(open_page: Open, report_page: Path) -> None:
    page = open_page(report_page)
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="Skip to the verdict")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    expect(page.get_by_role("heading", level=1)).to_have_text("✘ Regression")
    expect(page.locator(LINES)).to_have_count(16)  # 2 charts, 2 networks, 2 revisions, 2 splits
    for text in ("without Dropout", "with Dropout", "training", "validation", "main", "change"):
        expect(page.locator(".chart svg").first).to_contain_text(text)
    accuracies = page.locator(".chart").first.locator(".role-axis-label text").all_text_contents()
    assert "0.0" not in accuracies
    assert max(float(text) for text in accuracies if "." in text) <= 1

    x, y = middle(page.locator(LINES).first)
    page.mouse.move(x, y)
    page.mouse.move(x + 1, y)
    tooltip = page.locator("#vg-tooltip-element.visible")
    expect(tooltip).to_contain_text("epoch")
    found = dict(zip(*[iter(tooltip.locator("td").all_text_contents())] * 2, strict=True))
    assert found == {
        "epoch": "3", "main, training": "0.956667", "main, validation": "0.95",
        "change, training": "0.936667", "change, validation": "0.93",
    }  # fmt: skip


def test_phone_shows_the_values_and_the_verdict(open_page: Open, report_page: Path) -> None:
    page = open_page(report_page, viewport={"width": 390, "height": 800}, has_touch=True)
    page.touchscreen.tap(*middle(page.locator(LINES).first))
    expect(page.locator("#vg-tooltip-element.visible")).to_contain_text("0.956667")
    page.locator("#hashes").scroll_into_view_if_needed()
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    names = [menu.get_attribute("aria-label") for menu in page.locator(".chart summary").all()]
    assert names == ["Save the picture: Accuracy", "Save the picture: Loss"]
    cells = page.locator("tr.refused").locator("th, td")
    assert cells.all_text_contents()[:2] == ["accuracy", "worse"]
    right = cells.nth(1).bounding_box()
    assert right
    assert right["x"] + right["width"] <= 390


def test_boxes_and_the_legend_pick_lines_out(open_page: Open, report_page: Path) -> None:
    page = open_page(report_page)
    chart = page.locator(".chart").first
    axis, lines = chart.locator(".role-axis-label text"), chart.locator(LINES)
    before = axis.all_text_contents()
    box = page.get_by_role("checkbox", name="training")
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(lines.and_(page.locator(DRAWN))).to_have_count(4)
    expect(axis).not_to_have_count(len(before))
    page.keyboard.press("Space")
    expect(lines.and_(page.locator(DRAWN))).to_have_count(8)
    expect(axis).to_have_count(len(before))
    assert sorted(axis.all_text_contents()) == sorted(before)

    chart.locator(".role-legend-label text", has_text="change").click()
    expect(lines.and_(page.locator("[opacity='0.08']"))).to_have_count(4)
    expect(lines.and_(page.locator("[opacity='1']"))).to_have_count(4)


@pytest.mark.parametrize("width", [320, 768])
def test_page_is_never_wider_than_a_phone(width: int, open_page: Open, report_page: Path) -> None:
    """As it was opened, and after the phone was turned."""
    page = open_page(report_page, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")


def test_contrast_and_print(open_page: Open, report_page: Path) -> None:
    """4.5 to 1 or more for text, by the formula of WCAG 2; on paper no controls."""
    page = open_page(report_page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ground = luminance(colour(page, "body", "background-color"))
        assert (ground < 0.05) == (scheme == "dark")
        for selector, name in (
            ("h2", "color"),
            ("td", "color"),
            ("caption", "color"),
            (".role-axis-label text", "fill"),
            (".role-legend-label text", "fill"),
        ):
            light, dark = sorted((luminance(colour(page, selector, name)), ground), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, selector
    page.mouse.move(*middle(page.locator(LINES).first))
    expect(page.locator("#vg-tooltip-element")).to_be_visible()
    page.emulate_media(media="print")
    assert luminance(colour(page, "body", "background-color")) == 1
    for hidden in ("#lines", "nav", "#vg-tooltip-element"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("table").first).to_be_visible()


@pytest.fixture(scope="module")
def revisions(curves_repository: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Also `short`, of fewer epochs, and `missing`, without a curve; set up for `dvc plots`."""
    made = Project(tmp_path_factory.mktemp("revisions") / "clone é")
    shutil.copytree(curves_repository.folder, made.folder)
    made.git("switch", "--quiet", "--create", "short", "main")
    write_curves(made.folder, epochs=1, shift=0.01)
    made.commit()
    made.git("switch", "--quiet", "--create", "missing", "main")
    made.git("rm", "--quiet", CURVES[1])
    made.commit()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made.folder)
        patch.setenv("HOME", str(made.folder.parent))
        plots_page.main()
    return made


def test_dvc_plots_diff_says_what_is_short_missing_or_the_same(
    open_page: Open, revisions: Project, run: Run
) -> None:
    done = run(revisions.folder, "dvc", "plots", "diff", "main", "change", "short", "missing")
    assert done.returncode == 0, done.stderr
    page = open_page(revisions.folder / "dvc_plots/index.html")
    chart = page.locator(".chart").first
    for note in (
        "short ends after epoch 1",
        "missing has the same curves as main",
        "missing has no curve of this network",
    ):
        expect(chart).to_contain_text(note)
    legend = chart.locator(".role-legend-label text").all_text_contents()
    assert legend == ["main", "change", "short", "missing", "training", "validation"]
    colours = {path.get_attribute("stroke") for path in chart.locator(LINES).all()}
    assert len(colours) == 4


def test_dvc_plots_show_from_another_folder(open_page: Open, revisions: Project, run: Run) -> None:
    """`missing` is checked out: one file."""
    done = run(revisions.folder / "plots", "dvc", "plots", "show", "--out", "shown")
    assert done.returncode == 0, done.stderr
    page = open_page(revisions.folder / "plots/shown/index.html")
    expect(page.locator(LINES)).to_have_count(4)
    expect(page.locator(".chart").first).to_contain_text("workspace has no curve of this network")


def test_worktree_without_setup_says_what_to_run(
    open_page: Open, revisions: Project, run: Run
) -> None:
    worktree = revisions.folder.parent / "work tree"
    revisions.git("worktree", "add", "--quiet", str(worktree), "change")
    done = run(worktree, "dvc", "plots", "diff", "main")
    assert done.returncode == 0, done.stderr
    page = open_page(worktree / "dvc_plots/index.html", charts=0)
    expect(page.get_by_role("alert")).to_contain_text("Run make setup")
