"""How words reach a job: as inputs where server and file take them, else as variables, which only some may set."""

import re
from collections.abc import Mapping

from ci_lib.ci.gitlab.client import Client

OF_JOBS = (18, 10)
"""Version with ``job_inputs``; older servers ignore them without a word."""
OF_PIPELINES = (18, 1)
"""Version with a pipeline's ``inputs``; older servers start it without them, without a word."""


def takes(server: Client, since: tuple[int, int]) -> bool:
    """Say whether a server is of a version, or newer."""
    version = str(server.get("/version").get("version", ""))
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= since


def inputs(words: Mapping[str, str]) -> dict[str, str]:
    """Return words as inputs, of a job or of a pipeline, which take them as they are."""
    return {key.removeprefix("ML_RELEASE_").lower(): value for key, value in words.items()}


def variables(words: Mapping[str, str]) -> list[dict[str, str]]:
    """Return words as variables, from which a job gets them as they are.

    A runner replaces ``$name`` in values, by a secret if that is what it names, and ``$5`` by nothing; ``$$`` is a
    dollar (gitlab-runner, ``common/variables.go``).
    """
    return [{"key": key, "value": value.replace("$", "$$")} for key, value in words.items()]
