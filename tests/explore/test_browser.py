"""The page as readers meet it: in a browser, from a file, with the network off."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from explore.network import NETWORK, read
from tests.browser import find_browser, started
from tests.conftest import ROOT

DESK: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 800}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def open_page(pages: dict[str, Path]) -> Iterator[Open]:
    """Opens the page of a language; nothing may be asked for or go wrong meanwhile."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    wrong: list[str] = []  # a request is an error, too: there is no network

    with started(path) as browser:

        def open_it(language: str, **options: Any) -> Page:
            page = browser.new_context(offline=True, **options).new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(pages[language].as_uri())
            if options.get("java_script_enabled", True):
                page.locator("html[data-ready]").wait_for()
            return page

        yield open_it
    assert wrong == []


@pytest.fixture(scope="module")
def page(open_page: Open) -> Page:
    return open_page("en", viewport=DESK)


def assert_fits(page: Page) -> None:
    """Also with more seeds than there are."""
    page.locator("#grid").evaluate("grid => grid.style.setProperty('--columns', 40)")
    width = page.evaluate("document.documentElement.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for chart in page.locator(".chart:visible svg").all():
        assert 200 < chart.evaluate("svg => svg.getBoundingClientRect().width") <= width


def draw_line(page: Page, where: str, *ends: tuple[float, float]) -> None:
    """With the mouse, between points that are shares of an element's width and height."""
    element = page.locator(where)
    element.scroll_into_view_if_needed()  # and wait until it stands still
    box = element.bounding_box()
    assert box
    (x, y), end = ((box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in ends)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(*end, steps=20)
    page.mouse.up()


def test_page_on_a_dark_phone_in_japanese(open_page: Open) -> None:
    page = open_page("ja", viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    assert page.locator("html").get_attribute("lang") == "ja"
    assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == (
        "rgb(21, 23, 26)"
    )
    page.locator("#draw").tap()
    expect(page.locator("#drawn")).to_contain_text("これまでに引いた組: 1。")
    assert_fits(page)


def test_without_javascript_words_and_pictures_are_there(open_page: Open) -> None:
    page = open_page("en", viewport=DESK, java_script_enabled=False)
    assert page.locator(".chart:visible svg").count() == 5  # the guess is under "Show what ..."
    assert page.locator("#chart-solution svg").count() == 1
    controls = "button:visible, input:visible, select:visible, canvas:visible"
    assert not page.locator(controls).all()
    expect(page.locator("#says")).to_contain_text("All units say")
    expect(page.locator("noscript img")).to_be_visible()
    assert "0.0" in page.locator("#votes").inner_text()


def test_guess_by_button_and_by_hand_then_measured_curves(page: Page, data: dict[str, Any]) -> None:
    rows = data["comparisons"][data["guess"]]["lines"]["val_loss"]
    none, dropout = (f"{row['value'][-1]:.2f}" for row in rows if row["seed"] is None)
    means = page.locator("#chart-guess .layer_2_marks path")
    shown = means.count()
    page.locator("[data-guess=same]").press("Enter")
    page.locator("#reveal").press("Enter")
    expect(page.locator("#guessed")).to_have_text(
        f"After the last epoch your guess is at {none}. Measured, as means over seeds:"
        f" {dropout} with Dropout, {none} without."
    )
    assert means.count() == shown + 1
    plot = "#chart-guess .root > g > .background"
    draw_line(page, plot, (0.002, 0.5), (18 / 19, 0.5))  # to the last epoch but one
    page.click("#reveal")
    expect(page.locator("#guessed")).to_contain_text("your guess is at ?.")
    draw_line(page, plot, (0.002, 0.5), (0.998, 0.5))
    page.click("#reveal")
    assert page.locator("[data-guess][aria-pressed=true]").count() == 0
    (end,) = re.findall(r"guess is at (\d\.\d+)", page.locator("#guessed").inner_text())
    top = data["charts"]["guess"]["encoding"]["y"]["scale"]["domain"][1]
    assert float(end) == pytest.approx(top / 2, rel=0.03)


def test_a_choice_has_its_verdict_its_pairs_and_its_curves(
    page: Page, data: dict[str, Any]
) -> None:
    rows = {
        row.locator("th").text_content(): row
        for row in page.locator("[aria-labelledby=try] tbody tr").all()
    }
    for comparison in data["comparisons"][::6]:
        for knob in data["knobs"]:
            radio = page.locator(f"#knobs [name={knob}][value='{comparison[knob]}']")
            radio.evaluate("radio => radio.click()")
        _, _, gain, verdict, _, wrong = rows[comparison["title"]].locator("td").all_text_contents()
        says = page.locator("#verdict").inner_text()
        assert says.startswith(comparison["title"])
        assert f"Accuracy on unseen images: {verdict}." in says
        assert gain in says
        expect(page.locator("#pairs-text")).to_contain_text(comparison["title"])
        count = page.locator("#grid .wrong").count(), page.locator("#grid i").count()
        assert "{} / {}".format(*count) == wrong
        runs = page.locator("#chart-knobs .layer_0_marks path")
        expect(runs).to_have_count(2 * len(comparison["seeds"]))


def test_knobs_by_keyboard(page: Page, data: dict[str, Any]) -> None:
    page.locator("#knobs [name=dataset]").first.check(force=True)
    page.locator("#knobs [name=dataset]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#verdict")).to_contain_text("Fashion-MNIST")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#verdict")).not_to_contain_text("Fashion-MNIST")
    page.locator("#knobs [name=measure]:checked").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#chart-knobs svg")).to_contain_text("validation accuracy")


def test_drawn_pairs_are_those_of_the_runs_and_are_counted(
    page: Page, data: dict[str, Any]
) -> None:
    title = page.locator("#verdict strong").first.inner_text()
    (chosen,) = (c for c in data["comparisons"] if c["title"] == title)
    page.locator("#draw").press("Enter")
    drawn = page.locator("#drawn").inner_text()
    assert "Drawn so far: 1." in drawn
    for side in ("without", "with"):
        ((seed, accuracy),) = re.findall(rf"Seed (\d+) {side} Dropout: ([\d.]+) %", drawn)
        assert chosen["accuracy"][side][chosen["seeds"].index(int(seed))] == accuracy
    kind = str(page.locator("#grid .now").get_attribute("class")).split()[0]
    says = {"wrong": "the wrong thing", "right": "the right way", "equal": "no difference"}
    assert says[kind] in drawn
    page.click("#draw100")
    expect(page.locator("#drawn")).to_contain_text("Drawn so far: 101.")


def test_network_in_the_page_computes_as_the_trained_one(page: Page) -> None:
    """All images, through the controls; the table has a digit after the point, of per cents."""
    shown = page.locator("#image").evaluate("""select => [...select.options].map((option) => {
        select.value = option.value;
        select.dispatchEvent(new Event("change"));
        return [...document.getElementById("votes").rows].map((row) => row.cells[1].textContent);
    })""")
    exact = np.array(read(ROOT / NETWORK)["exact"])
    assert np.abs(np.array(shown, float) / 100 - exact).max() <= 0.001 + 0.0005


def test_masks_change_what_one_mask_says_and_the_full_network_stays(page: Page) -> None:
    def column(place: int) -> list[str]:
        return page.locator(f"#votes td:nth-child({place + 1})").all_inner_texts()

    full = column(1)
    dropped = page.locator("#units .gone").count()
    assert 20 < dropped < 108
    expect(page.locator("#says")).to_contain_text(f"With {dropped} of 128 units dropped")
    page.locator("#drop").press("Enter")
    assert column(1) == full
    page.locator("#vote").press("Enter")
    assert sum(map(int, column(4))) == 200
    page.locator("#rate").press("Home")
    assert page.locator("#units .gone").count() == 0
    assert column(2) == column(3) == column(1) == full


def test_digit_is_drawn_by_mouse_and_by_keyboard(page: Page) -> None:
    page.click("#clear")
    expect(page.locator("#says")).to_have_text("Draw a digit first.")
    draw_line(page, "#digit", (0.5, 0.2), (0.5, 0.8))
    expect(page.locator("#says")).to_contain_text("All units say 1")
    page.click("#clear")
    page.locator("#digit").focus()
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    expect(page.locator("#says")).to_have_text("Draw a digit first.")
    for key in (" ",) + ("ArrowDown",) * 17 + (" ",):
        page.keyboard.press(key)
    expect(page.locator("#says")).to_contain_text("All units say 1")


def test_page_on_a_phone_and_on_paper(page: Page) -> None:
    page.set_viewport_size(PHONE)
    assert_fits(page)
    page.emulate_media(media="print")
    expect(page.locator("#verdict")).to_be_visible()
    assert not page.locator("button:visible, fieldset:visible, nav:visible").all()
