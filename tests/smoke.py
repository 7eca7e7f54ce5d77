"""The real pipeline in a temporary clone: real download, one epoch. `make smoke` runs it."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import ROOT, set_parameters


def main() -> None:
    """Clones what is committed, trains one epoch of both variants, and looks at the metrics."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        set_parameters(clone, train__epochs=1)
        subprocess.run([sys.executable, "-m", "stages"], cwd=clone, check=True)
        for variant in ("no_dropout", "dropout"):
            metrics = json.loads((clone / f"metrics/{variant}.json").read_text())
            accuracy = metrics["test_accuracy"]
            print(f"{variant}: test accuracy {accuracy:.4f} after one epoch")
            if not 0.96 < accuracy < 0.99:
                sys.exit(f"smoke: expected 0.96 to 0.99 after one epoch; found {accuracy}")


if __name__ == "__main__":
    main()
