"""The generated city, made once for all tests of this folder."""

import pytest

from gisdata.city import City
from gisdata.generate import generate

SEED = 7


@pytest.fixture(scope="session")
def city() -> City:
    """Return the generated city."""
    return generate(SEED)
