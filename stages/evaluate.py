"""`python -m stages.evaluate`: what a trained network does on the test images, or on a picture."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from experiment.data.known import label_of
from experiment.data.split import format_classes
from experiment.network.environment import starting_tensorflow
from experiment.npz import read_arrays
from experiment.parameters import load_parameters
from experiment.splits import read_split
from experiment.support.errors import InputError, one_line_errors, wrong
from stages.own_images import read_grey

RAW = Path("data/raw/images.npz")
TEST = Path("data/processed/test.npz")

# Share of the contrast from which a pixel counts as part of the digit.
INK = 0.2


def main() -> None:
    """Print how well a network classifies the test images, or what it sees in a picture."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description=main.__doc__)
    parser.add_argument("model", type=Path, help="a .keras file, such as models/dropout.keras")
    parser.add_argument("--image", type=Path, help="a picture, such as a PNG of a digit")
    asked = parser.parse_args()
    with one_line_errors("evaluate"):
        if not asked.model.is_file():
            remedy = "`make repro` trains it, `dvc pull` gets it"
            raise InputError(f"{asked.model}: no such file; {remedy}")
        evaluate(asked.model, asked.image)


def evaluate(path: Path, picture: Path | None) -> None:
    """Print what the network in a file does."""
    params = load_parameters()
    with starting_tensorflow(params.train.instructions):
        from experiment.network import training
        from experiment.network.model import read_model

        training.configure(params.train.threads)

    model = read_model(path)
    _, height, width, _ = model.input_shape
    if picture is None:
        test = read_split(TEST)
        if test.images.shape[1:3] != (height, width):
            remedy = "run `dvc repro preprocess` with the network's data.dataset"
            raise wrong(str(TEST), f"images {height, width}", test.images.shape[1:3], remedy)
        result = training.Evaluation(model)(training.as_tensors(test))
        count, accuracy = len(test.labels), result["accuracy"]
        print(f"{path} on the {count:,} test images of {label_of(params.data.dataset)}")
        print(f"accuracy  {100 * accuracy:.2f} %  ({round(count * (1 - accuracy)):,} wrong)")
        print(f"loss      {result['loss']:.4f}")
        return
    pixels = read_picture(picture, (height, width), digit=params.data.dataset == "mnist")
    (probabilities,) = training.predict(model, pixels[np.newaxis])
    names = read_names(len(probabilities))
    order = (-probabilities).argsort(kind="stable")
    print(f"{path} on {picture}: {format_classes(order[:1], names)}")
    for label in order[:10]:
        share, name = 100 * probabilities[label], names[label] if names else ""
        print(f"{label:>3}  {share:6.2f} %  {'#' * round(0.4 * share):<40}  {name}".rstrip())


def read_names(classes: int) -> list[str]:
    """Return the names of the classes; none where the images have no names, or other classes."""
    raw = read_arrays(RAW, (), optional=("names",)) if RAW.is_file() else {}
    names: list[str] = raw["names"].tolist() if "names" in raw else []
    return names if len(names) == classes else []


def read_picture(path: Path, size: tuple[int, int], *, digit: bool) -> np.ndarray:
    """Read a picture as `uint8 (h, w, 1)`, 0..255, of the network's height and width.

    One of another size is made like MNIST's if it is a `digit`, else only resized.
    """
    grey, _ = read_grey(path)
    if grey.size != size[::-1]:
        grey = centre_digit(grey, size, path) if digit else grey.resize(size[::-1])
    return np.asarray(grey)[:, :, np.newaxis]


def centre_digit(image: Image.Image, size: tuple[int, int], path: Path) -> Image.Image:
    """Return a digit as MNIST has them (http://yann.lecun.com/exdb/mnist/).

    White on black, cropped, made to fit into 20 of 28 pixels, its centre of mass in the middle.
    """
    pixels = np.asarray(image, np.float64)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ink = np.abs(pixels - np.median(edge))
    if ink.max() < 1:
        raise wrong(str(path), "a digit", "one colour", "draw one in another")
    ink *= 255 / ink.max()
    rows, columns = np.nonzero(ink > INK * 255)
    digit = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = min(size) * 20 / 28 / max(digit.shape)
    height, width = (max(1, round(scale * length)) for length in digit.shape)
    small = Image.fromarray(digit.astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    mass = np.asarray(small, np.float64)
    centre = [(np.arange(n) @ mass.sum(1 - axis)) / mass.sum() for axis, n in enumerate(mass.shape)]
    top, left = (
        int(np.clip(round((whole - 1) / 2 - middle), 0, whole - part))
        for whole, middle, part in zip(size, centre, mass.shape, strict=True)
    )
    canvas = Image.new("L", (size[1], size[0]))
    canvas.paste(small, (left, top))
    return canvas


if __name__ == "__main__":
    main()
