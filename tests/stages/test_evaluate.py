"""`make evaluate`: a trained network on the test images, or on a picture."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from experiment.files import write_arrays
from stages.evaluate import RAW, TEST, main, read_picture
from tests.conftest import ROOT, call, message_of, set_parameters
from tests.experiment.networks import build, keras, parts, training, write_model

MODEL = "models/net.keras"
FOR = "expected a .keras file of a network for grey images; found one for"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 30 test images of 8 x 7 pixels and a network for them."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data/mnist", folder / "data")
    test = parts()["test"]
    images, labels = np.asarray(test.images), np.asarray(test.labels)
    write_arrays(folder / TEST, {"images": images, "labels": labels, "classes": np.array(3)})
    write_model(folder / MODEL, build(test))
    (folder / "models/broken.keras").write_bytes((folder / MODEL).read_bytes()[:2000])
    (folder / "models/net.h5").touch()
    for name, shape in {"colour": (8, 7, 3), "flat": (56,), "of_any_size": (None, None, 1)}.items():
        other = keras.Sequential([keras.Input(shape), keras.layers.ReLU()])
        write_model(folder / f"models/{name}.keras", other)
    Image.new("L", (30, 30), "red").save(folder / "blank.png")
    Image.fromarray(images[4, :, :, 0]).save(folder / "image.png")
    return folder


@pytest.fixture(autouse=True)
def in_prepared(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", prepared)
    monkeypatch.chdir(prepared)


def test_accuracy_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    call(main, MODEL)
    test = parts()["test"]
    probabilities = build(test)(training.scale(test.images)).numpy()
    labels = np.asarray(test.labels)
    wrong = int((probabilities.argmax(1) != labels).sum())
    loss = -np.log(probabilities[np.arange(30), labels]).mean()
    assert 0 < wrong < 30
    assert capsys.readouterr().out.splitlines() == [
        f"{MODEL} on the 30 test images of MNIST",
        f"accuracy  {100 * (1 - wrong / 30):.2f} %  ({wrong} wrong)",
        f"loss      {loss:.4f}",
    ]


@pytest.mark.parametrize(
    ("names", "dataset", "picture"),
    [
        (["cat", "dog", "hen"], "mnist", "image.png"),
        (["too few"], "own/hens.npz", "blank.png"),
        (None, "mnist", "image.png"),
    ],
)
def test_picture_has_the_probability_of_each_class(
    names: list[str] | None, dataset: str, picture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The highest first, each with its name where the raw data have names for all classes.

    What is no digit is only made smaller.
    """
    RAW.unlink(missing_ok=True)
    if names:
        write_arrays(RAW, {"names": np.array(names)})
    set_parameters(Path.cwd(), data__dataset=dataset)
    call(main, MODEL, "--image", picture)
    first, *lines = capsys.readouterr().out.splitlines()
    pixels = np.asarray(Image.open(picture).resize((7, 8)))[np.newaxis, ..., np.newaxis]
    (found,) = build(parts()["test"])(training.scale(pixels)).numpy()
    order = np.argsort(-found)
    shown = names if names and len(names) == 3 else [""] * 3
    assert first == f"{MODEL} on {picture}: class {order[0]} ({shown[order[0]]})".replace(" ()", "")
    assert lines == [
        f"{n:>3}  {100 * found[n]:6.2f} %  {'#' * round(40 * found[n]):40}  {shown[n]}".rstrip()
        for n in order
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["models/none.keras"], "models/none.keras: no such file; `make repro` trains it, `dvc"),
        (["models/net.h5"], "models/net.h5: expected a .keras file of a network for grey images;"),
        (["models/broken.keras"], "models/broken.keras: expected a .keras file of a network for"),
        (["models/colour.keras"], f"models/colour.keras: {FOR} (None, 8, 7, 3); name another"),
        (["models/flat.keras"], f"models/flat.keras: {FOR} (None, 56); name another"),
        (["models/of_any_size.keras"], f"models/of_any_size.keras: {FOR} (None, None, None, 1); "),
        ([MODEL, "--image", "none.png"], "none.png: no such file; check the path"),
        ([MODEL, "--image", "params.yaml"], "params.yaml: expected a picture, such as a PNG;"),
        ([MODEL, "--image", "blank.png"], "blank.png: expected a digit; found one colour; draw"),
        ([MODEL], "other.npz: expected images (8, 7); found (7, 8);"),
    ],
)
def test_bad_input(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez("other.npz", images=np.zeros((2, 7, 8, 1), np.uint8), labels=[0, 1], classes=2)
    monkeypatch.setattr("stages.evaluate.TEST", Path("other.npz"))
    assert message_of(main, *arguments).startswith(f"evaluate: {message}")


@pytest.mark.parametrize("background", ["white", "black", "transparent"])
def test_digit_is_made_like_mnists(background: str) -> None:
    """Wherever and on whatever it is drawn: 20 of 28 pixels high, centred by its mass.

    It is whole, also where that would move a part out of the picture; a smudge is no part of it.
    """
    digit = np.zeros((28, 28), np.uint8)
    digit[:20, 8] = digit[16:20, 9:22] = 255
    digit[16:20, 22] = 130
    drawing = np.pad(np.kron(digit, np.ones((5, 5), np.uint8)), ((70, 0), (0, 200)))
    drawing[20:40, 20:40] = 40
    image = Image.fromarray(drawing // 5 if background == "black" else 255 - drawing)
    if background == "transparent":
        image = Image.merge("LA", [Image.new("L", image.size), Image.fromarray(drawing)])
    image.save("drawn.png")
    found = read_picture(Path("drawn.png"), (28, 28), digit=True)
    np.testing.assert_array_equal(found[:, :, 0], digit)
    square = np.pad(np.full((30, 30), 255, np.uint8), ((0, 10), (5, 5)))  # most of it, at the edge
    Image.fromarray(square).save("drawn.png")
    found = read_picture(Path("drawn.png"), (28, 28), digit=True)
    np.testing.assert_array_equal(found[:, :, 0], np.pad(np.full((20, 20), 255), 4))
