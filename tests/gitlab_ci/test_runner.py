"""The runner is to the double what a GitLab runner is to GitLab: on small pipelines, with scripts of a line or two."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doubles.gitlab import Server, gitlab
from doubles.gitlab_ci_local import RefusedError
from doubles.gitlab_runner import Runner
from doubles.gitlab_world import MAINTAINER, Commit, Pipeline, Project, Variable
from doubles.repository import Git

CI = r"""
stages: [one, two]
make:
  stage: one
  script: [cat code.txt, mkdir out, 'echo "$ROWS" > out/rows', exit 11]
  allow_failure: {exit_codes: [11]}
  artifacts: {when: always, paths: [out/], reports: {junit: out/rows}}
break:
  stage: one
  allow_failure: true
  script: [mkdir lost, touch lost/it, exit 4]
  artifacts: {paths: [lost/]}
bare:
  stage: two
  needs: [make]
  variables: {GIT_STRATEGY: empty}
  environment: {name: production}
  id_tokens: {TOKEN: {aud: somebody}}
  script:
    - test -z "$(ls *.txt 2>/dev/null)"
    - test "$PWD" = "$CI_PROJECT_DIR"
    - test ! -e .git
    - cat out/rows "$KEY"
    - git clone --quiet "$CI_REPOSITORY_URL" copy
    - cat copy/code.txt
    - echo "${#TOKEN} $GITLAB_USER_LOGIN"
plain:
  stage: two
  script: ['echo "key=$KEY"', git fetch --quiet origin '+refs/heads/main:refs/heads/there']
say:
  stage: two
  when: manual
  allow_failure: false
  inputs: {words: {type: string, default: '', regex: '^[^\r\n]{0,50}$'}}
  script:
    - |
      IFS= read -r said <<'END'
      ${{ job.inputs.words }}
      END
      echo "said: $said"
"""


@dataclass
class Small:
    """A project with one file, and the runner that serves it."""

    server: Server
    runner: Runner
    project: Project
    git: Git

    def start(self, **variables: str) -> Pipeline:
        return self.server.world.start(self.project, "ana", variables=variables)

    def log(self, pipeline: Pipeline, name: str) -> str:
        return pipeline.job(name).trace.decode()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    root = tmp_path_factory.mktemp("small")
    git = Git(root / "work").start()
    (git.root / "code.txt").write_text("the authors' code\n")
    (git.root / ".gitlab-ci.yml").write_text(CI)
    with gitlab() as server:
        server.world.add_user("ana")
        project = server.world.add_project("ml/small", (), {"ana": MAINTAINER})
        key = Variable(key="KEY", value="secret\n", environment="production", protected=True, file=True)
        project.variables.append(key)
        made = Small(server, Runner(server, root / "runner"), project, git)
        publish(made)
        yield made


def publish(small: Small) -> None:
    sha = small.git.commit()
    bare = small.git.root.parent / "bare.git"
    small.git("push", "--quiet", "--force", str(bare), "HEAD:refs/heads/main") if bare.exists() else small.git(
        "clone", "--quiet", "--bare", ".", str(bare)
    )
    small.project.commits[sha] = Commit(sha, ("Ana", "a"), ("Ana", "a"))
    small.project.branches["main"] = sha
    small.runner.serve("ml/small", bare)


@pytest.fixture(scope="module")
def ran(small: Small) -> Pipeline:
    return small.runner.work(small.start(ROWS="171"))


def test_exit_codes_come_back_and_those_that_are_allowed_let_the_pipeline_go_on(small: Small, ran: Pipeline) -> None:
    assert {job.name: small.runner.codes[job.id] for job in ran.jobs if job.id in small.runner.codes} == {
        "make": 11, "break": 4, "bare": 0, "plain": 0,
    }  # fmt: skip
    assert {job.name: job.status for job in ran.jobs} == {
        "make": "failed", "break": "failed", "bare": "success", "plain": "success", "say": "manual",
    }  # fmt: skip
    assert small.log(ran, "make").endswith("\nERROR: Job failed: exit code 11\n")
    assert small.log(ran, "plain").endswith("\nJob succeeded\n")


def test_artifacts_of_a_job_that_failed_are_kept_where_it_says_so(ran: Pipeline) -> None:
    assert ran.job("make").artifacts == {"out/rows": b"171\n"}
    assert ran.job("make").reports == {"junit": b"171\n"}
    assert ran.job("break").artifacts == {}


def test_a_job_without_code_has_artifacts_its_token_and_its_key_and_nothing_else(small: Small, ran: Pipeline) -> None:
    said = small.log(ran, "bare")
    lines = [line for line in said.splitlines() if not line.startswith("$ ")]
    token = small.server.id_token(ran.job("bare"), "somebody")
    assert lines == ["171", "secret", "the authors' code", f"{len(token)} ana", "Job succeeded"]


def test_a_variable_of_an_environment_is_given_to_its_jobs_alone(small: Small, ran: Pipeline) -> None:
    assert "\nkey=\n" in small.log(ran, "plain")
    small.project.protected = {}
    pipeline = small.start()
    small.project.protected = {"main": MAINTAINER}
    assert "KEY" in small.server.settings(pipeline.job("bare"))


def test_a_protected_variable_is_not_given_to_other_branches(small: Small) -> None:
    pipeline = small.start()
    small.project.protected = {}
    assert small.server.settings(pipeline.job("bare")) == {}
    small.project.protected = {"main": MAINTAINER}


@pytest.mark.parametrize("token", ["", "gitlab-ci-token:", "gitlab-ci-token:{dead}"])
def test_nobody_clones_without_a_token_that_counts(small: Small, ran: Pipeline, tmp_path: Path, token: str) -> None:
    dead = f"glcbt-{ran.job('bare').id}"
    there = small.server.url.removeprefix("http://")
    at = f"{token.format(dead=dead)}@" if token else ""
    done = subprocess.run(
        ["git", "clone", f"http://{at}{there}/ml/small.git", str(tmp_path / "copy")],
        env=small.runner.program.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "could not read Username" in done.stderr or "Authentication failed" in done.stderr or token


@pytest.mark.parametrize("words", ["", 'it\'s $(id) `id` "$HOME" \\ ; exit 9', "END"])
def test_inputs_of_a_job_are_put_into_its_script(small: Small, ran: Pipeline, words: str) -> None:
    """What GitLab does with them: a script must take care of itself."""
    del ran
    pipeline = small.start()
    for job in pipeline.jobs:
        job.status = "success" if job.name != "say" else "manual"
    small.server.world.play(pipeline.job("say"), small.server.world.users["ana"], {}, {"words": words})
    code = small.runner.run(pipeline.job("say"))
    if words == "END":
        assert code != 0
    else:
        assert f"\nsaid: {words}\n" in small.log(pipeline, "say")


def test_a_definition_that_gitlab_would_refuse_makes_no_pipeline(small: Small) -> None:
    (small.git.root / ".gitlab-ci.yml").write_text("a: {stage: nowhere, script: [ls]}\n")
    publish(small)
    with pytest.raises(RefusedError, match="nowhere"):
        small.start()
    (small.git.root / ".gitlab-ci.yml").write_text(CI)
    publish(small)


def test_somebody_at_a_terminal_is_served_while_they_wait(small: Small) -> None:
    """What was pending before is left alone."""
    earlier = small.start()
    with small.runner.on_duty():
        pipeline = small.start()
    assert (pipeline.job("bare").status, earlier.job("make").status) == ("success", "pending")
