"""A picture from anywhere, as a network takes it."""

from pathlib import Path

import numpy as np
from PIL import Image

from experiment.support.errors import InputError

# Share of the contrast from which a pixel counts as part of the digit.
INK = 0.2


def read_picture(path: Path, size: tuple[int, int], *, digit: bool) -> np.ndarray:
    """A PNG or any other picture as `uint8 (h, w, 1)`, 0..255.

    Args:
        path: the file; transparent parts are white.
        size: height and width that the network takes; a picture of that size stays as it is.
        digit: make it like MNIST's digits, else only change its size.

    Raises:
        InputError: there is no such file, it is no picture, or nothing is on it.
    """
    try:
        with Image.open(path) as image:
            layers = image.convert("RGBA")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the path") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: expected a picture, such as a PNG; found {error}") from None
    white = Image.new("RGBA", layers.size, "white")
    grey = Image.alpha_composite(white, layers).convert("L")
    height, width = size
    if grey.size != (width, height):
        grey = as_digit(grey, size, path) if digit else grey.resize((width, height))
    return np.asarray(grey)[:, :, np.newaxis]


def as_digit(image: Image.Image, size: tuple[int, int], path: Path) -> Image.Image:
    """A digit as MNIST has them (http://yann.lecun.com/exdb/mnist/).

    White on black, cropped, made to fit into 20 of 28 pixels, its centre of mass in the middle.
    """
    pixels = np.asarray(image, np.float64)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ink = np.abs(pixels - np.median(edge))
    if ink.max() < 1:
        raise InputError(f"{path}: expected a digit; found one colour; draw one in another")
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
