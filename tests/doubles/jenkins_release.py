"""A release in a Jenkins build: the real jobs, an embedded registry, the double as the server."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ci_lib.jobs import approve, deploy
from doubles import records
from doubles.jenkins_scene import READER, Scene
from doubles.jenkins_world import Build
from doubles.small_chain import NOW, World

from ci_lib import keys
from ci_lib.chain import Chain
from ci_lib.chain import read as read_chain
from ci_lib.champion import compared, trained_from
from ci_lib.ci.port import CI
from ci_lib.config import Config, Rule
from ci_lib.decision import decide
from ci_lib.job import Job
from ci_lib.manifest import scan
from ci_lib.production import open_production
from ci_lib.trusted import VerifyKey

ACCEPT = "impact_ratio:married=missing"


@dataclass
class Builds:
    """Runs the stages of one job's builds. Each is given what the shared library would give it, and nothing else."""

    scene: Scene
    world: World
    unsettled: bool = False
    """With one finding that an approver must accept by name."""

    def __post_init__(self) -> None:
        self.key = self.world.project / "gate.pem"
        public = keys.new(self.key)
        built = records.chain("pass", first=True).config
        by = ("black", "hispan", "male", "married") if self.unsettled else ("black", "hispan", "male")
        rules = tuple(self._rule(rule, by) for rule in built.policy.rules)
        approval = built.policy.approval.model_copy(
            update={
                "approvers": ("ben", "cleo", "ana"),
                "assurance": "ci-verified",
                "keys": (VerifyKey(name="gate", public=public),),
                "jenkins": self.scene.settings(),
                "authors_since": self.scene.old,
            }
        )
        policy = built.policy.model_copy(update={"rules": rules, "approval": approval})
        self.config = built.model_copy(update={"policy": policy, "registry": "sqlite:///mlflow.db"})

    @staticmethod
    def _rule(rule: Rule, by: tuple[str, ...]) -> Rule:
        return rule.model_copy(update={"by": by}) if rule.metric == "impact_ratio" else rule

    def open(self, who: str | None = None, *, content: str = "A") -> Build:
        """Start a build, and leave the records of its candidate in the chain directory."""
        build = self.scene.start(who)
        self.train(self.scene.tip, content)
        return build

    def train(self, sha: str | None, content: str) -> Chain:
        """Write the records of a candidate that is a model of these bytes."""
        registry = self.world.registry
        saved, _ = self.world.saved(content)
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
        self.world.write(
            Chain(
                dataset=linked.dataset, candidate=linked.candidate, evidence=linked.evidence, decision=decision,
                report="",
            )
        )  # fmt: skip
        return read_chain(self.world.project / "release")

    def job(self, ci: CI | None, env: Mapping[str, str], **args: Any) -> Job:
        """Return a stage of ours on an agent of Jenkins'."""
        self.world.config = self.config
        return replace(self.world.job(**args), ci=ci or self.world.ci, env=env)

    def gate(self, build: Build, passed: Mapping[str, str], **args: Any) -> int:
        """Run ``ml-release approve`` after the input returned."""
        return self._run(approve.main, build, {"ML_RELEASE_SIGNING_KEY": str(self.key), **passed}, args)

    def approved(self, build: Build, who: str = "ben", **words: str) -> int:
        """Have somebody say yes, and the gate's stage run."""
        return self.gate(build, self.scene.answered(build, who, **words))

    def deploy(self, build: Build, env: Mapping[str, str] | None = None) -> int:
        """Run the deploy stage."""
        return self._run(deploy.main, build, env or {}, {})

    def _run(self, main: Callable[[Job], int], build: Build, env: Mapping[str, str], args: dict[str, Any]) -> int:
        found = self.scene.server.env(build, **READER) | dict(env)
        policy = self.config.policy.approval
        adapter = self.scene.adapter(build, env, server=policy.jenkins, four_eyes=policy.four_eyes)
        return main(self.job(adapter, found, **args))

    def released(self, who: str | None = None, by: str = "ben", content: str = "A") -> Build:
        """Release once: a build, its input answered, its deploy done."""
        build = self.open(who, content=content)
        assert self.approved(build, by) == 0
        assert self.deploy(build) == 0
        return build

    @property
    def answers(self) -> Path:
        """Where approvals are, which pass from stage to stage in a stash."""
        return self.world.here / "approvals"

    def edited(self, **policy: Any) -> Config:
        """Change some keys of release.yml's policy.approval."""
        approval = self.config.policy.approval.model_copy(update=policy)
        changed = self.config.policy.model_copy(update={"approval": approval})
        self.config = self.config.model_copy(update={"policy": changed})
        return self.config
