"""The components' shell, run: what it clones and pastes, in a directory that authors' code could fill beforehand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.components import ROOT, Pipeline, Team, documents

CHECKOUT, CORE, SAID = documents("release")[1][".$[[ inputs.prefix ]]ml-release-gate-words-true"]["before_script"]
WORDS = re.findall(r"\$\{\{ job\.inputs\.(\w+) \}\}", SAID)
SHELLS = ("bash", "dash")


def run(shell: str, script: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a runner does: the first command that fails ends it."""
    return subprocess.run(
        [shell, "-e", "-c", script], cwd=cwd, env={"PATH": os.environ["PATH"], "HOME": str(cwd), **env}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip


@pytest.fixture
def origin(tmp_path: Path, team: Team) -> tuple[str, str]:
    """A repository with two commits of release.yml, and one of something else since; its address and the middle one."""
    home = Team(tmp_path / "origin", team.program)
    home.root.mkdir()
    home.git("init", "--quiet", "--initial-branch", "main")
    home.git("config", "uploadpack.allowFilter", "true")  # as GitLab's
    wanted = ""
    for text in ("model: first\n", "model: second\n", "model: third\n"):
        (home.root / "models").mkdir(exist_ok=True)
        (home.root / "models/release.yml").write_text(text)
        (home.root / "sitecustomize.py").write_text("raise SystemExit('code of authors')\n")
        commit = home.commit()
        wanted = commit if "second" in text else wanted
    return f"file://{home.root}", wanted


@pytest.mark.parametrize("shell", SHELLS)
def test_a_job_that_holds_keys_has_the_history_and_one_file(
    tmp_path: Path, origin: tuple[str, str], shell: str
) -> None:
    address, commit = origin
    (start := tmp_path / "start").mkdir()
    show = "pwd; find . -name .git -prune -o -type f -print; cat models/release.yml; git log --format=%s"
    show += '; echo "$ML_RELEASE_CHAIN"'
    done = run(
        shell, f"{CHECKOUT}\n{show}", start, CI_REPOSITORY_URL=address, CI_COMMIT_SHA=commit,
        ML_RELEASE_CONFIG="models/release.yml", ML_RELEASE_CHAIN="release", TMPDIR=str(tmp_path),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    where, *said = done.stdout.splitlines()
    assert not Path(where).is_relative_to(start)
    assert said == ["./models/release.yml", "model: second", *["A pipeline"] * 3, f"{start}/release"]
    assert list(start.iterdir()) == []


def test_a_repository_among_the_artifacts_is_not_asked(tmp_path: Path, origin: tuple[str, str]) -> None:
    """A job with authors' code can upload any file as an artifact; one of .git would make git run a program."""
    address, commit = origin
    (start := tmp_path / "start").mkdir()
    subprocess.run(["git", "init", "--quiet", str(start)], check=True)
    (start / "evil").write_text(f"#!/bin/sh\ntouch {tmp_path}/hit\n")
    (start / "evil").chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.gitProxy", "uploadpack.packObjectsHook"):
        subprocess.run(["git", "-C", str(start), "config", key, str(start / "evil")], check=True)
    subprocess.run(["git", "status"], cwd=start, check=True, capture_output=True)
    assert (tmp_path / "hit").exists()  # so it would have
    (tmp_path / "hit").unlink()
    env = {"CI_REPOSITORY_URL": address, "CI_COMMIT_SHA": commit, "ML_RELEASE_CONFIG": "models/release.yml"}
    done = run("bash", f"{CHECKOUT}\ngit status", start, ML_RELEASE_CHAIN="release", TMPDIR=str(tmp_path), **env)
    assert done.returncode == 0
    assert not (tmp_path / "hit").exists()


def test_a_release_yml_that_is_a_link_is_read_as_what_it_says(tmp_path: Path, team: Team) -> None:
    home = Team(tmp_path / "origin", team.program)
    home.root.mkdir()
    home.git("init", "--quiet", "--initial-branch", "main")
    (home.root / "release.yml").symlink_to("/etc/passwd")
    env = {
        "CI_REPOSITORY_URL": f"file://{home.root}",
        "CI_COMMIT_SHA": home.commit(),
        "ML_RELEASE_CONFIG": "release.yml",
    }
    done = run("bash", f"{CHECKOUT}\ncat release.yml", tmp_path, ML_RELEASE_CHAIN="x", TMPDIR=str(tmp_path), **env)
    assert (done.returncode, done.stdout) == (0, "/etc/passwd")


@pytest.mark.parametrize("missing", ["CI_COMMIT_SHA", "CI_REPOSITORY_URL", "ML_RELEASE_CONFIG", "TMPDIR"])
def test_without_a_clone_nothing_goes_on(tmp_path: Path, origin: tuple[str, str], missing: str) -> None:
    address, commit = origin
    env = {
        "CI_REPOSITORY_URL": address, "CI_COMMIT_SHA": commit, "ML_RELEASE_CONFIG": "models/release.yml",
        "ML_RELEASE_CHAIN": "release", "TMPDIR": str(tmp_path),
    }  # fmt: skip
    wrong = {"CI_COMMIT_SHA": "f" * 40, "CI_REPOSITORY_URL": "file:///nowhere", "ML_RELEASE_CONFIG": "release.yml",
             "TMPDIR": "/nowhere"}  # fmt: skip
    done = run("bash", f"{CHECKOUT}\necho went on", tmp_path, **env | {missing: wrong[missing]})
    assert done.returncode != 0
    assert "went on" not in done.stdout


PYTHON = """#!/bin/sh
case "$*" in *"-m pip "*) echo "$*" ;; *) exec "{real}" "$@" ;; esac
"""


@pytest.mark.parametrize("install", ["true", "false"])
def test_what_is_installed_is_pinned_and_nothing_of_the_directory_is_imported(tmp_path: Path, install: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text(PYTHON.format(real=sys.executable))
    (tmp_path / "bin/python3").chmod(0o755)
    (tmp_path / "ci_lib/locks").mkdir(parents=True)
    (tmp_path / "ci_lib/locks/__main__.py").write_text("print('/evil/core.txt')")
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    done = run("dash", CORE, tmp_path, PATH=path, ML_RELEASE_INSTALL=install, ML_RELEASE_VERSION="1.2.3")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ([
        "-P -m pip install --quiet --no-deps ml-release-core[gitlab]==1.2.3",
        f"-P -m pip install --quiet --require-hashes -r {ROOT}/requirements/core.txt",
    ] if install == "true" else [])  # fmt: skip


HOSTILE = (
    "'; touch hit; '", '"; touch hit; "', "$(touch hit)", "`touch hit`", "ML_RELEASE_END; touch hit", "\\", "a  b",
    " # not a comment", "<<'ML_RELEASE_END'", "über, it's \"quoted\"", "%s\\n$HOME",
)  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("value", HOSTILE)
def test_words_of_job_inputs_arrive_as_they_were_typed(tmp_path: Path, shell: str, value: str) -> None:
    """GitLab pastes them; each input's regex sees to it that they are one line."""
    script = re.sub(r"\$\{\{ job\.inputs\.\w+ \}\}", lambda _: value, SAID)
    done = run(shell, f"{script}\nenv -0", tmp_path)
    assert done.returncode == 0
    found = dict(pair.partition("=")[::2] for pair in done.stdout.split("\0") if pair.startswith("ML_RELEASE_"))
    assert found == {f"ML_RELEASE_{name.upper()}": value for name in WORDS}
    assert not (tmp_path / "hit").exists()


def test_the_end_of_the_here_document_alone_ends_the_job(tmp_path: Path) -> None:
    script = SAID.replace("${{ job.inputs.reason }}", "ML_RELEASE_END")
    done = run("bash", f"{script}\necho went on", tmp_path)
    assert done.returncode != 0
    assert "went on" not in done.stdout


def test_what_is_left_empty_may_come_as_a_variable(tmp_path: Path) -> None:
    script = re.sub(r"\$\{\{ job\.inputs\.\w+ \}\}", "", SAID)
    done = run("dash", f'{script}\necho "$ML_RELEASE_REASON"', tmp_path, ML_RELEASE_REASON="from a terminal")
    assert done.stdout == "from a terminal\n"


def test_one_line_is_what_each_input_takes() -> None:
    jobs = documents("release")[1]
    for words in ("gate", "rollback"):
        inputs = jobs[f".$[[ inputs.prefix ]]ml-release-{words}-words-true"]["inputs"]
        for given in inputs.values():
            assert given["default"] == ""
            assert given.get("options") or not re.search(given["regex"], "two\nlines")


@pytest.mark.parametrize(("to", "said"), [("", []), ("4", ["--to", "4"])])
def test_a_rollback_is_given_what_was_said(tmp_path: Path, first: Pipeline, to: str, said: list[str]) -> None:
    (command,) = first.jobs["rollback"]["script"]
    show = 'ml_release() { printf "%s\\n" "$@"; }\n' + command.replace("ml-release", "ml_release", 1)
    env = {"ML_RELEASE_CONFIG": "release.yml", "ML_RELEASE_CHAIN": "/x", "ML_RELEASE_ENVIRONMENT": "production"}
    done = run("dash", show, tmp_path, ML_RELEASE_REASON="--wrong; $(touch hit)", ML_RELEASE_TO=to, **env)
    assert done.stdout.splitlines()[7:] == ["--reason=--wrong; $(touch hit)", *said]
    clicked = run("dash", show, tmp_path, ML_RELEASE_REASON="", **env)
    assert clicked.stdout.splitlines()[7:] == ["--reason=played in GitLab, and typed no reason"]
