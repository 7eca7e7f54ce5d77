"""The stages of dvc.yaml, each run as `python -m stages.NAME`."""

import importlib.util
import sys

if importlib.util.find_spec("numpy") is None:
    sys.exit(
        f"stages: this Python ({sys.executable}) lacks the project's packages; run `make setup`,"
        " then `source .venv/bin/activate`"
    )
