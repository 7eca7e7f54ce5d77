"""The page as readers meet it: in a browser, from a file, with the network off."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from explore.networks import compute_probabilities, compute_units, switch_off_strongest
from tests.browser import started
from tests.conftest import ROOT
from tests.explore.conftest import unpack, unpack_weights

IDS = "all => all.map((each) => each.id)"
PLACES = "all => all.map((each) => [...each.parentElement.children].indexOf(each))"
# What the networks see of a drawing.
SEEN = """() => [...document.querySelector("#seen canvas").getContext("2d")
    .getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"""
NOW = """() => Array.from({ length: 100 }, (_, i) => {
    if (i) document.getElementById("next").click();
    return ["no_dropout", "dropout"].map((name) => [...document.querySelectorAll(
        `.${name} tbody td:nth-child(2)`)].map((td) => +td.textContent));
})"""
SIDES = {"no_dropout": "without Dropout", "dropout": "with Dropout"}
KINDS = {"lower": -1, "equal": 0, "higher": 1}  # of pairs, by the sign of the difference
CURVE = "#knobs-chart path.line.with:not(.run, .last, .own)"

Open = Callable[..., Page]
Data = dict[str, Any]


@pytest.fixture(scope="module")
def open_page(pages: dict[str, Path]) -> Iterator[Open]:
    """Opens the page of a language; nothing may be asked for or go wrong meanwhile."""
    wrong: list[str] = []  # a request is an error, too: there is no network

    with started() as browser:

        def open_it(language: str = "en", state: str = "", **options: Any) -> Page:
            defaults = {"viewport": {"width": 1200, "height": 900}, "reduced_motion": "reduce"}
            page = browser.new_context(offline=True, **defaults | options).new_page()
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


def says(page: Page, where: str, text: str) -> None:
    expect(page.locator(where)).to_contain_text(text, timeout=30_000)


def press(page: Page, where: str, *keys: str) -> None:
    for key in keys or ["Enter"]:
        page.locator(where).press(key)


def read_state(page: Page) -> dict[str, str]:
    return dict(parse_qsl(page.url.partition("#")[2]))


def read_box(page: Page, where: str) -> list[float]:
    """Its left, top, right and lower end."""
    page.locator(where).scroll_into_view_if_needed()
    box = page.locator(where).bounding_box()
    assert box
    return [box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]]


def draw_line(page: Page, where: str, *points: tuple[float, float]) -> None:
    """With the mouse, between two points that are shares of an element's width and height."""
    left, top, right, bottom = read_box(page, where)
    for (a, b), act in zip(points, (page.mouse.down, page.mouse.up), strict=True):
        page.mouse.move(left + a * (right - left), top + b * (bottom - top), steps=12)
        act()


def read_table(page: Page, name: str) -> np.ndarray:
    """What is shown of a network: now, mean of the masks, votes; a row per digit."""
    cells = page.locator(f".network.{name} tbody td").all_text_contents()
    return np.array([float(cell or "nan") for cell in cells]).reshape(10, 3)


def read_line(page: Page, chart: str, of: str, *, log: bool = False) -> np.ndarray:
    """Values of a mean by the labels of its axis, which are 12 pixels below what they label."""
    axis, line = page.locator(f"#{chart}-chart text.y"), f"path.line.{of}:not(.run, .last, .own)"
    labels = [float(label) for label in axis.all_text_contents()]
    places = axis.evaluate_all("all => all.map((each) => each.getAttribute('y') - 12)")
    path = str(page.locator(f"#{chart}-chart {line}").get_attribute("d"))
    pixels = [float(point.split()[1]) for point in path[1:].split("L")]
    slope, start = np.polyfit(places, np.log(labels) if log else labels, 1)
    values = slope * np.array(pixels) + start
    return np.array(np.exp(values) if log else values)


def random_from(seed: int) -> Iterator[float]:
    """Mulberry32."""
    while True:
        seed = seed + 0x6D2B79F5 & 0xFFFFFFFF
        z = (seed ^ seed >> 15) * (seed | 1) & 0xFFFFFFFF
        z ^= z + ((z ^ z >> 7) * (z | 61) & 0xFFFFFFFF) & 0xFFFFFFFF
        yield ((z ^ z >> 14) & 0xFFFFFFFF) / 2**32


def test_both_networks_compute_as_keras_does(page: Page, data: Data) -> None:
    """On the first ten test images of each digit, within 0.01 of Keras' own predictions."""
    shown = np.array(page.evaluate(NOW)) / 100
    shown = np.roll(shown, data["networks"]["start"], axis=0)
    for place, name in enumerate(SIDES):
        keras = pd.read_csv(ROOT / f"metrics/{name}.predictions.csv").groupby("label").head(10)
        keras = keras.sort_values("label", kind="stable")
        found = shown[np.arange(100), place, keras["prediction"]]
        np.testing.assert_allclose(found, keras["probability"], atol=1e-2 + 5e-4)
        assert shown[:, place].argmax(axis=1).tolist() == keras["prediction"].tolist()


def test_masks_are_those_of_dropout(open_page: Open, data: Data) -> None:
    """The same for both networks, kept units scaled; mean and votes are over all of them.

    With the strongest units off, masks disagree on the image that is shown first; then the answer
    is that of the vote, not of the last mask.
    """
    page, rate = open_page(state="#strongest=10&seed=2&masks=200&drop=0.8"), 0.8
    numbers, stored = random_from(2), data["networks"]
    masks = np.array([[next(numbers) >= rate for _ in range(128)] for _ in range(200)])
    images = np.frombuffer(unpack(stored["images"]), np.uint8).reshape(-1, 28, 28)
    voted: list[object] = []
    for name, which in SIDES.items():
        weights = unpack_weights(stored["networks"][name]["weights"])
        shown = compute_units(weights, images[[stored["start"]]])
        left = switch_off_strongest(shown)
        each = compute_probabilities(weights, left * masks / (1 - rate))
        votes, mean = np.bincount(each.argmax(axis=1), minlength=10), 100 * each.mean(axis=0)
        digit = votes.argmax()
        assert name == "dropout" or each[-1].argmax() != digit
        expected = np.column_stack([100 * each[-1], mean, votes])
        np.testing.assert_allclose(read_table(page, name), expected, atol=0.06)
        (before,) = compute_probabilities(weights, shown)
        whole = before.argmax()
        answer = f"{digit} {mean[digit]:.1f} %" + f" all units: {whole}" * int(digit != whole)
        assert " ".join(page.locator(f".{name} .answer").inner_text().split()) == answer
        assert before[whole] >= 0.99 > 0.75 > votes[whole] / 200
        said = f"{which} says {whole} ({100 * before[whole]:.1f} %), but only {votes[whole]} of 200"
        says(page, "#says", said)
        voted += [votes[digit], digit]
        (off,) = left != shown
        for kind, units in (("off", off), ("dropped", ~masks[-1] & ~off)):
            dots = page.locator(f".{name} .{kind}").evaluate_all(PLACES)
            assert dots == np.flatnonzero(units).tolist()
    said = "200 masks: {} votes for {} without Dropout, {} for {} with it."
    says(page, "#says", said.format(*voted))
    press(page, "#drop", "Home")
    assert read_table(page, "dropout")[:, 2].max() == 200


def test_units_off_and_masks_that_vote(open_page: Open) -> None:
    """By button, mouse and keyboard; the image was chosen so that one answer survives."""
    page = open_page(state="#drop=7&masks=999&strongest=128")  # more than there can be
    says(page, "#says", "Neither answer survives.")
    assert page.locator("#drop + output").inner_text() == "0.9"
    assert read_table(page, "dropout")[:, 2].sum() == 200
    page = open_page(state="#drop=abc&off_dropout=abc_128")
    assert page.locator("#drop").input_value() == "0.5"
    press(page, "#strongest")
    says(page, "#says", "trained with Dropout survives.")
    page.locator(".dropout .off").first.click()
    assert page.locator(".dropout .off").count() == 9
    says(page, "#says", "Of 128 units each, 10 and 9 are off.")
    arrows = "Right Down Down Right Right Up Left"  # the first shows where one is
    keys = [f"Arrow{arrow}" for arrow in arrows.split()]
    press(page, ".no_dropout .units", *keys, "Space")
    assert page.locator(".no_dropout .units").get_attribute("aria-label") == "Unit 18: off"
    assert read_state(page).items() >= {"strongest": "10", "off_no_dropout": "17"}.items()
    press(page, "#all")
    assert (page.locator(".off").count(), read_state(page)) == (0, {"drop": "abc"})
    page.locator(".dropout circle").first.click()
    says(page, "#says", "Both answers survive.")
    press(page, "#play")
    page.wait_for_function("document.querySelectorAll('.dropped').length > 0")
    expect(page.locator("#play")).to_have_text("⏸ Pause")
    press(page, "#play")
    assert 1 <= int(read_state(page)["masks"]) < 200
    press(page, "#vote")
    assert read_table(page, "dropout")[:, 2].sum() == 200
    press(page, "#play", "Enter", "Enter")  # it begins again, and is paused
    assert 1 <= int(read_state(page)["masks"]) < 200


def test_drawn_digit_is_scaled_and_centred(page: Page) -> None:
    """A small 1 in a corner becomes what MNIST's would be; drawn by mouse, then by keyboard."""
    page.locator("#all").click()
    page.locator("#clear").click()
    expect(page.locator("#says")).to_have_text("Draw a digit.")
    draw_line(page, "#digit", (0.1, 0.1), (0.1, 0.3))
    says(page, "#says", "Without Dropout: 1 ")
    pixels, stored = page.evaluate(SEEN), page.url
    seen = np.array(pixels).reshape(28, 28)
    assert 18 <= seen.any(axis=1).sum() <= 22
    assert seen.any(axis=0).sum() <= 5
    middle = [np.average(np.arange(28) + 0.5, weights=seen.sum(axis=axis)) for axis in (0, 1)]
    assert middle == pytest.approx([14, 14], abs=0.5)
    page.locator("#clear").click()
    press(page, "#digit", " ", " ")
    assert any(page.evaluate(SEEN))  # a point
    press(page, "#digit", *["ArrowUp"] * 8, " ", *["ArrowDown"] * 17, " ")
    says(page, "#says", "With Dropout: 1 ")
    page.goto(stored)
    page.locator("html[data-ready]").wait_for()
    assert page.evaluate(SEEN) == pixels


def test_guess_then_see(open_page: Open, data: Data) -> None:
    """Nothing that cannot be read, then one of the lines, then one's own, in the address."""
    page = open_page(state="#guess=nothing_&seen=1")
    expect(page.locator("#guessed")).to_have_text(re.compile("^Measured, as means over seeds"))
    page, chosen = open_page(), data["comparisons"][data["guess"]]
    bands = {side: chosen[side]["bands"]["val_loss"] for side in ("without", "with")}
    none, dropout, lowest = bands["without"][0][-1], bands["with"][0][-1], min(bands["without"][0])
    assert page.locator("#guess-chart .with").count() == 0
    press(page, "#reveal")
    ends = {"fall": 0.65 * lowest, "level": lowest, "half": (lowest + none) / 2, "same": none}
    for choice, end in ends.items():
        press(page, f"[data-guess={choice}]")
        says(page, "#guessed", f"guess is at {end:.2f}.")
    text = f"guess is at {none:.2f}. Measured, as means over seeds: {dropout:.2f} with Dropout, "
    says(page, "#guessed", f"{text}{none:.2f} without.")
    assert page.locator("#guess-chart path.line.with:not(.run)").count() == 1
    draw_line(page, "#guess-chart rect", (0.01, 0.5), (0.99, 0.5))
    assert page.locator("[data-guess][aria-pressed=true]").count() == 0
    line = read_state(page)["guess"].split("_")
    assert len(line) == chosen["epochs"]
    half, values = 1.1 * max(bands["without"][2]) / 2, [float(value) for value in line if value]
    assert values == pytest.approx([half] * len(values), rel=0.02)
    says(page, "#guessed", f"guess is at {float(line[-1]):.2f}.")


def test_story_is_played(open_page: Open, data: Data) -> None:
    """Epoch by epoch, with the run of the pipeline, until it is paused; then from there."""
    page = open_page()
    bands = data["comparisons"][data["start"]]["without"]["bands"]
    lowest = int(np.argmin(bands["val_loss"][0])) + 1
    assert page.locator("#validation-chart path.own").count() == 2
    labels = page.locator("#validation-chart text:not(.y)").all_text_contents()
    assert labels == ["1", "5", "10", "15", "20", "epoch"]
    page.clock.install(time=0)
    page.clock.pause_at(60)
    for label, epoch in (("⏸ Pause", 3), ("▶ Play", 3), ("⏸ Pause", 6)):
        press(page, "#tell")
        expect(page.locator("#tell")).to_have_text(label)
        page.clock.run_for(2 * 350)
        assert page.locator("#epoch").input_value() == str(epoch)
    says(page, "#epoch-says", "Epoch 6: ")
    for chart, measure in (("training", "loss"), ("validation", "val_loss")):
        found = read_line(page, chart, "without")
        assert found == pytest.approx(bands[measure][0][:6], abs=2e-3)
    said = {lowest + 1: "still learning", lowest + 2: f"rising since epoch {lowest}"}
    for epoch, text in said.items():
        page.locator("#epoch").fill(str(epoch))
        says(page, "#epoch-says", text)


def test_knobs_keep_their_axes_and_the_last_setting(open_page: Open, data: Data) -> None:
    """They fit the settings with the same images; the own run is drawn where the settings are its.

    Nothing has a rate of abc.
    """
    page = open_page(state="#rate=abc&images=1000")
    says(page, "#verdict", "1,000")
    page = open_page(state="#rate=abc")
    says(page, "#verdict", "rate 0.5")
    assert page.locator("#knobs-chart path.own").count() == 2
    page = open_page(state="#rate=0.6&show=val_accuracy")
    axes = page.locator("#knobs-chart text").all_text_contents()
    before = page.locator(CURVE).get_attribute("d")
    assert page.locator("#knobs-chart :is(.last, .own)").count() == 0
    press(page, "#knobs [name=rate]:checked", "ArrowLeft")
    says(page, "#verdict", "rate 0.5")
    assert page.locator("#knobs-chart path.last.with").get_attribute("d") == before
    assert page.locator("#knobs-chart text").all_text_contents() == axes
    legend = [*SIDES.values(), "the run of make repro", "your last setting"]
    assert page.locator("#knobs-chart .legend span").all_text_contents() == legend
    for measure in ("val_accuracy", "val_loss"):
        page.locator(f"#knobs label:has([value={measure}])").click()
        curve, chart = read_box(page, CURVE), read_box(page, "#knobs-chart rect")
        assert curve[3] - curve[1] > 0.3 * (chart[3] - chart[1])
        for side in ("without", "with"):
            (mean, *_) = data["comparisons"][data["start"]][side]["bands"][measure]
            assert read_line(page, "knobs", side, log=True) == pytest.approx(mean, rel=0.01)
    page.locator("#knobs label:has([name=images][value='1000'])").click()
    assert page.locator("#knobs-chart text").all_text_contents() != axes
    chosen = {name: read_state(page)[name] for name in data["knobs"]}
    assert chosen["images"] == "1000"
    radios = "all => all.map(({ name, value }) => [name, value])"
    trained = [{name: str(each[name]) for name in data["knobs"]} for each in data["comparisons"]]
    assert page.locator("#knobs .far input").evaluate_all(radios) == [
        [name, value]
        for name, value in page.locator("#knobs [type=radio]").evaluate_all(radios)
        if name in chosen and chosen | {name: value} not in trained
    ]
    _, top, _, bottom = read_box(page, "#knobs-chart rect")
    for line in (CURVE, "#knobs-chart path.last.with"):
        box = read_box(page, line)
        assert top < box[1] < box[3] < bottom
    before = page.locator(CURVE).get_attribute("d")
    press(page, "#knobs [name=zoom]", "Space")
    assert page.locator(CURVE).get_attribute("d") != before


def test_settings_have_their_verdict_and_their_pairs(page: Page, data: Data) -> None:
    """Where a seed chooses the images, pairs of one seed only; undecided, none is right."""
    words = {
        "better": ("more new images", "{lower} of"),
        "worse": ("fewer new images", "{higher} of"),
        "undecided": ("is undecided", "no pair points"),
    }
    for each in data["comparisons"][::5]:
        address = "&".join(f"{name}={each[name]}" for name in data["knobs"])
        page.evaluate("address => { location.hash = address; }", address)
        says(page, "#verdict", each["title"])
        none, dropout = (np.array(each[side]["accuracy"]) for side in ("without", "with"))
        signs = np.sign(dropout - none[:, None])
        signs = np.diag(signs) if each["images"] < 48_000 else signs
        counts = {kind: int((signs == sign).sum()) for kind, sign in KINDS.items()}
        for kind, count in counts.items():
            expect(page.locator(f"#grid .{kind}")).to_have_count(count)
        verdict, misleading = words[each["verdict"]]
        for text in (verdict, *each["figures"].values()):
            says(page, f"#verdict.{each['verdict']}", text)
        counted = "{higher} are better with Dropout, {lower} worse, {equal} "
        for text in (f"{signs.size} pairs, {counted}", misleading):
            says(page, "#counts", text.format(**counts))
        same = "only runs of the same seed" in page.locator("#counts").inner_text()
        assert same == (each["images"] < 48_000)


def test_drawn_pair_is_in_the_address(open_page: Open, data: Data) -> None:
    page, chosen = open_page(), data["comparisons"][data["start"]]
    press(page, "#draw")
    pair = [int(seed) for seed in read_state(page)["pair"].split("_")]
    places = [chosen["seeds"].index(seed) for seed in pair]
    for side, seed, place in zip(("without", "with"), pair, places, strict=True):
        accuracy = chosen[side]["accuracy"][place]
        says(page, "#drawn", f"Seed {seed} {side} Dropout: {accuracy:.2f} %")
    place = places[0] * len(chosen["seeds"]) + places[1]
    assert page.locator("#grid .now").evaluate_all(PLACES) == [place]
    shown = page.locator("#drawn").inner_text().split(" Drawn")[0]
    page.reload()
    expect(page.locator("#drawn")).to_have_text(shown)
    page.evaluate("() => { Math.random = () => 0; }")  # the first pair, again and again
    press(page, "#draw100")
    first = np.sign(chosen["with"]["accuracy"][0] - chosen["without"]["accuracy"][0])
    lower, equal = (100 * int(first == KINDS[kind]) for kind in ("lower", "equal"))
    said = f"Drawn so far: 100; worse with Dropout: {lower}; equal: {equal}."
    says(page, "#drawn", said)
    page.locator("#knobs label:has([name=rate][value='0.3'])").click()
    press(page, "#draw")
    says(page, "#drawn", "Drawn so far: 1;")
    other = page.locator("#language").evaluate("link => link.href")
    assert other.endswith("index.ja.html#" + page.url.partition("#")[2])


def test_numbers_of_a_chart_and_a_part_to_embed(open_page: Open, data: Data) -> None:
    page, each = open_page(state="#rate=0.3&at=knobs"), data["comparisons"][data["start"]]
    assert page.evaluate("scrollY") > 1000

    def download(name: str) -> list[str]:
        with page.expect_download() as started:
            page.locator(f"[data-csv={name}]").click()
        return Path(started.value.path()).read_text().splitlines()

    rows, loss = download("validation"), each["without"]["runs"]["val_loss"][0][0]
    first = ['line,seed,"epoch",value,high', f"line run without,{each['seeds'][0]},1,{loss}"]
    assert rows[:2] == first
    _, (low, *_), (high, *_) = each["with"]["bands"]["val_loss"]
    assert f"band with,,1,{low},{high}" in rows
    own = enumerate(each["with"]["own"]["val_loss"], start=1)
    assert rows[-20:] == [f"line own with,,{epoch},{value}" for epoch, value in own]
    for kind, _, without, _, dropout in (row.split(",") for row in download("pairs")[1:]):
        assert KINDS[kind.strip()] == np.sign(float(dropout) - float(without))
    page.locator("#part").select_option("knobs")
    (source,) = re.findall(r'src="([^"]*)"', page.locator("#embed").input_value())
    part = open_page(state="#" + source.replace("&amp;", "&").partition("#")[2])
    assert part.locator("section:visible").evaluate_all(IDS) == ["knobs"]
    assert part.locator("header:visible, footer:visible").count() == 0
    says(part, "#verdict", "rate 0.3")


def test_dark_phone_in_japanese(open_page: Open) -> None:
    """Nothing is wider than the screen, and the answers are in view while one draws."""
    size = {"width": 320, "height": 667}
    page = open_page("ja", viewport=size, is_mobile=True, has_touch=True, color_scheme="dark")
    assert page.locator("html").get_attribute("lang") == "ja"
    background = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert background == "rgb(21, 23, 26)"
    page.locator("details").evaluate_all("all => all.forEach((each) => { each.open = true; })")
    page.locator("#grid").evaluate("grid => grid.style.setProperty('--columns', 40)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    top = read_box(page, "#digit")[1]
    for name in SIDES:
        assert read_box(page, f".{name} .answer")[3] - top < 0.5 * 667


def test_desk_paper_and_no_javascript(open_page: Open, page: Page) -> None:
    assert read_box(page, "#drop + output")[2] < read_box(page, ".no_dropout")[0]
    for name in ("#drop", "#epoch"):
        left, _, right, _ = read_box(page, name)
        assert right - left > 120
    expect(page.locator("#beside")).to_be_hidden()  # of a file
    mean = page.locator("#training-chart path.line.without:not(.run, .own)")
    assert mean.evaluate("line => getComputedStyle(line).stroke") == "rgb(0, 114, 178)"  # blue
    page.emulate_media(media="print")
    assert page.locator("button:visible, fieldset:visible, nav:visible").count() == 0
    page = open_page(java_script_enabled=False)
    assert page.locator("section:visible").evaluate_all(IDS) == ["answers", "limits"]
    assert page.locator("article p:visible").count() == 10
    expect(page.locator("noscript p")).to_be_visible()
