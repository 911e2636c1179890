"""From argv and environ to an exit code and one line."""

import errno
import io
import os
import re
import signal
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from doubles.project import RELEASE
from ruamel.yaml import YAML

from ci_lib import cli, history
from ci_lib.errors import BadInput, Exit, Refused, Unavailable


@pytest.fixture
def release_yml(tmp_path: Path) -> Path:
    """Return a release.yml of two environments."""
    path = tmp_path / "release.yml"
    environments = {"staging": {}, "production": {}}
    with path.open("w") as file:
        YAML(typ="safe").dump({**RELEASE, "environments": environments}, file)
    return path


def started(release_yml: Path, *more: str, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.start(["history", "--config", str(release_yml), *more], env or {}, out=out, err=err)
    return code, out.getvalue(), err.getvalue()


def breaks(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have `history` end with an error: there is no other way to a bug of ours, a full disk or a signal."""

    def main(job: object) -> int:
        del job
        raise error

    monkeypatch.setattr(history, "main", main)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BadInput("rows.csv is empty", "add rows"), 2, "rows.csv is empty\n  next: add rows"),
        (Refused("it was changed", "ask who"), 3, "it was changed\n  next: ask who"),
        (Unavailable("no answer", "try again"), 4, "no answer\n  next: try again"),
        (OSError(errno.ENOSPC, "No space", "/a/b"), 2, "the disk is full at /a/b\n  next: df -h"),
        (OSError(errno.EFBIG, "File too large"), 2, "a file may not grow any larger (ulimit -f)\n  next: df -h"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), 2, "TMPDIR=DIRECTORY"),
        (MemoryError(), 2, "there is not enough memory\n  next: free -h"),
        (KeyboardInterrupt(), 130, "interrupted: nothing is half done, run the same command again"),
        (KeyboardInterrupt("user's own"), 130, "interrupted"),
        (cli.Terminated(signal.SIGTERM), 143, "interrupted"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), 1, "a bug of ours: PermissionError: [Errno 13]"),
        (ValueError(), 1, "a bug of ours: ValueError:  (test_cli.py:"),
        (ValueError("first\nsecond"), 1, "a bug of ours: ValueError: first (test_cli.py:"),
        (BadInput("a group is called \x1b[2J", "rename it"), 2, "a group is called ⟨U+001B⟩[2J\n  next: rename it"),
    ],
)
def test_whatever_goes_wrong_becomes_one_line_and_a_code(
    release_yml: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    breaks(monkeypatch, error)
    ended, out, err = started(release_yml)
    assert (ended, out) == (code, "")
    assert err.startswith("ml-release history: ")
    assert words in err
    assert "second" not in err
    assert len(err.splitlines()) <= 2


@pytest.mark.parametrize("error", [BadInput("rows.csv is empty", "add rows"), ValueError("odd"), KeyboardInterrupt()])
def test_a_traceback_is_shown_with_debug_and_only_then(
    release_yml: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    breaks(monkeypatch, error)
    assert "Traceback" not in started(release_yml)[2]
    code, _, err = started(release_yml, "--debug")
    assert err.startswith("Traceback (most recent call last):\n")
    assert re.search(r'test_cli\.py", line \d+, in main', err)
    assert f"{type(error).__name__}" in err
    assert code == started(release_yml)[0]


def test_a_reader_that_went_away_is_no_error(release_yml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks(monkeypatch, BrokenPipeError())
    assert started(release_yml) == (Exit.DONE, "", "")


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), (["--help"], 0), ([], 2), (["nonsense"], 2)])
def test_argparse_speaks_for_itself(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    assert cli.start(arguments, {}, out=out, err=err) == code
    captured = capsys.readouterr()
    assert captured.out if code == 0 else "usage: ml-release" in captured.err


def given(release_yml: Path, **more: object) -> Namespace:
    return Namespace(
        **{"config": release_yml, "chain": None, "environment": None, "overrides": [], "policy_from": None, **more}
    )


def test_a_job_is_put_together_from_arguments_and_environment(release_yml: Path) -> None:
    job = cli.build(given(release_yml), {"ML_RELEASE_USER": "ada"}, io.StringIO())
    assert (job.project, job.chain) == (release_yml.parent, release_yml.parent / "release")
    assert job.here == release_yml.parent / "release" / "production"
    assert job.config.model == "loan"
    assert job.ci.actor().id == "ada"
    assert job.clock().utcoffset() is not None


def test_the_chain_may_be_elsewhere_and_a_key_overridden(release_yml: Path, tmp_path: Path) -> None:
    job = cli.build(given(release_yml, chain=tmp_path / "there", overrides=["train.seed=3"]), {}, io.StringIO())
    assert job.chain == tmp_path / "there"
    assert job.config.train is not None
    assert job.config.train.seed == 3


def test_the_registry_is_opened_in_the_project(release_yml: Path, migrated: Path) -> None:
    (release_yml.parent / "mlflow.db").write_bytes(migrated.read_bytes())
    job = cli.build(given(release_yml), {}, io.StringIO())
    assert job.open_registry("sqlite:///mlflow.db").address == f"sqlite:///{release_yml.parent}/mlflow.db"


@pytest.mark.parametrize(
    ("environments", "asked", "found"),
    [
        ({"staging": {}, "production": {}}, None, "production"),
        ({"staging": {}, "production": {}}, "staging", "staging"),
        ({"eu": {}, "us": {}}, None, "eu"),
    ],
)
def test_which_environment_a_job_is_about(
    release_yml: Path, environments: dict[str, dict[str, str]], asked: str | None, found: str
) -> None:
    config = cli.build(given(release_yml), {}, io.StringIO()).config
    known = dict.fromkeys(environments, config.environments["production"])
    assert cli._environment(asked, config.model_copy(update={"environments": known})) == found


def test_an_environment_that_is_not_there_is_bad_input(release_yml: Path) -> None:
    with pytest.raises(BadInput, match="no environment 'live'") as caught:
        cli.build(given(release_yml, environment="live"), {}, io.StringIO())
    assert caught.value.hint == "choose one of: production, staging"


@pytest.mark.parametrize("command", [["schema"], ["metrics"]])
def test_commands_that_need_no_release_read_none(command: list[str], tmp_path: Path) -> None:
    out = io.StringIO()
    assert cli.start(command, {}, out=out, err=io.StringIO()) == Exit.DONE
    assert out.getvalue()
    assert list(tmp_path.iterdir()) == []


# ---- main: the process itself


@pytest.mark.usefixtures("process_settings")
def test_a_signal_that_ends_the_process_is_taken_as_ctrl_c(capsys: pytest.CaptureFixture[str]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ml-release ")
    with pytest.raises(cli.Terminated) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.number == signal.SIGTERM


@pytest.mark.usefixtures("process_settings")
def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    cli.main(["--version"])
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


class Full(io.StringIO):
    """A file on a full disk."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def flush(self) -> None:
        raise self.error


@pytest.mark.usefixtures("process_settings")
@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 2, "the output cannot be written\n  next: df -h"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_output_that_nobody_got_is_no_success_unless_they_went_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: OSError, code: int, words: str
) -> None:
    monkeypatch.setattr("sys.stdout", Full(error))
    assert cli.main(["--version"]) == code
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("process_settings")
def test_the_processs_own_arguments_are_the_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["ml-release", "metrics"])
    assert cli.main() == 0
    assert "roc_auc" in capsys.readouterr().out


@pytest.mark.usefixtures("process_settings")
@pytest.mark.parametrize(("more", "shown"), [([], False), (["--debug"], True)])
def test_what_fails_in_a_finalizer_is_shown_with_debug_only(more: list[str], shown: bool) -> None:
    before = sys.unraisablehook
    assert cli.main(["schema", *more]) == 0
    assert (sys.unraisablehook is before) == shown
