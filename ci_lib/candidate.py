"""Candidate: these model bytes, from this commit, data, environment lock and seed, by this author."""

from typing import Literal

from pydantic import AwareDatetime

from ci_lib.manifest import Manifest
from ci_lib.record import Digest, Record


class Person(Record):
    """A person, and how we know."""

    id: str
    """Login, or name and mail address as git writes them."""
    known_from: str
    """``git``, ``gitlab``, ``jenkins``, ``self-declared``, …"""


class Code(Record):
    """The commit that was trained."""

    commit: str | None
    dirty: bool
    """Files differ from the commit, or there is no commit."""
    branch: str | None


class Candidate(Record):
    """What `train` (or `adopt`) writes."""

    kind: Literal["candidate"] = "candidate"
    version: Literal[1] = 1
    model: str
    dataset: Digest
    """Digest of the Dataset record."""
    manifest: Manifest
    registry: str
    """MLflow address, without credentials."""
    model_uri: str
    """``models:/m-…``: where the bytes were seen."""
    run_id: str | None
    serialization: str
    """``skops``, ``cloudpickle`` or what the flavour says."""
    flavors: tuple[str, ...]
    requirements: tuple[str, ...]
    """The model's own requirements, as MLflow logged them."""
    entrypoint: str
    """As in release.yml, or ``adopted``."""
    params: dict[str, str]
    seed: int
    environment: Digest
    """SHA-256 of the environment lock (`pip freeze`)."""
    code: Code
    authors: tuple[Person, ...]
    trained_at: AwareDatetime
    seconds: float
    """Wall time of the user's fit."""
