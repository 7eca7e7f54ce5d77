"""`python -m stages.evaluate`: what a trained network does on the test images, or on a picture."""

import argparse
from pathlib import Path

from experiment.data.known import label_of
from experiment.network.environment import starting_tensorflow
from experiment.parameters import load_parameters
from experiment.splits import read_split
from experiment.support.errors import InputError, one_line_errors
from stages.picture import read_picture

TEST = Path("data/processed/test.npz")


def main() -> None:
    """Says how well a network classifies the test images, or what it sees in a picture."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description=main.__doc__)
    parser.add_argument("model", type=Path, help="a .keras file, such as models/dropout.keras")
    parser.add_argument("--image", type=Path, help="a picture, such as a PNG of a digit")
    wanted = parser.parse_args()
    with one_line_errors("evaluate"):
        if not wanted.model.is_file():
            raise InputError(
                f"{wanted.model}: no such file; `make repro` trains it, `dvc pull` gets it"
            )
        evaluate(wanted.model, wanted.image)


def evaluate(path: Path, picture: Path | None) -> None:
    """Prints what the network in a file does."""
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
            found = "x".join(map(str, test.images.shape[1:3]))
            raise InputError(f"{TEST}: expected images of {height}x{width}; found {found}; run"
                             " `dvc repro preprocess` with the network's data.dataset")  # fmt: skip
        result = training.Evaluation(model)(training.as_tensors(test))
        count = len(test.labels)
        print(f"{path} on the {count:,} test images of {label_of(params.data.dataset)}")
        print(f"accuracy  {100 * result['accuracy']:.2f} %"
              f"  ({round(count * (1 - result['accuracy'])):,} wrong)")  # fmt: skip
        print(f"loss      {result['loss']:.4f}")
    else:
        digit = params.data.dataset == "mnist"
        pixels = read_picture(picture, (height, width), digit=digit)
        (probabilities,) = model(training.scale(pixels[None]), training=False).numpy()
        print(f"{path} on {picture}: class {probabilities.argmax()}")
        for label in (-probabilities).argsort(kind="stable")[:10]:
            share = float(probabilities[label])
            print(f"{label:>3}  {100 * share:6.2f} %  {'#' * round(40 * share)}".rstrip())


if __name__ == "__main__":
    main()
