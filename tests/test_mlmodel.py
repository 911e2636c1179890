"""Reading a model's own description."""

from pathlib import Path

import pytest

from ci_lib.errors import BadInput
from ci_lib.mlmodel import LARGEST, Info, read


def test_flavours_ids_and_format_are_read(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  sklearn: {serialization_format: skops}\n  python_function: {loader_module: mlflow.sklearn}\n"
        "model_id: m-1\nrun_id: r1\nutc_time_created: '2026-11-24 12:00:00'\n"
    )
    expected = Info(flavors=("python_function", "sklearn"), model_id="m-1", run_id="r1", serialization="skops")
    assert read(tmp_path) == read(tmp_path / "MLmodel") == expected


def test_what_is_not_said_is_empty(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: null}\nrun_id: 7\n")
    assert read(tmp_path) == Info(flavors=("python_function",), model_id=None, run_id=None, serialization="")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "names no flavour"),
        (b"- a\n", "names no flavour"),
        (b"flavors: {}\n", "names no flavour"),
        (b"flavors: [sklearn]\n", "names no flavour"),
        (b"flavors: {a: 1\n", "is not YAML"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"a: 1\na: 2\n", "is not YAML"),
        (b"[" * 5000, "is not YAML"),
        (b"flavors: !!python/object/apply:os.system [true]\n", "is not YAML"),
        (b"#" * (LARGEST + 1), "larger than"),
    ],
)
def test_anything_else_is_bad_input(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "MLmodel").write_bytes(content)
    with pytest.raises(BadInput, match=words):
        read(tmp_path)


def test_a_directory_without_it_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read(tmp_path)


def nested(levels: int, line: str) -> str:
    """Return YAML in which each level holds the one before ten times."""
    lines = ["a0: &a0 {k: v}"]
    for level in range(1, levels):
        below = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(line.format(level=level, below=below))
    return "\n".join([*lines, f"flavors: {{sklearn: {{serialization_format: *a{levels - 1}}}}}"])


@pytest.mark.parametrize("line", ["a{level}: &a{level} [{below}]", "a{level}: &a{level}\n  <<: [{below}]"])
def test_a_file_that_stands_for_more_than_memory_holds_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "MLmodel").write_text(nested(30, line))
    with pytest.raises(BadInput, match="refers to itself more often"):
        read(tmp_path)


def test_a_list_that_two_flavours_share_is_taken(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors:\n  a: {types: &id001 [x]}\n  b: {types: *id001}\n")
    assert read(tmp_path).flavors == ("a", "b")


@pytest.mark.parametrize("content", ["flavors: {1: {}}", "flavors: {? [a, b] : {}}", "flavors: {null: {}}"])
def test_a_flavour_is_a_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "MLmodel").write_text(content)
    with pytest.raises(BadInput, match="no name"):
        read(tmp_path)


def test_what_is_no_text_is_no_format_and_a_signature_without_end_has_no_columns(tmp_path: Path) -> None:
    deep = "[" * 100_000
    (tmp_path / "MLmodel").write_text(
        f"flavors: {{sklearn: {{serialization_format: [skops]}}}}\nsignature: {{inputs: '{deep}'}}\n"
    )
    assert (read(tmp_path).serialization, read(tmp_path).inputs) == ("", ())
