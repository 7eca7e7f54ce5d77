"""What of the machine and its software can change the bits of a result."""

import platform
from importlib.metadata import version

import numpy as np

# Whoever computes or writes a number of the results; TensorFlow tells its version itself.
PACKAGES = ("h5py", "keras", "matplotlib", "numpy", "pandas")


def describe_environment(*, threads: int, settings: dict[str, str]) -> dict[str, str]:
    """A flat description, the same on machines of one kind.

    Args:
        threads: threads that the training used.
        settings: variables that steer TensorFlow, by name; see `experiment.network.startup`.

    Returns:
        Versions of Python and `PACKAGES`, operating system and C library, processor architecture,
        and the instruction sets that NumPy found (names as in
        https://numpy.org/doc/stable/reference/simd/build-options.html), but for AVX-512: a training
        does not use it (`ONEDNN_MAX_CPU_ISA` in `experiment.network.startup`).
    """
    instructions = np.show_config(mode="dicts")["SIMD Extensions"]
    found = (*instructions["baseline"], *instructions.get("found", []))
    used = [name for name in found if not name.startswith(("X86_V4", "AVX512"))]
    return {
        "instruction_sets": " ".join(used),
        "libc": " ".join(platform.libc_ver()),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
        "threads": str(threads),
        **{f"version.{package}": version(package) for package in PACKAGES},
        **{f"variable.{name}": value for name, value in settings.items()},
    }
