"""One compiled harness for all tests of a worker: it takes three seconds."""

import pytest
from doubles.groovy_jvm import Groovy, compiled


@pytest.fixture(scope="session")
def groovy(tmp_path_factory: pytest.TempPathFactory) -> Groovy:
    """Return the harness."""
    return compiled(tmp_path_factory.mktemp("groovy") / "classes")
