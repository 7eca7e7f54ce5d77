"""The real pipeline in a temporary clone: real download, one epoch. `make smoke` runs it."""

import json
import sys

from tests.conftest import ROOT, set_parameters
from verify.rerun import run_pipeline, temporary_clone


def main() -> None:
    """Clones what is committed, trains one epoch of both variants, and looks at the metrics."""
    with temporary_clone(ROOT) as clone:
        set_parameters(clone, train__epochs=1)
        if not run_pipeline(clone):
            sys.exit("smoke: the pipeline failed; the reason is above")
        for variant in ("no_dropout", "dropout"):
            metrics = json.loads((clone / f"metrics/{variant}.json").read_text())
            accuracy = metrics["test_accuracy"]
            print(f"{variant}: test accuracy {accuracy:.4f} after one epoch")
            if not 0.96 < accuracy < 0.99:
                sys.exit(f"smoke: expected 0.96 to 0.99 after one epoch; found {accuracy}")


if __name__ == "__main__":
    main()
