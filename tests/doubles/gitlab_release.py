"""A release in a GitLab pipeline: the real jobs, an embedded registry, the double as the server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ci_lib.jobs import approve, deploy
from doubles import records
from doubles.gitlab_scene import OLD, Scene
from doubles.gitlab_world import Job as GitLabJob
from doubles.gitlab_world import Pipeline
from doubles.small_chain import NOW, World

from ci_lib import keys
from ci_lib.chain import Chain
from ci_lib.chain import read as read_chain
from ci_lib.champion import compared, trained_from
from ci_lib.ci.gitlab.adapter import GitLab
from ci_lib.config import Config, Rule
from ci_lib.decision import decide
from ci_lib.job import Job
from ci_lib.manifest import scan
from ci_lib.production import open_production
from ci_lib.trusted import VerifyKey

READ = {"ML_RELEASE_GITLAB_TOKEN": "read"}


@dataclass
class Pipelines:
    """Runs the jobs of one project's pipelines. Each job is given what GitLab would give it, and nothing else."""

    scene: Scene
    world: World
    unsettled: bool = False
    """With one finding that an approver must accept by name."""

    def __post_init__(self) -> None:
        path = self.world.project / "gate.pem"
        public = keys.new(path)
        self.key = path
        built = records.chain("pass", first=True).config
        by = ("black", "hispan", "male", "married") if self.unsettled else ("black", "hispan", "male")
        rules = tuple(self._rule(rule, by) for rule in built.policy.rules)
        approval = built.policy.approval.model_copy(
            update={
                "approvers": ("ben", "cleo", "project_7_bot_1f2e", "ana"),
                "assurance": "ci-verified",
                "keys": (VerifyKey(name="gate", public=public),),
                "gitlab": self.scene.settings(),
                "authors_since": OLD,
            }
        )
        policy = built.policy.model_copy(update={"rules": rules, "approval": approval})
        self.config = built.model_copy(update={"policy": policy, "registry": "sqlite:///mlflow.db"})

    @staticmethod
    def _rule(rule: Rule, by: tuple[str, ...]) -> Rule:
        return rule.model_copy(update={"by": by}) if rule.metric == "impact_ratio" else rule

    def open(self, who: str = "ana", *, content: str = "A", **more: Any) -> Pipeline:
        """Start a pipeline, run it up to its gate, and leave its records in the chain directory."""
        pipeline = self.scene.at_the_gate(who, **more)
        self.train(pipeline.sha, content)
        return pipeline

    def train(self, sha: str, content: str) -> Chain:
        """Write the records of a candidate that is a model of these bytes."""
        saved = self.world.project / "saved"
        saved.mkdir(exist_ok=True)
        (saved / "MLmodel").write_text("flavors:\n  sklearn: {serialization_format: skops}\n")
        (saved / "model.skops").write_text(content)
        registry = self.world.registry
        logged = registry.upload_model(registry.experiment("training"), saved)
        built = records.chain("pass", first=True)
        candidate = built.candidate.model_copy(
            update={
                "manifest": scan(saved),
                "model_uri": logged.uri,
                "code": built.candidate.code.model_copy(update={"commit": sha}),
                "trained_at": NOW,
            }
        )
        production = open_production(self.job(None, {}))
        head = production.ledger.head()
        evidence = built.evidence.model_copy(
            update={"champion": compared(head, trained_from(production, head)) if head else None}
        )
        linked = records.relink(replace(built, config=self.config, candidate=candidate, evidence=evidence))
        decision = decide(self.config.policy, linked.dataset, linked.evidence)
        made = Chain(
            dataset=linked.dataset, candidate=linked.candidate, evidence=linked.evidence, decision=decision, report="",
        )  # fmt: skip
        self.world.write(made)
        return read_chain(self.world.project / "release")

    def job(self, ci: GitLab | None, env: Mapping[str, str], **args: Any) -> Job:
        """Return a stage of ours in a job of GitLab's."""
        self.world.config = self.config
        return replace(self.world.job(**args), ci=ci or self.world.ci, env=env)

    def gate(self, played: GitLabJob, env: Mapping[str, str] | None = None, *, token: bool = True, **args: Any) -> int:
        """Run the gate's job, and let GitLab know how it ended."""
        found = {**self.scene.server.env(played, ML_RELEASE_SIGNING_KEY=str(self.key), **READ), **(env or {})}
        if token and "ML_RELEASE_ID_TOKEN" not in found:
            found["ML_RELEASE_ID_TOKEN"] = self.scene.server.id_token(played)
        found = {name: value for name, value in found.items() if value}
        return self._run(approve.main, played, found, args)

    def deploy(self, pipeline: Pipeline, env: Mapping[str, str] | None = None) -> int:
        """Run the deploy job."""
        played = pipeline.job("deploy")
        if played.status != "running":
            self.scene.server.world.run(played)
        found = {**self.scene.server.env(played, **READ), **(env or {})}
        return self._run(deploy.main, played, {name: value for name, value in found.items() if value}, {})

    def _run(self, main: Callable[[Job], int], played: GitLabJob, env: Mapping[str, str], args: dict[str, Any]) -> int:
        code = 1
        try:
            code = main(self.job(self.scene.adapter(played, env, self.config.policy.approval.gitlab), env, **args))
        finally:
            self.scene.server.world.finish(played, "success" if code == 0 else "failed")
        return code

    def released(self, who: str = "ana", by: str = "ben", content: str = "A") -> Pipeline:
        """Release once: a pipeline, its gate played, its deploy done."""
        pipeline = self.open(who, content=content)
        assert self.gate(self.scene.played(pipeline, by)) == 0
        assert self.deploy(pipeline) == 0
        return pipeline

    @property
    def answers(self) -> Path:
        """Where approvals are, which pass from job to job as artifacts."""
        return self.world.here / "approvals"

    def edited(self, **policy: Any) -> Config:
        """Return release.yml with some keys of policy.approval replaced."""
        approval = self.config.policy.approval.model_copy(update=policy)
        changed = self.config.policy.model_copy(update={"approval": approval})
        self.config = self.config.model_copy(update={"policy": changed})
        return self.config
