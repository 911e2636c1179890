"""The real library and Jenkinsfiles, run by Groovy as a Jenkins would run them: scenarios in `*.scenarios.groovy`."""

import json
from pathlib import Path

import pytest
from doubles.groovy_jvm import ROOT, Groovy

HERE = Path(__file__).parent
FILES = {"library": 60, "jenkinsfiles": 9, "harness": 33}
"""File -> how many scenarios it has at least: a file that ends early must not pass."""


@pytest.fixture(scope="module")
def ran(groovy: Groovy, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str | None]]]:
    """Run all files in one JVM, which takes seconds to start; return what was said about each scenario."""
    scratch = tmp_path_factory.mktemp("scenarios")
    files = [str(HERE / f"{name}.scenarios.groovy") for name in FILES]
    done = groovy.run("RunScenarios.main(args)", str(ROOT), str(scratch), *files)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, list[dict[str, str | None]]] = {name: [] for name in FILES}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            each = json.loads(line)
            found[each["file"]].append(each)
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_scenario_holds(name: str, ran: dict[str, list[dict[str, str | None]]]) -> None:
    problems = [f"{each['scenario']}: {each['problem']}" for each in ran[name] if each["problem"]]
    assert not problems, "\n\n".join(problems)
    assert len(ran[name]) >= FILES[name]


def test_there_is_a_file_for_every_scenario() -> None:
    assert {path.name.removesuffix(".scenarios.groovy") for path in HERE.glob("*.scenarios.groovy")} == set(FILES)


def test_a_scenario_that_does_not_hold_is_said(groovy: Groovy, tmp_path: Path) -> None:
    file = tmp_path / "wrong.scenarios.groovy"
    file.write_text("scenario('wrong') { lab -> assert lab.build().result == 'FAILURE' }\n")
    done = groovy.run("RunScenarios.main(args)", str(ROOT), str(tmp_path / "scratch"), str(file))
    (line,) = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert "Assertion failed" in line["problem"]
    assert "Finished: SUCCESS" in line["problem"]


@pytest.mark.parametrize("path", sorted((ROOT / "templates/jenkins/vars").glob("*.groovy")), ids=lambda path: path.stem)
def test_every_step_of_the_library_has_its_help(path: Path) -> None:
    text = path.with_suffix(".txt").read_text()
    assert path.stem in text
    assert "<" not in text  # it may be shown as HTML
