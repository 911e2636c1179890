"""`ml-release lint` on the components' own pipeline, after somebody has changed it: each mistake is found."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from doubles.components import GATES, Pipeline
from ruamel.yaml import YAML

from ci_lib.lint import lint

Jobs = dict[str, dict[str, Any]]
KEYS = (*GATES, "deploy", "rollback")


def _rule(job: dict[str, Any], **changed: object) -> None:
    job["rules"][-1].update(changed)


MISTAKES: dict[str, tuple[Callable[[Jobs], object], str, str]] = {
    "the gate may fail": (lambda jobs: jobs["approve"].update(allow_failure=True), "approve", "without an answer"),
    "its rule lets it fail": (
        lambda jobs: _rule(jobs["approve"], allow_failure=True), "approve", "this rule lets the pipeline go on",
    ),
    "it runs by itself": (lambda jobs: _rule(jobs["approve"], when="on_success"), "approve", "runs by itself"),
    "deploy starts at once": (lambda jobs: jobs["deploy"].update(needs=[]), "deploy", "starts it at once"),
    "deploy needs nothing": (lambda jobs: jobs["deploy"].pop("needs"), "deploy", "without needs on the gate"),
    "deploy waits for the report alone": (
        lambda jobs: jobs["deploy"].update(needs=[{"job": "report", "artifacts": False}]),
        "deploy", "lead to no gate: approve",
    ),
    "deploy waits for the no": (
        lambda jobs: jobs["deploy"].update(needs=["reject"]), "deploy", "lead to no gate: approve",
    ),
    "the gate is optional": (
        lambda jobs: jobs["deploy"].update(needs=[{"job": "approve", "optional": True}]),
        "deploy", "that have no approve",
    ),
    "deploy after a failure": (lambda jobs: jobs["deploy"].update(when="always"), "deploy", "when: always"),
    "variables from train": (
        lambda jobs: (jobs["train"]["artifacts"].update(reports={"dotenv": "x.env"}),
                      jobs["approve"]["needs"].append({"job": "train"})),
        "approve", "the dotenv file of train",
    ),
    **{f"the artifacts of {other} in {name}": (
        lambda jobs, name=name, other=other: jobs[name]["needs"].append({"job": other}), name,
        f"with the artifacts of {other} the authors' code",
    ) for name in (*GATES, "deploy") for other in ("train", "validate", "report")},
    **{f"a cache in {name}": (
        lambda jobs, name=name: jobs[name].update(cache=[{"paths": ["x"]}]), name, "a cache brings files",
    ) for name in KEYS},
    **{f"a dotenv file of {name}": (
        lambda jobs, name=name: jobs[name]["artifacts"].update(reports={"dotenv": "x.env"}), name, "reports: dotenv",
    ) for name in KEYS},
    **{f"an input pasted into {name}": (
        lambda jobs, name=name: jobs[name]["script"].append("echo $[[ inputs.reason ]]"), name,
        "the input reason is pasted",
    ) for name in ("prepare", "report", *KEYS, "monitor")},
}  # fmt: skip


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_found_where_it_is_and_nothing_else(first: Pipeline, tmp_path: Path, what: str) -> None:
    change, job, sentence = MISTAKES[what]
    jobs = deepcopy(first.jobs)
    change(jobs)
    path = tmp_path / "changed.yml"
    YAML().dump(jobs, path)
    findings = lint(path)
    assert {found.job for found in findings} == {job}
    assert any(sentence in found.sentence for found in findings)
