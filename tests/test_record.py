"""Records: one form as bytes."""

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from doubles import records
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.decision import Decision
from ci_lib.errors import BadInput, Refused
from ci_lib.files import write_atomically
from ci_lib.measurement import Measurement, Scope
from ci_lib.record import canonical

BUILT = records.chain()
ALL = [BUILT.dataset, BUILT.candidate, BUILT.evidence, BUILT.decision, *BUILT.history]


@pytest.mark.parametrize("record", ALL, ids=lambda record: type(record).__name__)
def test_a_record_reads_back_equal_and_its_digest_is_sha256sum_of_the_file(record: Any, tmp_path: Path) -> None:
    path = record.write(tmp_path / "deep" / "record.json")
    assert type(record).read(path) == record
    assert record.digest() == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_number_and_text_survives(value: float, note: str) -> None:
    made = Measurement(metric="roc_auc", scope=Scope(of="candidate"), value=value, n=1, method="x", note=note)
    assert Measurement.from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_no_values(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Measurement(metric="roc_auc", scope=Scope(of="candidate"), value=value, n=1, method="x")
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"value": value})


def spaces(data: bytes) -> bytes:
    return data.replace(b"  ", b"   ", 1)


def order(data: bytes) -> bytes:
    return json.dumps(dict(reversed(json.loads(data).items())), indent=2).encode() + b"\n"


def unknown_key(data: bytes) -> bytes:
    return canonical({**json.loads(data), "approved": True})


def other_verdict(data: bytes) -> bytes:
    return canonical({**json.loads(data), "verdict": "of course"})


def cut(data: bytes) -> bytes:
    return data[:-20]


@pytest.mark.parametrize("change", [spaces, order, unknown_key, other_verdict, cut])
def test_a_file_that_something_else_wrote_is_refused(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "decision.json"
    path.write_bytes(change(BUILT.decision.to_bytes()))
    with pytest.raises(Refused, match=r"decision\.json"):
        Decision.read(path)


def test_a_missing_file_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        Decision.read(tmp_path / "decision.json")
    assert caught.value.hint == "ml-release validate"


def test_a_directory_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        Decision.read(tmp_path)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text is no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        write_atomically(tmp_path / "file" / "a.json", b"x")
