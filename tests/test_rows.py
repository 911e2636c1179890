"""Reading rows: each source gives the same plain frame; each way to fail gives one line."""

import bz2
import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ci_lib.content import kind
from ci_lib.errors import BadInput
from ci_lib.rows import read

TEXT = "a,b,self\n1,x,0.5\n2,,1.5\n"


def bad(source: str, project: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read(source, project)
    assert caught.value.hint
    assert "\n" not in caught.value.what
    return caught.value.what


@pytest.mark.parametrize(
    ("name", "encode"),
    [("d.csv", bytes), ("d.CSV", bytes), ("d.csv.gz", gzip.compress), ("d.csv.bz2", bz2.compress)],
)
def test_csv_plain_or_compressed(tmp_path: Path, name: str, encode: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(encode(b"\xef\xbb\xbf" + TEXT.encode()))
    frame = read(name, tmp_path)
    assert list(frame.columns) == ["a", "b", "self"]
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]


def test_parquet_and_csv_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(TEXT)
    frame = read("d.csv", tmp_path)
    frame.to_parquet(tmp_path / "d.parquet")
    pd.testing.assert_frame_equal(read("d.parquet", tmp_path), frame)


def test_a_named_index_is_kept_as_a_column_and_an_unnamed_one_is_not(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="id"))
    frame.to_parquet(tmp_path / "named.parquet")
    frame.rename_axis(None).to_parquet(tmp_path / "unnamed.parquet")
    assert list(read("named.parquet", tmp_path).columns) == ["id", "a"]
    assert list(read("unnamed.parquet", tmp_path).columns) == ["a"]


def test_a_function_gives_the_rows(tmp_path: Path) -> None:
    (tmp_path / "source_of_rows.py").write_text(
        "import pandas as pd\ndef load():\n    return pd.DataFrame({1: [1, 2]}, index=[5, 6])\n"
        "def wrong():\n    return [1]\ndef fails():\n    raise ValueError('no\\nrows')\n"
    )
    frame = read("source_of_rows:load", tmp_path)
    assert list(frame.columns) == ["1"]
    assert list(frame.index) == [0, 1]
    assert "source_of_rows.py:4) returned list, not a pandas DataFrame" in bad("source_of_rows:wrong", tmp_path)
    assert "source_of_rows.py:7: ValueError: no rows" in bad("source_of_rows:fails", tmp_path)


def test_a_builtin_that_returns_something_else_is_named_too(tmp_path: Path) -> None:
    assert bad("os:getcwd", tmp_path) == "os:getcwd returned str, not a pandas DataFrame"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("d.csv", b"", "holds no rows"),
        ("d.csv", b"a,b\n", "holds no rows"),
        ("d.csv", b"\n\n", "holds no rows"),
        ("d.csv", b"a,b,a\n1,2,3\n", "has more than one column called 'a'"),
        ("d.csv", b"a,b\n1,2\n1,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("d.csv", b"a,b\n1,2,3\n1,2,3\n", "the rows have more fields than the header has names"),
        ("d.csv", b"a,b\n1,2\n3,caf\xe9\n", "is not UTF-8: byte 0xe9 at offset 13, in line 3"),
        ("d.csv", b"caf\xe9,b\n1,2\n", "is not UTF-8: byte 0xe9 at offset 3, in line 1"),
        ("d.csv", b"\xff\xfea\x00", "is not UTF-8: byte 0xff at offset 0, in line 1"),
        ("d.csv", b'a,b\n"1,2\n', "is not a well-formed CSV file"),
        ("d.csv.gz", b"not gzip", "cannot be read: Not a gzipped file"),
        ("d.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-12], "cannot be read"),
        ("d.csv.bz2", bz2.compress(TEXT.encode())[:-12], "cannot be read"),
        ("d.csv.bz2", b"not bzip2", "cannot be read"),
        ("d.parquet", b"", "cannot be read as Parquet"),
        ("d.parquet", b"PAR1 no", "cannot be read as Parquet"),
        ("d.xlsx", b"", "is neither CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert words in bad(name, tmp_path)


def test_a_missing_file_and_a_directory_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "dir.csv").mkdir()
    assert bad("no.csv", tmp_path) == f"there is no data file {tmp_path / 'no.csv'}"
    assert bad("dir.csv", tmp_path) == f"there is no data file {tmp_path / 'dir.csv'}"


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], "int64", "number"),
        ([1, 2], "Int64", "number"),
        ([1, None], "Int64", "number"),
        ([1, 2], "int64[pyarrow]", "number"),
        ([Decimal("1.5"), None], object, "number"),
        ([1, 2.5], object, "number"),
        ([True, False], object, "boolean"),
        ([True, None], "boolean", "number"),
        ([1, "x", None], object, "category"),
        (["a", "b"], "category", "category"),
        ([date(2026, 1, 1), None], object, "time"),
        ([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)], object, "time"),
        ([None, None], object, "category"),
    ],
)
def test_every_column_gets_a_plain_kind(tmp_path: Path, values: list[Any], dtype: Any, expected: str) -> None:
    frame = from_function(tmp_path, pd.DataFrame({"a": pd.Series(values, dtype=dtype)}))
    assert kind(frame["a"]) == expected
    assert frame["a"].isna().tolist() == [value is None for value in values]
    if expected == "number":
        assert isinstance(frame["a"].dtype, np.dtype)


@pytest.mark.parametrize("values", [[[1], [2]], [b"x", b"y"], [1j, 2j], [pd.Timedelta(1), pd.Timedelta(2)]])
def test_a_column_of_anything_else_is_named(tmp_path: Path, values: list[Any]) -> None:
    with pytest.raises(BadInput, match=r"column 'a' holds \w+ values"):
        from_function(tmp_path, pd.DataFrame({"a": values}))


def from_function(project: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """Read a frame as a user's function would hand it over."""
    frame.to_pickle(project / "frame.pkl")
    name = f"rows_{project.name}"
    (project / f"{name}.py").write_text(
        f"import pandas as pd\ndef load():\n    return pd.read_pickle({str(project / 'frame.pkl')!r})\n"
    )
    return read(f"{name}:load", project)
