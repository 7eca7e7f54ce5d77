"""The stages of dvc.yaml, each run as `python -m stages.NAME`.

DVC runs the `python` that it finds first. Where that is another one than this project's, as with
`.venv/bin/dvc repro` or VS Code's extension for DVC, the stage is handed to the Python in `.venv`.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

# If these are there, the others are too.
NEEDED = ("keras", "numpy", "pydantic")


def _hand_over() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    # Not where a program imports this package: there is no command to hand over.
    if not missing or sys.argv[0] != "-m":
        return
    program = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
    # `dvc exp run --temp` works in a copy within the repository, which has no environment.
    tops = [top for top in Path(__file__).resolve().parents if (top / "dvc.yaml").exists()]
    found = [top / ".venv" for top in tops if (top / ".venv" / program).exists()]
    arguments = getattr(sys, "orig_argv", None)
    if not found or not arguments or found[0].resolve() == Path(sys.prefix).resolve():
        sys.exit(
            f"stages: expected {missing[0]} in the Python that runs this ({sys.executable}); found"
            " none; run `make setup`, then `source .venv/bin/activate`"
        )
    command = [str(found[0] / program), *arguments[1:]]
    if os.name == "nt":  # has no exec that its parent would wait for
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)  # noqa: S606


_hand_over()
