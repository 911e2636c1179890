"""The headers of the components: what GitLab pastes into their text cannot be anything but the value that is meant."""

import json
import re
from typing import Any

import pytest
from doubles.components import NAMES, SCRIPTS, documents, path

import ci_lib

PASTED = re.compile(r"\$\[\[ *inputs\.([\w-]+) *\]\]")
INPUTS = [(name, key) for name in NAMES for key in documents(name)[0]]
TEXTS = [(name, key) for name, key in INPUTS if "regex" in documents(name)[0][key]]
SENTENCES = {"reason"}
"""Inputs that people write words into."""
ENDS_YAML = '"\\\n\r$'
"""What would end or change a double-quoted YAML text, or be a variable of GitLab's in it."""
ENDS_WORDS = "'`;|&<>(){}*?!#%^~,[] \t"


def body(name: str) -> str:
    return path(name).read_text().split("\n---\n", 1)[1]


def matches(given: dict[str, Any], value: str) -> bool:
    """As GitLab: RE2, in which ``$`` is the end of the text alone."""
    return re.search(re.sub(r"\$(?=\)?$)", r"\\Z", given["regex"]), value) is not None


@pytest.mark.parametrize(("name", "key"), INPUTS)
def test_an_input_says_what_it_is_and_what_it_may_be(name: str, key: str) -> None:
    given = documents(name)[0][key]
    assert {"description", "type", "default"} <= set(given) <= {"description", "type", "default", "regex", "options"}
    assert given["description"].endswith(".")
    assert given["type"] in {"string", "boolean", "array"}
    assert given["type"] != "string" or ("regex" in given) != ("options" in given)


@pytest.mark.parametrize(("name", "key"), TEXTS)
def test_a_regex_takes_its_default_and_is_about_the_whole_value(name: str, key: str) -> None:
    given = documents(name)[0][key]
    assert matches(given, given["default"])
    assert given["regex"].startswith("^")
    assert given["regex"].endswith("$")
    assert "|" not in re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)[?*]?", "", given["regex"]), (
        "^a|b$ lets anything follow an a"
    )


@pytest.mark.parametrize(("name", "key"), TEXTS)
def test_no_value_ends_the_yaml_or_the_shell_word_that_it_stands_in(name: str, key: str) -> None:
    given = documents(name)[0][key]
    for character in ENDS_YAML + ("" if key in SENTENCES else ENDS_WORDS):
        if character == " " and (key.startswith("stage") or key == "expire_in"):
            continue  # not in any script
        around = given["default"] or "a"
        for value in (f"{around}{character}", f"{character}{around}", f"{around}{character}{around}", character):
            assert not matches(given, value), f"{key} may be {value!r}"


TAKEN = {
    "prefix": ["", "fraud-", "a1-b2-"], "config": ["release.yml", "models/fraud/release.yml", "_a/b-c.d.yaml"],
    "environment": ["production", "eu-west_1"],
    "policy-from": ["origin/main", "origin/release/2027.1", "origin/main:policy/all.yml", "/etc/policy.yaml"],
    "image": ["python:3.11", "registry.example.com:5000/a/b_c:1.2@sha256:0f"],
    "version": ["1", "1.2.3", "1.0rc1", "0.1.0.dev4"],
    "expire_in": ["never", "1 day", "10 years"], "reason": ["", "it's wrong: 50% `off`"], "to": ["", "7"],
    "stage-deploy": ["deploy", ".post", "Deploy to EU"],
}  # fmt: skip
REFUSED = {
    "prefix": ["Fraud-", "fraud", "-", "a b-"], "config": ["/etc/passwd", "../release.yml", "-x", "a//b", ""],
    "environment": ["", "production/eu", "-x", "a.b"],
    "policy-from": ["main", "origin/", "HEAD", "refs/tags/v1", "release.yml", "/etc/passwd", "origin/main:/etc/x", ""],
    "image": ["", "$IMAGE", "-v"], "version": ["", "latest", ">=1", "1.0 @ https://example.com/x.whl"],
    "expire_in": ["", "0 days", "soon"], "reason": ['say "x"', "$CI_JOB_TOKEN", "two\nlines"],
    "to": ["0", "-1", "1.5", "head"], "stage-deploy": ["", "-x"],
}  # fmt: skip


@pytest.mark.parametrize("key", TAKEN)
def test_what_an_input_takes_and_what_not(key: str) -> None:
    given = documents("release")[0][key]
    assert [value for value in TAKEN[key] if not matches(given, value)] == []
    assert [value for value in REFUSED[key] if matches(given, value)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_input_is_used_and_every_one_used_is_declared(name: str) -> None:
    assert set(PASTED.findall(body(name))) == set(documents(name)[0])
    assert body(name).count("$[[") == len(PASTED.findall(body(name)))


@pytest.mark.parametrize("name", NAMES)
def test_no_input_is_pasted_into_a_script(name: str) -> None:
    for job in documents(name)[1].values():
        for key in SCRIPTS:
            assert not PASTED.findall(str(job.get(key, "")))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_is_the_whole_pipelines(name: str) -> None:
    """No ``default``, ``stages``, ``variables``, ``workflow``; and hidden jobs are as much its own as the others."""
    for key in documents(name)[1]:
        assert key.startswith(("$[[ inputs.prefix ]]", ".$[[ inputs.prefix ]]ml-release"))


@pytest.mark.parametrize("name", NAMES)
def test_it_installs_the_version_that_it_comes_with(name: str) -> None:
    assert documents(name)[0]["version"]["default"] == ci_lib.__version__


@pytest.mark.parametrize("name", ["rollback", "audit"])
def test_what_two_components_have_in_common_is_the_same(name: str) -> None:
    """A component is one file, so they cannot share."""
    (inputs, jobs), (other, others) = documents("release"), documents(name)
    # The audit's are named apart: both are in one file.
    others = json.loads(json.dumps(others).replace("]]ml-release-audit", "]]ml-release"))
    for key in set(inputs) & set(other):
        assert inputs[key] == other[key]
    for key in set(jobs) & set(others):
        stage = {"stage": "$[[ inputs.stage ]]"} if key.endswith("]]rollback") else {}
        assert jobs[key] | stage == others[key]
    assert sum(key.startswith(".") for key in set(jobs) & set(others)) >= 4
