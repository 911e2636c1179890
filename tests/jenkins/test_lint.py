"""npm-groovy-lint and CodeNarc's CPS rules over Jenkinsfile, vars and src; each finds what was planted beside them.

Off in .groovylintrc.json are rules about repeated literals and types, which pipelines have no use for; about the length
of the one method that is the pipeline; about `instanceof`, which tells what `input` returned; and about throwing
Exception, the only one that the sandbox lets be made.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from doubles.groovy_jvm import ROOT, SOURCES, compiled, environment, program

TOOLS = ROOT / ".venv/tools/node_modules"
RULES = Path(__file__).with_name("cps.ruleset.groovy")
LIBRARY = ROOT / "templates/jenkins"
OURS = sorted(path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.groovy"))

PLANTED = """class Held {
    String name
    String toString() { return name.toUpperCase() }
}

void call(Map given) {
    java.util.regex.Matcher found = ('a' =~ /a/)
    echo("${ -> given.x }")
    [1, 2].toSorted { it }
    sh 'true'
    echo(found.toString())
}
"""
"""Not serializable, overrides toString outside NonCPS, holds a Matcher, sorts by a closure."""

CPS = {
    "ClassNotSerializable", "ClosureInGString", "ExpressionInCpsMethodNotSerializable", "ForbiddenCallInCpsMethod",
    "ObjectOverrideOnlyNonCpsMethods",
}  # fmt: skip
"""The rules that must find something in it."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Jenkinsfiles and the library, with two bad files beside."""
    found = tmp_path_factory.mktemp("lint") / "sources"
    shutil.copytree(LIBRARY, found)
    shutil.copy(ROOT / "Jenkinsfile", found / "Jenkinsfile.groovy")
    shutil.copy(ROOT / "templates/starter/basic/Jenkinsfile", found / "Starter.groovy")
    (found / "planted.groovy").write_text(PLANTED)
    return found


def checked() -> set[str]:
    """Return what must have been looked at."""
    return {*(str(path) for path in OURS), "Jenkinsfile.groovy", "Starter.groovy", "planted.groovy"}


@pytest.fixture(scope="module")
def cps(sources: Path) -> Mapping[str, set[str]]:
    """Run CodeNarc's CPS rules; file -> rules that it breaks, for every file that was looked at."""
    stubs = [SOURCES / "com/cloudbees/groovy/cps/NonCPS.groovy", SOURCES / "Library.groovy"]
    classes = compiled(sources.parent / "classes", [*stubs, *sorted((LIBRARY / "src").rglob("*.groovy"))]).classes
    lint = TOOLS / "npm-groovy-lint/lib/java"
    jars = [str(jar) for jar in (*lint.glob("*.jar"), *(lint / "groovy/lib").glob("*.jar"))]
    report = sources.parent / "codenarc.json"
    done = subprocess.run(
        [
            program("java"), "-cp", os.pathsep.join([str(classes), *jars]), "org.codenarc.CodeNarc",
            f"-basedir={sources}", "-includes=**/*.groovy", f"-rulesetfiles=file:{RULES}", f"-report=json:{report}",
        ],
        env=environment(), capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    # What cannot be compiled is skipped by these rules with a warning alone.
    assert "Compilation failed" not in done.stdout + done.stderr
    assert json.loads(report.read_text())["summary"]["totalFiles"] == len(checked())
    return violations(json.loads(report.read_text()))


def violations(report: Mapping[str, list[dict[str, object]]]) -> dict[str, set[str]]:
    """Return file -> broken rules of CodeNarc's JSON."""
    found: dict[str, set[str]] = {}
    for package in report["packages"]:
        for file in package["files"]:  # type: ignore[attr-defined]  # JSON
            path = "/".join(part for part in (str(package["path"]), str(file["name"])) if part)
            found[path] = {each["ruleName"] for each in file["violations"]}
    return found


@pytest.fixture(scope="module")
def style(sources: Path) -> Mapping[str, set[str]]:
    """Run npm-groovy-lint, without the server that it would leave behind; file -> rules that it breaks."""
    command = TOOLS / ".bin/npm-groovy-lint"
    if not command.exists():
        pytest.fail(f"{command} is missing (scripts/setup tools)")
    (sources / "broken.groovy").write_text("void call( {\n")
    report = sources.parent / "style.json"
    done = subprocess.run(
        [
            str(command), "--noserver", "--failon", "none", "--output", str(report), "--path", str(sources),
            "--config", str(ROOT / ".groovylintrc.json"), "**/*.groovy",
        ],
        env=environment() | {"PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=240, cwd=sources,
    )  # fmt: skip
    (sources / "broken.groovy").unlink()
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text())
    assert found["summary"]["totalFilesLinted"] == len(checked()) + 1
    return {
        str(Path(name).resolve().relative_to(sources.resolve())): {each["rule"] for each in file["errors"]}
        for name, file in found["files"].items()
    }


def test_cps_rules_find_nothing_in_ours_and_what_was_planted(cps: Mapping[str, set[str]]) -> None:
    assert {name: rules for name, rules in cps.items() if rules and name != "planted.groovy"} == {}
    assert cps["planted.groovy"] >= CPS


def test_npm_groovy_lint_finds_nothing_in_ours_and_what_was_planted(style: Mapping[str, set[str]]) -> None:
    assert {
        name: rules for name, rules in style.items() if rules and name not in {"planted.groovy", "broken.groovy"}
    } == {}
    assert style["planted.groovy"]
    assert style["broken.groovy"] >= {"NglParseError"}


@pytest.mark.parametrize("path", OURS, ids=str)
def test_the_library_uses_what_a_sandbox_lets_through(path: Path) -> None:
    """Of constructors script-security's generic whitelist has Exception(String); the others are the library's own."""
    text = (LIBRARY / path).read_text()
    assert set(re.findall(r"\bnew ([\w.]+)", text)) <= {"Settings", "Exception"}
    imported = set(re.findall(r"^import (\S+)", text, re.MULTILINE))
    assert imported <= {"groovy.transform.Field", "org.mlrelease.Settings", "com.cloudbees.groovy.cps.NonCPS"}
    assert not re.search(r"rawBuild|Jenkins\.|System\.|\.execute\(|evaluate\(|@Grab|JsonSlurper|\bload\(|=~|==~", text)


@pytest.mark.parametrize("path", [*OURS, Path("../../Jenkinsfile")], ids=str)
def test_no_value_is_pasted_into_a_shell(path: Path) -> None:
    """Each `sh` is given a constant in single quotes; values are environment variables."""
    text = (LIBRARY / path).read_text()
    assert not re.search(r"""\bsh\b\s*\(?\s*["]|script:\s*["]|\bsh\b[^\n]*\$\{""", text)
    scripts = re.findall(r"'''(.*?)'''", text, re.DOTALL)
    assert all("ml-release" in script or "ml_release" in script.lower() for script in scripts)
