"""Model files -> one digest."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.utils.yaml_utils import write_yaml

from ci_lib import manifest
from ci_lib.errors import BadInput, Refused, ReleaseError


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


def test_a_link_to_mlflows_own_note_is_refused_too(model: Path, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("model_name: x\nmodel_version: '3'\n")
    (model / "registered_model_meta").symlink_to(tmp_path / "note")
    with pytest.raises(Refused, match="a symbolic link"):
        manifest.scan(model)


def test_a_pipe_under_that_name_is_refused_and_not_waited_for(model: Path) -> None:
    os.mkfifo(model / "registered_model_meta")
    with pytest.raises(Refused, match="not a regular file"):
        manifest.scan(model)


def test_a_file_longer_than_one_chunk_is_read_to_its_end(model: Path) -> None:
    content = bytes(range(256)) * (manifest.CHUNK // 128) + b"end"
    (model / "model.skops").write_bytes(content)
    (found,) = (file for file in manifest.scan(model).files if file.path == "model.skops")
    assert (found.size, found.sha256) == (len(content), "sha256:" + hashlib.sha256(content).hexdigest())


def test_a_file_that_holds_more_than_it_says_changed_while_it_was_read() -> None:
    """Linux says of these that they are empty, and gives other bytes each time."""
    with pytest.raises(Refused) as caught:
        manifest.scan(Path("/proc/sys/kernel/random"))
    assert str(caught.value) == (
        "/proc/sys/kernel/random/boot_id is a file that changed while it was read: only plain files make a model\n"
        "  next: run the command again"
    )


def linked(root: Path) -> None:
    (root / "code" / "link").symlink_to("/etc/hostname")


def linked_folder(root: Path) -> None:
    (root / "link").symlink_to("/etc", target_is_directory=True)


def piped(root: Path) -> None:
    os.mkfifo(root / "pipe")


def undecodable(root: Path) -> None:
    (root / os.fsdecode(b"m\xff")).write_text("x")


def twice(root: Path) -> None:
    (root / "README").write_text("1")
    (root / "readme").write_text("2")


def emptied(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


PLAIN = "only plain files make a model"


@pytest.mark.parametrize(
    ("change", "error", "words", "hint"),
    [
        (shutil.rmtree, BadInput, "{root} is not a model directory", "check the model URI"),
        (emptied, BadInput, "{root} holds no file", "check the model URI"),
        (linked, Refused, f"{{root}}/code/link is a symbolic link, or unreadable: {PLAIN}", "log the model again"),
        (linked_folder, Refused, f"{{root}}/link is a symbolic link: {PLAIN}", "log the model again without links"),
        (piped, Refused, f"{{root}}/pipe is not a regular file: {PLAIN}", "log the model again"),
        (
            undecodable,
            Refused,
            f"m\udcff is a name that is not UTF-8: {PLAIN}",
            "rename the file and log the model again",
        ),
        (
            twice,
            Refused,
            "'README' collides with another file name once case and accents are folded",
            "rename one of the two files",
        ),
    ],
)
def test_a_refusal_names_the_file_and_what_to_do(
    model: Path, change: Callable[[Path], None], error: type[ReleaseError], words: str, hint: str
) -> None:
    change(model)
    with pytest.raises(error) as caught:
        manifest.scan(model)
    assert (caught.value.what, caught.value.hint) == (words.format(root=model), hint)


def test_ten_thousand_files_may_be_a_model_and_one_more_is_none(model: Path) -> None:
    for number in range(9_997):
        (model / f"{number}").touch()
    assert len(manifest.scan(model).files) == 10_000
    (model / "one more").touch()
    with pytest.raises(Refused) as caught:
        manifest.scan(model)
    assert caught.value.what == f"{model} has more than 10,000 files; that is no model"
    assert caught.value.hint == "check the model URI"


def test_files_are_sorted_by_their_whole_path_as_text(model: Path) -> None:
    """A folder's files stand where `/` does: after `.`, which other tools that list paths do as well."""
    (model / "code.txt").touch()
    assert [file.path for file in manifest.scan(model).files] == ["MLmodel", "code.txt", "code/a.py", "model.skops"]


def test_mlflows_own_note_is_not_counted(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "MAX_FILES", 3)
    (model / "registered_model_meta").write_text("model_name: x\nmodel_version: '3'\n")
    assert len(manifest.scan(model).files) == 3


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


def test_as_many_differences_as_are_named_leave_none_to_count(model: Path) -> None:
    before = manifest.scan(model)
    for number in range(5):
        (model / f"new{number}").write_text("x")
    assert manifest.difference(before, manifest.scan(model)) == ", ".join(f"new{number} is new" for number in range(5))


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
