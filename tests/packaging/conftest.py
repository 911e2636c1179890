"""Built once."""

import pytest
from doubles.built import Built, build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return both distributions."""
    return build(tmp_path_factory.mktemp("built"))
