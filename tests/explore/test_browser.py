"""The page as readers meet it: in a browser, from a file, with the network off."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from explore.networks import compute_probabilities, compute_units, unpack, unpack_weights
from tests.browser import find_browser, started

DESK: ViewportSize = {"width": 1200, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 667}

# What the networks see of a drawing.
SEEN = """() => [...document.querySelector("#seen canvas").getContext("2d")
    .getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"""
NOW = """() => Array.from({ length: 100 }, (_, i) => {
    if (i) document.getElementById("next").click();
    return ["no_dropout", "dropout"].map((name) => [...document.querySelectorAll(
        `.${name} tbody td:nth-child(2)`)].map((td) => td.textContent));
})"""

IDS = "all => all.map((each) => each.id)"
UNITS = "all => all.map((circle) => +circle.dataset.unit)"

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def open_page(pages: dict[str, Path]) -> Iterator[Open]:
    """Opens the page of a language; nothing may be asked for or go wrong meanwhile."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    wrong: list[str] = []  # a request is an error, too: there is no network

    with started(path) as browser:

        def open_it(language: str = "en", state: str = "", **options: Any) -> Page:
            page = browser.new_context(
                offline=True, **{"viewport": DESK, "reduced_motion": "reduce", **options}
            ).new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(pages[language].as_uri() + state)
            if options.get("java_script_enabled", True):
                page.locator("html[data-ready]").wait_for()
            return page

        yield open_it
    assert wrong == []


@pytest.fixture(scope="module")
def page(open_page: Open) -> Page:
    return open_page()


def read_state(page: Page) -> dict[str, str]:
    return dict(parse_qsl(page.url.partition("#")[2]))


def draw_line(page: Page, where: str, *points: tuple[float, float]) -> None:
    """With the mouse, along points that are shares of an element's width and height."""
    element = page.locator(where)
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box
    for place, (a, b) in enumerate(points):
        page.mouse.move(box["x"] + a * box["width"], box["y"] + b * box["height"], steps=12)
        if place == 0:
            page.mouse.down()
    page.mouse.up()


def read_table(page: Page, name: str) -> np.ndarray:
    """What is shown of a network: now, mean of the masks, votes; a row per digit."""
    rows = page.locator(f".network.{name} tbody tr").all()
    return np.array([row.locator("td").all_text_contents() for row in rows], float)


def random_from(seed: int) -> Iterator[float]:
    """Mulberry32, as it was published: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c."""

    def times(a: int, b: int) -> int:
        return a * b & 0xFFFFFFFF

    while True:
        seed = seed + 0x6D2B79F5 & 0xFFFFFFFF
        z = times(seed ^ seed >> 15, seed | 1)
        z ^= z + times(z ^ z >> 7, z | 61) & 0xFFFFFFFF
        yield ((z ^ z >> 14) & 0xFFFFFFFF) / 2**32


def networks_of(data: dict[str, Any]) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
    """By name, the weights and the units of each image of the page."""
    stored = data["networks"]
    images = np.frombuffer(unpack(stored["images"]), np.uint8).reshape(-1, *stored["shape"])
    weights = {name: unpack_weights(packed) for name, packed in stored["networks"].items()}
    return {name: (each, compute_units(each, images)) for name, each in weights.items()}


def test_both_networks_compute_as_keras_does(page: Page, data: dict[str, Any]) -> None:
    """All images, one after the other; the table has a digit after the point, of percents."""
    start, stored = data["networks"]["start"], data["networks"]["networks"]
    shown = page.evaluate(NOW)
    for place, name in enumerate(("no_dropout", "dropout")):
        exact = np.roll(stored[name]["exact"], -start, axis=0)
        found = np.array([each[place] for each in shown], float) / 100
        np.testing.assert_allclose(found, exact, atol=1e-2 + 5e-4)


@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_masks_are_those_of_dropout(open_page: Open, data: dict[str, Any], rate: float) -> None:
    """The same for both networks, kept units scaled; mean and votes are over all of them."""
    page = open_page(state=f"#image=7&seed=5&masks=30&drop={rate}")
    numbers = random_from(5)
    masks = np.array([[next(numbers) >= rate for _ in range(128)] for _ in range(30)])
    for name, (weights, units) in networks_of(data).items():
        each = compute_probabilities(weights, units[7] * masks / (1 - rate))
        votes = np.bincount(each.argmax(axis=1), minlength=10)
        expected = np.column_stack([100 * each[-1], 100 * each.mean(axis=0), votes])
        np.testing.assert_allclose(read_table(page, name), expected, atol=0.06)
        dropped = page.locator(f".{name} .dropped").evaluate_all(UNITS)
        assert dropped == np.flatnonzero(~masks[-1]).tolist()
    page.locator("#drop").press("Home")
    assert (read_table(page, "dropout")[:, 0] == read_table(page, "dropout")[:, 1]).all()
    assert read_table(page, "no_dropout")[:, 2].max() == 30


def test_strongest_units_off_then_a_unit_on_again(page: Page, data: dict[str, Any]) -> None:
    page.locator("#all").press("Enter")
    page.locator("#strongest").press("Enter")
    image = int(read_state(page).get("image", data["networks"]["start"]))
    kept = []
    for name, (weights, units) in networks_of(data).items():
        strongest = np.argsort(-units[image], kind="stable")[:10]
        off = units[image].copy()
        off[strongest] = 0
        shown = read_table_now(page, name)
        np.testing.assert_allclose(shown, 100 * compute_probabilities(weights, off), atol=0.06)
        found = page.locator(f".{name} .off").evaluate_all(UNITS)
        assert found == sorted(strongest)
        kept.append(
            compute_probabilities(weights, off).argmax()
            == compute_probabilities(weights, units[image]).argmax()
        )
        page.locator(f".{name} circle").nth(strongest[0]).click()
        assert page.locator(f".{name} .off").count() == 9
    says = page.locator("#says").inner_text()
    assert {2: "Both answers survive", 0: "Neither answer"}.get(
        sum(kept), "network trained"
    ) in says
    page.locator(".dropout .units").press("ArrowRight")
    page.locator(".dropout .units").press("Space")
    expect(page.locator(".dropout .units")).to_have_attribute("aria-label", re.compile("Unit 2: "))
    page.locator("#all").press("Enter")
    assert page.locator(".off").count() == 0
    assert {*read_state(page)} <= {"image"}


def read_table_now(page: Page, name: str) -> np.ndarray:
    cells = page.locator(f".network.{name} tbody td:nth-child(2)").all_text_contents()
    return np.array(cells, float)


def test_play_and_vote(page: Page) -> None:
    page.locator("#play").press("Enter")
    expect(page.locator("#play")).to_have_text("⏸ Pause")
    page.wait_for_function("document.querySelectorAll('.dropped').length > 0")
    page.locator("#play").press("Enter")
    assert 1 <= int(read_state(page)["masks"]) < 200
    page.locator("#vote").press("Enter")
    assert read_table(page, "dropout")[:, 2].sum() == 200
    expect(page.locator("#says")).to_contain_text("200 masks:")


def test_drawn_digit_is_scaled_and_centred(page: Page) -> None:
    """A small 1 in a corner, by mouse and by keyboard, is what MNIST's would be."""
    page.locator("#all").click()
    page.locator("#clear").click()
    expect(page.locator("#says")).to_have_text("Draw a digit.")
    draw_line(page, "#digit", (0.1, 0.1), (0.1, 0.3))
    expect(page.locator("#says")).to_contain_text("Without Dropout: 1 ")
    pixels = page.evaluate(SEEN)
    seen = np.array(pixels, float).reshape(28, 28)
    rows, columns = (np.flatnonzero(seen.sum(axis=axis)) for axis in (1, 0))
    assert 18 <= rows[-1] - rows[0] + 1 <= 22
    assert len(columns) <= 5
    middle = [(seen.sum(axis=axis) * (np.arange(28) + 0.5)).sum() / seen.sum() for axis in (1, 0)]
    np.testing.assert_allclose(middle, 14, atol=0.5)
    stored = page.url
    page.locator("#clear").click()
    page.locator("#digit").focus()
    for key in (*["ArrowUp"] * 8, " ", *["ArrowDown"] * 17, " "):
        page.keyboard.press(key)
    expect(page.locator("#says")).to_contain_text("With Dropout: 1 ")
    page.goto(stored)
    page.locator("html[data-ready]").wait_for()
    assert page.evaluate(SEEN) == pixels


def test_guess_by_button_and_by_hand_then_measured_curves(page: Page, data: dict[str, Any]) -> None:
    bands = data["comparisons"][data["guess"]]["bands"]["val_loss"]
    none, dropout = (f"{bands[side][0][-1]:.2f}" for side in ("without", "with"))
    assert page.locator("#chart-guess .with").count() == 0
    page.locator("[data-guess=same]").press("Enter")
    page.locator("#reveal").press("Enter")
    expect(page.locator("#guessed")).to_have_text(
        f"After the last epoch your guess is at {none}. Measured, as means over seeds:"
        f" {dropout} with Dropout, {none} without."
    )
    assert page.locator("#chart-guess .line.with:not(.run) path").count() == 1
    draw_line(page, "#chart-guess > svg", (0.08, 0.43), (0.98, 0.43))
    assert page.locator("[data-guess][aria-pressed=true]").count() == 0
    (end,) = re.findall(r"guess is at (\d\.\d+)", page.locator("#guessed").inner_text())
    top = 1.1 * max(bands["without"][2])
    assert float(end) == pytest.approx(top / 2, rel=0.05)
    assert len(read_state(page)["guess"].split(",")) == len(bands["with"][0])


def test_story_is_played(page: Page, data: dict[str, Any]) -> None:
    without = data["comparisons"][data["start"]]["bands"]["val_loss"]["without"][0]
    expect(page.locator("#told")).to_contain_text(f"since epoch {without.index(min(without)) + 1}")
    page.locator("#epoch").focus()
    page.keyboard.press("Home")
    expect(page.locator("#told")).to_contain_text("Epoch 1: both networks")
    page.locator("#tell").press("Enter")
    expect(page.locator("#told")).to_contain_text("Epoch 3")
    path = page.locator("#chart-validation .line.without:not(.run) path").get_attribute("d")
    assert path
    assert path.count("L") >= 2


def test_knobs_keep_their_axes_and_the_last_setting(open_page: Open, data: dict[str, Any]) -> None:
    page = open_page(state="#rate=0.8")
    texts = page.locator("#chart-knobs text").all_text_contents()
    assert page.locator("#chart-knobs .last").count() == 0
    solid = "#chart-knobs .line.with:not(.run, .last) path"
    before = page.locator(solid).get_attribute("d")
    page.locator("#knobs [name=dropout_rate]:checked").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#verdict")).to_contain_text("rate 0.7")
    assert page.locator("#chart-knobs .last.with path").get_attribute("d") == before
    assert page.locator(solid).get_attribute("d") != before
    page.locator("#knobs [name=train_samples][value='1000']").check(force=True)
    assert page.locator("#chart-knobs text").all_text_contents() == texts
    assert read_state(page)["images"] == "1000"


def test_every_setting_has_its_verdict_and_its_pairs(open_page: Open, data: dict[str, Any]) -> None:
    """Where a seed chooses the images, only pairs of the same seed; none is right if undecided."""
    page = open_page()
    keys = {
        "dataset": "data",
        "dense_units": "units",
        "train_samples": "images",
        "placement": "after",
        "dropout_rate": "rate",
    }
    for each in data["comparisons"][::5]:
        page.evaluate(
            "address => { location.hash = address; location.reload(); }",
            "&".join(f"{keys[k]}={each[k]}" for k in data["knobs"]),
        )
        page.locator("html[data-ready]").wait_for()
        says = page.locator("#verdict").inner_text()
        assert page.locator(f"#verdict.{each['verdict']}").count() == 1
        assert says.startswith(each["title"])
        for figure in each["figures"].values():
            assert figure in says
        none, dropout = (np.array(each["accuracy"][side]) for side in ("without", "with"))
        signs = np.sign(dropout - none[:, None])
        signs = np.diag(signs) if each["train_samples"] < 48_000 else signs
        kinds = {"higher": 1, "lower": -1, "equal": 0}
        counts = {kind: int((signs == sign).sum()) for kind, sign in kinds.items()}
        assert {kind: page.locator(f"#grid .{kind}").count() for kind in kinds} == counts
        told = page.locator("#counts").inner_text()
        assert f"Of {signs.size} pairs, {counts['higher']} are better with Dropout" in told
        assert ("no pair points the right way" in told) == (each["verdict"] == "undecided")
        wrong = {"better": counts["lower"], "worse": counts["higher"]}.get(each["verdict"])
        assert wrong is None or f"{wrong} of {signs.size} pairs point the wrong way" in told


def test_drawn_pair_is_in_the_address(page: Page, data: dict[str, Any]) -> None:
    page.locator("#draw").press("Enter")
    drawn = page.locator("#drawn").inner_text()
    title = page.locator("#verdict strong").inner_text().partition(":")[0]
    (chosen,) = (c for c in data["comparisons"] if c["title"] == title)
    seeds = [int(seed) for seed in read_state(page)["pair"].split(",")]
    for side, seed in zip(("without", "with"), seeds, strict=True):
        accuracy = chosen["accuracy"][side][chosen["seeds"].index(seed)]
        assert f"Seed {seed} {side} Dropout: {accuracy:.2f} %" in drawn
    page.click("#draw100")
    expect(page.locator("#drawn")).to_contain_text("Drawn so far: 101;")
    pair = read_state(page)["pair"].replace(",", " ").split()
    page.reload()
    expect(page.locator("#drawn")).to_contain_text(f"Seed {pair[0]} without")
    assert page.locator("#grid .now").count() == 1


def test_numbers_of_a_chart_as_csv(page: Page, data: dict[str, Any]) -> None:
    with page.expect_download() as download:
        page.locator("[data-csv=training]").click()
    header, *rows = Path(download.value.path()).read_text().splitlines()
    each = data["comparisons"][data["start"]]
    assert header == "Dropout,seed,epoch,loss"
    assert len(rows) == 2 * each["epochs"] * len(each["seeds"])
    assert rows[0] == f"without,{each['seeds'][0]},1,{each['runs']['loss']['without'][0][0]}"


def test_part_of_the_page_is_embedded(page: Page, open_page: Open) -> None:
    page.locator("#part").select_option("knobs")
    code = page.locator("#embed").input_value()
    (source,) = re.findall(r'src="([^"]*)"', code)
    part = open_page(state="#" + source.replace("&amp;", "&").partition("#")[2])
    assert part.locator("section:visible").evaluate_all(IDS) == ["knobs"]
    assert part.locator("header:visible, footer:visible").count() == 0
    assert part.locator("#verdict").inner_text() == page.locator("#verdict").inner_text()


@pytest.mark.parametrize("width", [320, 375])
def test_dark_phone_in_japanese(open_page: Open, width: int) -> None:
    """Nothing is wider than the screen, and the answers are in view while one draws."""
    page = open_page(
        "ja", viewport={"width": width, "height": 667}, is_mobile=True, has_touch=True,
        color_scheme="dark",
    )  # fmt: skip
    assert page.locator("html").get_attribute("lang") == "ja"
    background = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert background == "rgb(21, 23, 26)"
    page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    page.locator("#grid").evaluate("grid => grid.style.setProperty('--columns', 40)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("scrollTo(0, 0)")
    for name in ("#digit", ".no_dropout .answer", ".dropout .answer"):
        box = page.locator(name).bounding_box()
        assert box
        assert box["y"] + box["height"] <= 667


def test_answers_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    assert page.locator("article p:visible").count() == 10
    expect(page.locator("noscript p")).to_be_visible()
    assert page.locator("section:visible").evaluate_all(IDS) == ["answers", "limits"]
