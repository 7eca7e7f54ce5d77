"""`python -m stages.model_card`: fills docs/model-card.md from params.yaml and metrics/."""

import json
from pathlib import Path

from experiment.data.known import label_of
from experiment.parameters import Parameters, load_parameters
from experiment.support.errors import one_line_errors
from experiment.support.markdown import fill_blocks, paragraph, table
from experiment.variants import VARIANTS

CARD = Path("docs/model-card.md")
PROGRAM = "model-card"

ROWS = {
    "accuracy on test images": "test_accuracy",
    "accuracy on validation images": "validation_accuracy",
    "accuracy on training images, Dropout at work": "training_accuracy",
    "loss on test images": "test_loss",
    "loss on validation images": "validation_loss",
    "rise of the validation loss from its lowest": "validation_loss_rise",
}


def main() -> None:
    """Fills the blocks of the card."""
    with one_line_errors("model_card"):
        fill_blocks(CARD, PROGRAM, blocks(load_parameters()))


def blocks(params: Parameters) -> dict[str, str]:
    """What is in each block, by its name."""
    metrics = [_read(f"metrics/{name}.json") for name in VARIANTS]
    labels = [f"{v.label}, rate {v.rate(params.train):g}" for v in VARIANTS.values()]
    cells = [
        [row, *(_figure(key, float(each[key])) for each in metrics)] for row, key in ROWS.items()
    ]
    model, train = params.model, params.train
    network = (
        f"A convolution with {model.filters} filters of 3x3, ReLU; 2x2 max pooling; a dense layer"
        f" of {model.dense_units} units, ReLU; in one network Dropout; a softmax layer. Trained"
        f" on {label_of(params.data.dataset)} for {train.epochs} epochs by Adam with learning"
        f" rate {train.learning_rate:g}, {train.batch_size} images per update, seed {train.seed},"
        " to lower the cross-entropy. The last epoch is kept, none was chosen."
    )
    found = _read(f"metrics/{next(iter(VARIANTS))}.environment.json")
    environment = (
        f"TensorFlow {found['version.tensorflow']}, Keras {found['version.keras']}, Python"
        f" {found['python']}, {found['system']} on {found['processor']}"
        f" ({found['instruction_sets']}), {found['threads']} thread. On the same software and"
        " processor family, training again gives the same bytes."
    )
    return {
        "network": paragraph(network),
        "metrics": table(["", *labels], cells),
        "environment": paragraph(environment),
    }


def _figure(key: str, value: float) -> str:
    return f"{100 * value:.2f} %" if key.endswith("accuracy") else f"{value:.4f}"


def _read(path: str) -> dict[str, str]:
    content: dict[str, str] = json.loads(Path(path).read_text(encoding="utf-8"))
    return content


if __name__ == "__main__":
    main()
