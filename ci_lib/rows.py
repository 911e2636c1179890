"""Reading rows: CSV, Parquet or the user's ``module:function`` -> one DataFrame with plain column kinds."""

import codecs
import csv
import zlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci_lib.entrypoint import resolve, users_code
from ci_lib.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

CSV = (".csv", ".csv.gz", ".csv.bz2")
PARQUET = (".parquet", ".pq")
CHUNK = 1 << 20
PLAIN = (str, int, float, bool)


def read(source: str, project: Path) -> "pd.DataFrame":
    """Return the rows of a source.

    Args:
        source: a CSV (UTF-8; also .gz, .bz2) or Parquet file, relative to the project, or ``module:function``.
        project: the directory of release.yml.

    Returns:
        Rows in the order of the source, counted from 0; columns are numbers, booleans, text or times.

    Raises:
        BadInput: there is no such source, it cannot be read, is empty, or names two columns alike.
    """
    path = project / source
    if path.name.lower().endswith(CSV):
        frame = _csv(_there(path))
    elif path.name.lower().endswith(PARQUET):
        frame = _parquet(_there(path))
    elif ":" in source:
        frame = _called(source, project)
    else:
        message = (
            f"data source {source!r} is neither CSV ({', '.join(CSV)}), Parquet ({', '.join(PARQUET)}), nor module:fn"
        )
        raise BadInput(message, "correct data.source in release.yml")
    return _tidy(frame, source)


def _there(path: Path) -> Path:
    if path.is_file():
        return path
    message = f"there is no data file {path}"
    raise BadInput(message, "correct data.source in release.yml, or put the file there")


def _csv(path: Path) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 -- heavy: only jobs that read rows pay for it

    try:
        header, first = _first_rows(path)
        _refuse_duplicates(header, str(path))
        frame = pd.read_csv(path, encoding="utf-8", low_memory=False)
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error
    except pd.errors.EmptyDataError as error:
        raise _empty(str(path)) from error
    except (pd.errors.ParserError, csv.Error) as error:
        words = " ".join(str(error).removeprefix("Error tokenizing data. C error: ").split())
        message = f"{path} is not a well-formed CSV file: {words}"
        raise BadInput(message, "correct the line; separator is a comma, quotes are double") from error
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise BadInput(message, f"ls -l {path}") from error
    if len(first) > len(header):
        # pandas takes the first columns for an index then, and every value would go by the next column's name.
        message = f"{path}: the rows have more fields than the header has names"
        raise BadInput(message, f"head -2 {path}")
    return frame


def _open(path: Path) -> Any:  # noqa: ANN401 -- three kinds of binary file
    import bz2  # noqa: PLC0415
    import gzip  # noqa: PLC0415

    openers: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}
    return openers.get(path.suffix.lower(), open)(path, "rb")


def _first_rows(path: Path) -> tuple[list[str], list[str]]:
    """Return the column names as written, for pandas would rename the second ``a`` to ``a.1``, and the row below."""
    with _open(path) as file:
        lines = (line.decode("utf-8-sig") for line in file)
        filled = (row for row in csv.reader(lines) if row)
        return next(filled, []), next(filled, [])


def _not_utf8(path: Path) -> BadInput:
    """Find the first byte that is not UTF-8."""
    number, offset = 0, 0
    with _open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                at = offset + error.start
                message = f"{path} is not UTF-8: byte 0x{line[error.start]:02x} at offset {at}, in line {number}"
                return BadInput(message, _recode(path, line if number == 1 else b""))
            offset += len(line)
    return BadInput(f"{path} is not UTF-8", _recode(path, b""))


def _recode(path: Path, start: bytes) -> str:
    """Return the command that makes UTF-8 of a file: spreadsheets write Latin-1, or UTF-16 with a byte order mark."""
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "latin1"
    return f"iconv -f {encoding} -t utf-8 {path} > utf8.csv, and data.source: utf8.csv"


def _parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    try:
        return pd.read_parquet(path)
    except (pa.ArrowException, ValueError, OSError) as error:
        message = f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}"
        raise BadInput(message, f"ls -l {path}") from error


def _called(source: str, project: Path) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415

    function = resolve(source, project)
    with users_code(source, project):
        frame = function()
    if not isinstance(frame, pd.DataFrame):
        code = function.__code__ if hasattr(function, "__code__") else None
        where = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
        message = f"{source}{where} returned {type(frame).__name__}, not a pandas DataFrame"
        raise BadInput(message, "return a DataFrame with one row a case")
    return frame


def _tidy(frame: "pd.DataFrame", source: str) -> "pd.DataFrame":
    """Keep a named index as columns, number the rows, name columns by text, and give each a plain kind."""
    import pandas as pd  # noqa: PLC0415

    named = [name for name in frame.index.names if name is not None]
    frame = frame.reset_index() if named else frame.reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    _refuse_duplicates(list(frame.columns), source)
    if frame.empty:
        raise _empty(source)
    return pd.DataFrame({name: _plain(frame[name], source) for name in frame.columns})


def _plain(values: "pd.Series", source: str) -> "pd.Series":
    """Turn pandas' extension and object types into number, boolean, text or time."""
    import pandas as pd  # noqa: PLC0415

    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("decimal", "integer", "floating", "mixed-integer-float") and not _is_numpy_number(values):
        return values.astype("int64") if kind == "integer" and not values.isna().any() else values.astype("float64")
    if kind == "boolean" and values.dtype != bool:
        return values.astype("float64") if values.isna().any() else values.astype(bool)
    if kind in ("date", "datetime") and values.dtype == object:
        return pd.to_datetime(values)
    if kind.startswith("mixed") and all(isinstance(each, PLAIN) for each in values.dropna()):
        return values.map(str, na_action="ignore")
    if kind in ("integer", "floating", "boolean", "string", "empty", "categorical", "datetime", "datetime64"):
        return values
    first = next(iter(values.dropna()))
    message = f"{source}: column {values.name!r} holds {type(first).__name__} values"
    raise BadInput(message, "convert it to numbers, text, booleans or times, or leave it out of the source")


def _is_numpy_number(values: "pd.Series") -> bool:
    return getattr(values.dtype, "kind", "O") in "iuf" and type(values.dtype).__module__.startswith("numpy")


def _refuse_duplicates(names: list[str], source: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"{source} has more than one column called {', '.join(map(repr, twice))}"
        raise BadInput(message, "rename one of them")


def _empty(source: str) -> BadInput:
    return BadInput(f"{source} holds no rows", "check data.source in release.yml")
