"""Settings for the whole suite: one thread a library, so that times and floating-point sums are the same everywhere."""

import os
from pathlib import Path

import pytest

# Read when numpy, scipy and scikit-learn load: set before any test module imports them.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"):
    os.environ[variable] = "1"


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return Path(__file__).resolve().parents[1]
