"""Model files -> one digest."""

import hashlib
import os
from pathlib import Path

import pytest
from mlflow.utils.yaml_utils import write_yaml

from ci_lib import manifest
from ci_lib.errors import BadInput, Refused


@pytest.fixture
def model(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    (root / "code").mkdir(parents=True)
    (root / "MLmodel").write_bytes(b"flavors: {}\n")
    (root / "model.skops").write_bytes(b"bytes")
    (root / "code" / "a.py").write_bytes(b"")
    return root


def test_every_file_is_listed_by_posix_path_with_size_and_sha256(model: Path) -> None:
    found = manifest.scan(model)
    assert [(file.path, file.size) for file in found.files] == [("MLmodel", 12), ("code/a.py", 0), ("model.skops", 5)]
    assert found.files[2].sha256 == "sha256:" + hashlib.sha256(b"bytes").hexdigest()
    assert found.size == 17


def test_the_digest_does_not_depend_on_where_or_when(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for path in sorted(model.rglob("*"), reverse=True):
        target = other / path.relative_to(model)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            os.utime(target, (0, 0))
    assert manifest.scan(other).digest() == manifest.scan(model).digest()


def test_what_mlflow_writes_when_it_loads_a_model_is_no_part_of_it(model: Path) -> None:
    before = manifest.scan(model)
    (model / "registered_model_meta").write_text("model_name: x\nmodel_version: '3'\n")
    assert manifest.scan(model) == before
    (model / "code" / "registered_model_meta").write_text("model_name: x\nmodel_version: '3'\n")
    assert manifest.scan(model) != before, "only at the top"


@pytest.mark.parametrize("name", ["loan", None, "größer", "12", "true", "v1.2_x-y", "x" * 256])
def test_mlflows_own_note_is_known_in_every_form_it_is_written_in(model: Path, name: str | None) -> None:
    before = manifest.scan(model)
    content = {"model_name": name, "model_version": None if name is None else "3"}
    write_yaml(str(model), "registered_model_meta", content, ensure_yaml_extension=False)  # type: ignore[no-untyped-call]
    assert manifest.scan(model) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95 a pickle",
        b"PK\x03\x04 a skops file",
        b"model_name: x\nmodel_version: '3'\nmore: 1\n",
        b"model_name: " + b"x" * 5000 + b"\nmodel_version: '3'\n",
        b"import os\nmodel_name: str\nmodel_version: str\n",
        b"model_name: exec('')\nmodel_version: '3'\n",
    ],
)
def test_other_bytes_under_that_name_belong_to_the_model(model: Path, content: bytes) -> None:
    """MLmodel may name any file as the one to load; one that the manifest skips could change after the approval."""
    before = manifest.scan(model)
    (model / "registered_model_meta").write_bytes(content)
    assert manifest.difference(before, manifest.scan(model)) == "registered_model_meta is new"


def test_a_link_under_that_name_is_refused(model: Path) -> None:
    (model / "registered_model_meta").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="a symbolic link"):
        manifest.scan(model)


def test_a_name_that_is_not_utf8_is_refused(model: Path) -> None:
    (model / os.fsdecode(b"m\xff")).write_text("x")
    with pytest.raises(Refused, match="a name that is not UTF-8"):
        manifest.scan(model)


@pytest.mark.parametrize("change", [b"Bytes", b"bytes ", b""])
def test_any_other_byte_is_another_digest(model: Path, change: bytes) -> None:
    before = manifest.scan(model)
    (model / "model.skops").write_bytes(change)
    after = manifest.scan(model)
    assert after.digest() != before.digest()
    assert manifest.difference(before, after) == "model.skops was changed"


def test_the_difference_names_some_files_and_counts_the_rest(model: Path) -> None:
    before = manifest.scan(model)
    (model / "MLmodel").unlink()
    for number in range(6):
        (model / f"new{number}").write_text("x")
    assert manifest.difference(before, manifest.scan(model)) == (
        "MLmodel is missing, new0 is new, new1 is new, new2 is new, new3 is new and 2 more"
    )
    assert manifest.difference(before, before) == ""


def test_a_link_to_a_file_is_refused(model: Path) -> None:
    (model / "link").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match="symbolic link"):
        manifest.scan(model)


def test_a_link_to_a_directory_is_refused(model: Path) -> None:
    (model / "link").symlink_to("/etc", target_is_directory=True)
    with pytest.raises(Refused, match="symbolic link"):
        manifest.scan(model)


def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(model: Path) -> None:
    os.mkfifo(model / "pipe")
    with pytest.raises(Refused, match="not a regular file"):
        manifest.scan(model)


@pytest.mark.parametrize(("one", "two"), [("README", "readme"), ("é", "e\u0301"), ("straße", "STRASSE")])
def test_names_that_some_file_system_takes_for_one_are_refused(model: Path, one: str, two: str) -> None:
    (model / one).write_text("1")
    (model / two).write_text("2")
    with pytest.raises(Refused, match="collides"):
        manifest.scan(model)


def test_more_files_than_a_model_has_are_refused(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_FILES", 2)
    with pytest.raises(Refused, match="more than 2 files"):
        manifest.scan(model)


def test_nothing_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a model directory"):
        manifest.scan(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no file"):
        manifest.scan(tmp_path / "empty")
