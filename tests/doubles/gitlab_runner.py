"""A GitLab runner for the double: takes the jobs that are pending, and runs them with gitlab-ci-local.

What a runner does is done here: the clone with the job's token, the predefined variables, the ID token, the files of
variables, artifacts from job to job, the log, the exit code. What GitLab does is `gitlab_flow`'s: which job is next.
"""

import json
import re
import shutil
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from doubles.gitlab import Server
from doubles.gitlab_ci_local import DATA, Compiled, GitLabCI, compiled
from doubles.gitlab_world import Job, Pipeline, Spec

LONGEST = 300
"""Seconds that nothing of a test takes."""
INPUT = re.compile(r"\$\{\{ *job\.inputs\.(\w+) *\}\}")
WITHOUT_CODE = frozenset({"none", "empty"})
"""Values of GIT_STRATEGY that leave the project's files out; gitlab-ci-local does not know them (section 1)."""


@dataclass
class Runner:
    """One runner, shared by the projects of a server."""

    server: Server
    root: Path
    program: GitLabCI = field(init=False)
    codes: dict[int, int] = field(default_factory=dict)
    """Number of a job -> exit code of its script."""

    def __post_init__(self) -> None:
        self.program = GitLabCI(self.root / "home")
        self._compiled: dict[tuple[object, ...], Compiled] = {}

    def serve(self, path: str, repository: Path) -> None:
        """Let pipelines of a project come from the .gitlab-ci.yml of its repository."""
        self.server.repositories[path] = repository
        project = next(each for each in self.server.world.projects.values() if each.path == path)
        project.specs_of = self._specs

    # What GitLab does when a pipeline is made.

    def _specs(self, pipeline: Pipeline) -> tuple[Spec, ...]:
        where = self.where(pipeline)
        self._clone(pipeline, where / "clone")
        self._empty(pipeline, where / "empty")
        given = self._predefined(pipeline)
        same = (pipeline.project.path, *given.items(), *pipeline.inputs.items())
        if same not in self._compiled:
            self._compiled[same] = compiled(self.program, where / "clone", given, pipeline.inputs)
        found = self._compiled[same]
        (where / "compiled.yml").write_text(found.text)
        shutil.copy(where / "compiled.yml", where / "empty/cwd/.gitlab-ci.yml")
        return found.specs

    def _predefined(self, pipeline: Pipeline) -> dict[str, str]:
        """Return what ``rules`` may ask for."""
        branch = {} if pipeline.source == "merge_request_event" else {"CI_COMMIT_BRANCH": pipeline.ref}
        parts = urlsplit(self.server.url)
        return {
            "CI_PIPELINE_SOURCE": pipeline.source, "CI_COMMIT_REF_NAME": pipeline.ref, "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": pipeline.sha, "CI_SERVER_URL": self.server.url, "CI_SERVER_FQDN": parts.netloc,
            "CI_SERVER_HOST": parts.hostname or "", "CI_API_V4_URL": f"{self.server.url}/api/v4",
            "CI_COMMIT_REF_PROTECTED": str(pipeline.ref in pipeline.project.protected).lower(),
            **branch, **pipeline.variables,
        }  # fmt: skip

    def where(self, pipeline: Pipeline) -> Path:
        """Return where the jobs of a pipeline run."""
        return self.root / str(pipeline.id)

    def _clone(self, pipeline: Pipeline, clone: Path) -> None:
        """Make what a runner's clone is: the pipeline's branch and commit, nothing else; 20 commits deep."""
        repository = self.server.repositories[pipeline.project.path]
        clone.mkdir(parents=True)
        self._git(clone, "init", "--quiet", "--initial-branch", "runner")
        self._git(clone, "remote", "add", "origin", f"{self.server.url}/{pipeline.project.path}.git")
        refs = [f"+{pipeline.sha}:refs/pipelines/{pipeline.id}"]
        if pipeline.source != "merge_request_event":
            refs.append(f"+refs/heads/{pipeline.ref}:refs/remotes/origin/{pipeline.ref}")
        self._git(clone, "-c", "protocol.file.allow=always", "fetch", "--quiet", "--depth", "20",
                  f"file://{repository}", *refs)  # fmt: skip
        self._git(clone, "checkout", "--quiet", "--force", "--detach", pipeline.sha)
        self._git(clone, "update-ref", "refs/remotes/origin/HEAD", pipeline.sha)

    def _empty(self, pipeline: Pipeline, top: Path) -> None:
        """Make a directory that has nothing of the project's, below a repository that gitlab-ci-local insists on."""
        (top / "cwd").mkdir(parents=True)
        self._git(top, "init", "--quiet", "--initial-branch", "main")
        self._git(top, "remote", "add", "origin", f"{self.server.url}/{pipeline.project.path}.git")
        self._git(top, "-c", "user.name=runner", "-c", "user.email=runner@localhost", "commit", "--quiet",
                  "--allow-empty", "--message", "nothing")  # fmt: skip

    def _git(self, cwd: Path, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=cwd, env=self.program.env, check=True, capture_output=True)

    # What a runner does.

    def work(self, pipeline: Pipeline) -> Pipeline:
        """Run whatever is pending, until nothing is: the pipeline is blocked by a gate, failed, or done."""
        while waiting := [job for job in pipeline.jobs if job.status == "pending"]:
            self.run(waiting[0])
        return pipeline

    @contextmanager
    def on_duty(self) -> Iterator[None]:
        """Take jobs as they come, while somebody waits for them at a terminal; those that wait already, wait on."""
        over = threading.Event()
        failed: list[BaseException] = []
        left = {job.id for job in self._pending()}
        thread = threading.Thread(target=self._watch, args=(over, failed, left))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(LONGEST)
        if failed:
            raise failed[0]

    def _pending(self, left: Container[int] = ()) -> list[Job]:
        return [job for job in self.server.world.jobs() if job.status == "pending" and job.id not in left]

    def _watch(self, over: threading.Event, failed: list[BaseException], left: Container[int]) -> None:
        while not over.is_set() or self._pending(left):
            waiting = self._pending(left)
            try:
                for job in waiting[:1]:
                    self.run(job)
            except BaseException as error:  # noqa: BLE001 -- it is raised where somebody waits
                failed.append(error)
                return
            if not waiting:
                time.sleep(0.05)

    def run(self, job: Job) -> int:
        """Run one job, tell the server how it ended, and return its exit code."""
        world, where = self.server.world, self.where(job.pipeline)
        world.run(job)
        name = job.name
        kept = where / "state/artifacts" / name
        shutil.rmtree(kept, ignore_errors=True)
        variables = self._environment(job)
        bare = variables.get("GIT_STRATEGY", job.spec.git_strategy) in WITHOUT_CODE
        if not bare:
            self._let_in(where / "clone", variables["CI_JOB_TOKEN"])

        def heard(line: str) -> None:
            job.trace += line.encode() + b"\n"

        code = self.program.run(
            name, where / ("empty/cwd" if bare else "clone"), file=self._file(job), state=where / "state",
            variables=variables, heard=heard,
        )  # fmt: skip
        self.codes[job.id] = code
        job.trace += b"Job succeeded\n" if code == 0 else f"ERROR: Job failed: exit code {code}\n".encode()
        job.artifacts = {str(path.relative_to(kept)): path.read_bytes() for path in kept.rglob("*") if path.is_file()}
        job.reports = self._reports(job.spec, where / "state/builds" / name)
        world.finish(job, "success" if code == 0 else "failed", code)
        return code

    def _file(self, job: Job) -> Path:
        """Return what the job is run from; GitLab puts a job's inputs into its script before it hands it out.

        Others than its own script are left as they are.
        """
        whole, spec = self.where(job.pipeline) / "compiled.yml", job.spec
        if not spec.inputs:
            return whole
        given = {name: str(job.inputs.get(name, each.get("default", ""))) for name, each in spec.inputs.items()}
        content = DATA.load(whole.read_text())
        mine = content[job.name]
        del mine["inputs"]  # gitlab-ci-local does not know it
        for part in ("before_script", "script"):
            mine[part] = [INPUT.sub(lambda match: given[match[1]], line) for line in mine.get(part, [])]
        file = whole.with_name(f"job-{job.id}.yml")
        file.write_text(json.dumps(content))  # JSON is YAML
        return file

    def _environment(self, job: Job) -> dict[str, str]:
        """Return all of a job's variables, in GitLab's order of precedence; files are written and named."""
        pipeline, parts = job.pipeline, urlsplit(self.server.url)
        token = self.server.world.job_token(job).value
        url = f"{parts.scheme}://gitlab-ci-token:{token}@{parts.netloc}/{pipeline.project.path}.git"
        found = {
            **self._predefined(pipeline), "CI_REPOSITORY_URL": url, "CI_PIPELINE_IID": str(pipeline.iid),
            "CI_JOB_URL": f"{self.server.url}/{pipeline.project.path}/-/jobs/{job.id}",
            **{variable: self.server.id_token(job, audience) for variable, audience in job.spec.id_tokens.items()},
            **self.server.env(job, inputs=False),
        }  # fmt: skip
        for each in pipeline.project.variables:
            if each.file and each.key in found and found[each.key] == each.value:
                path = self.where(pipeline) / "files" / f"{job.id}-{each.key}"
                path.parent.mkdir(exist_ok=True)
                path.write_text(each.value)
                path.chmod(0o600)
                found[each.key] = str(path)
        return found

    def _let_in(self, clone: Path, token: str) -> None:
        """Let git in the clone fetch with this job's token, as a runner does."""
        basic = b64encode(f"gitlab-ci-token:{token}".encode()).decode()
        self._git(clone, "config", f"http.{self.server.url}/.extraHeader", f"Authorization: Basic {basic}")

    @staticmethod
    def _reports(spec: Spec, build: Path) -> dict[str, bytes]:
        """Return what is uploaded as reports, whether the job succeeded or not (section 6)."""
        found = {kind: build / path for kind, path in spec.reports.items()}
        return {kind: path.read_bytes() for kind, path in found.items() if path.is_file()}

    def as_run_by(self, pipeline: Pipeline, other: Pipeline, *names: str) -> Pipeline:
        """Let jobs of a pipeline end as they did in another of the same commit, with the same artifacts.

        A shortcut for tests of what comes after: no job runs twice to the same result.
        """
        for name in names:
            job, before = pipeline.job(name), other.job(name)
            assert job.status == "pending", f"{name} is {job.status}"
            self.server.world.run(job)
            kept = self.where(other) / "state/artifacts" / name
            shutil.copytree(kept, self.where(pipeline) / "state/artifacts" / name)
            job.trace, job.artifacts, job.reports = before.trace, dict(before.artifacts), dict(before.reports)
            self.codes[job.id] = self.codes[before.id]
            self.server.world.finish(job, before.status, self.codes[job.id])
        return pipeline
