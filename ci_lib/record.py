"""A record: frozen, refuses unknown keys and NaN, and has exactly one form as bytes.

The file of a record is its canonical form, so `sha256sum evidence.json` prints the digest that the next record names.
Canonical: UTF-8 JSON, keys sorted, two spaces of indent, a final newline, floats in Python's shortest form that reads
back equal (RFC 8785 differs in how it writes exponents; we never mix the two).
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from ci_lib.errors import BadInput, Refused
from ci_lib.files import write_atomically

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A SHA-256 in the form ``sha256:<64 hex digits>``."""


class Record(BaseModel):
    """Base of everything that is written to a file or crosses a module."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")

    def to_bytes(self) -> bytes:
        """Return the one canonical form."""
        return canonical(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return ``sha256:…`` of the canonical form, equal to `sha256sum` of the file."""
        return digest(self.to_bytes())

    def write(self, path: Path) -> Path:
        """Write the canonical form, whole or not at all, and return the path."""
        write_atomically(path, self.to_bytes())
        return path

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "record") -> Self:
        """Read a record back.

        Raises:
            Refused: it is not valid, or not in canonical form: something else wrote or changed it.
        """
        try:
            record = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(str(part) for part in first["loc"]) or "the top"
            message = f"{where} is not a valid {cls.__name__} record: {first['msg']} at {at}"
            raise Refused(message, _again(where)) from error
        if record.to_bytes() != data:
            message = f"{where} is not in canonical form: something other than ml-release wrote or changed it"
            raise Refused(message, _again(where))
        return record

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the record in a file.

        Raises:
            BadInput: there is no such file (the stage before has not run).
            Refused: it is not a valid record in canonical form.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            message = f"{path} is not there: the stage that writes it has not run"
            raise BadInput(message, f"ml-release {STAGE_OF.get(path.name, 'run')}") from error
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise BadInput(message, f"ls -l {path}") from error
        return cls.from_bytes(data, str(path))


STAGE_OF = {
    "dataset.json": "prepare",
    "candidate.json": "train",
    "evidence.json": "validate",
    "decision.json": "validate",
    "release.json": "deploy",
}
"""Which stage writes which file."""


def _again(where: str) -> str:
    """Return what brings a record back that does not hold."""
    stage = STAGE_OF.get(Path(where).name)
    return f"ml-release {stage}" if stage else f"remove {where}, and run the stage that writes it again"


def canonical(value: Any) -> bytes:  # noqa: ANN401 -- any JSON value
    """Return the canonical bytes of a JSON value.

    Raises:
        ValueError: it contains NaN or infinity.
    """
    text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def digest(data: bytes) -> str:
    """Return ``sha256:…`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def short(of: Digest) -> str:
    """Return the eight hex digits that people compare."""
    return of.removeprefix("sha256:")[:8]
