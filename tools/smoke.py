"""`make smoke`: one epoch of the committed pipeline in a temporary clone, download included."""

import json
import sys
from pathlib import Path

from experiment.support.errors import one_line_errors
from experiment.variants import VARIANTS
from tools.clones import open_clone, run, set_parameters


def main() -> None:
    """Train all variants for one epoch and look at their accuracy."""
    with one_line_errors("smoke", then="run again"), open_clone(Path.cwd()) as clone:
        set_parameters(clone, train__epochs=1)
        if run(("-m", "stages"), clone)[0] != 0:
            sys.exit("smoke: the pipeline failed; the reason is above")
        for variant in VARIANTS:
            accuracy = json.loads((clone / f"metrics/{variant}.json").read_text())["test_accuracy"]
            print(f"{variant}: test accuracy {accuracy:.4f} after one epoch")
            if not 0.96 < accuracy < 0.99:
                sys.exit(f"smoke: expected 0.96 to 0.99 after one epoch; found {accuracy}")


if __name__ == "__main__":
    main()
