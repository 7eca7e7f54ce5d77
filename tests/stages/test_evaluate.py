"""`make evaluate`: a trained network on the test images, or on a picture."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiment.files import write_arrays
from stages.evaluate import RAW, TEST, main, read_picture
from tests.conftest import ROOT
from tests.experiment.networks import build, parts, training, write_model

MODEL = "models/net.keras"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 30 test images of 8 x 8 pixels and a network for them."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "data").mkdir()
    for name in ("params.yaml", "data/mnist"):
        shutil.copy(ROOT / name, folder / name)
    test = parts()["test"]
    images, labels = np.asarray(test.images), np.asarray(test.labels)
    write_arrays(folder / TEST, {"images": images, "labels": labels, "classes": np.array(3)})
    write_model(folder / MODEL, build(parts()["train"]))
    (folder / "models/broken.keras").write_bytes((folder / MODEL).read_bytes()[:2000])
    (folder / "models/net.h5").touch()
    Image.new("L", (30, 30), "red").save(folder / "blank.png")
    return folder


@pytest.fixture(autouse=True)
def in_prepared(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(prepared)


def evaluate(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    main()


def test_accuracy_and_loss_are_those_of_the_test_images(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(monkeypatch, MODEL)
    test = parts()["test"]
    labels = np.asarray(test.labels)
    probabilities = build(test)(training.scale(test.images)).numpy()
    wrong = int((probabilities.argmax(1) != labels).sum())
    loss = -np.log(probabilities[np.arange(30), labels]).mean()
    assert 0 < wrong < 30
    assert capsys.readouterr().out.splitlines() == [
        f"{MODEL} on the 30 test images of MNIST",
        f"accuracy  {100 * (1 - wrong / 30):.2f} %  ({wrong} wrong)",
        f"loss      {loss:.4f}",
    ]


@pytest.mark.parametrize("names", [["cat", "dog", "hen"], ["too few"], []])
def test_picture_has_the_probability_of_each_class(
    names: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The highest first, each with its name where the raw data have names for all classes."""
    test = parts()["test"]
    Image.fromarray(np.asarray(test.images[4, :, :, 0])).save("image.png")
    write_arrays(RAW, {"names": np.array(names)} if names else {"x": np.eye(2)})
    evaluate(monkeypatch, MODEL, "--image", "image.png")
    (found,) = build(test)(training.scale(test.images[4:5])).numpy()
    best, *_ = order = np.argsort(-found)
    shown, first = [""] * 3, f"class {best}"
    if len(names) == 3:
        shown, first = names, f"class {best} ({names[best]})"
    bars = [
        f"{'#' * round(40 * share):<40}  {name}" for share, name in zip(found, shown, strict=True)
    ]
    assert capsys.readouterr().out.splitlines() == [
        f"{MODEL} on image.png: {first}",
        *(f"{label:>3}  {100 * found[label]:6.2f} %  {bars[label]}".rstrip() for label in order),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models/none.keras"], "models/none.keras: no such file; `make repro` trains it, `dvc"),
        (["models/net.h5"], "models/net.h5: expected a .keras file of a network for grey images;"),
        (["models/broken.keras"], "models/broken.keras: expected a .keras file of a network for"),
        ([MODEL, "--image", "none.png"], "none.png: no such file; check the path"),
        ([MODEL, "--image", "models"], "models: expected a picture, such as a PNG; found"),
        ([MODEL, "--image", "blank.png"], "blank.png: expected a digit; found one colour; draw"),
    ],
)
def test_bad_input(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as exit_:
        evaluate(monkeypatch, *arguments)
    assert str(exit_.value.code).startswith(f"evaluate: {message}")
    assert "\n" not in str(exit_.value.code)


def test_network_for_images_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez("other.npz", images=np.zeros((2, 9, 8, 1), np.uint8), labels=[0, 1], classes=2)
    monkeypatch.setattr("stages.evaluate.TEST", Path("other.npz"))
    with pytest.raises(SystemExit, match=r"other\.npz: expected images \(8, 8\); found \(9, 8\);"):
        evaluate(monkeypatch, MODEL)


@pytest.mark.parametrize("background", ["white", "black", "transparent"])
def test_digit_is_made_like_mnists(background: str, tmp_path: Path) -> None:
    """Wherever and on whatever it is drawn: 20 of 28 pixels high, centred by its mass."""
    digit = np.zeros((28, 28), np.uint8)
    digit[2:22, 11:15] = digit[18:22, 15:21] = 255
    drawing = np.pad(np.kron(digit, np.ones((5, 5), np.uint8)), ((70, 0), (0, 200)))
    image = Image.fromarray(drawing if background == "black" else 255 - drawing)
    if background == "transparent":
        ink, image = Image.fromarray(drawing), Image.new("LA", image.size)
        image.putalpha(ink)
    image.save(tmp_path / "drawn.png")
    found = read_picture(tmp_path / "drawn.png", (28, 28), digit=True)
    np.testing.assert_array_equal(found[:, :, 0], digit)


def test_picture_of_the_networks_size_and_of_no_digit_stay_as_they_are(tmp_path: Path) -> None:
    pixels, path = (np.arange(28 * 28) % 256).astype(np.uint8).reshape(28, 28), tmp_path / "p.png"
    Image.fromarray(pixels).save(path)
    np.testing.assert_array_equal(read_picture(path, (28, 28), digit=True)[:, :, 0], pixels)
    Image.fromarray(np.full((50, 40), 77, np.uint8)).save(path)
    grey = np.full((28, 27, 1), 77)
    np.testing.assert_array_equal(read_picture(path, (28, 27), digit=False), grey)
