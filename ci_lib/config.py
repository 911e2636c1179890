"""release.yml as frozen records: every key, its meaning and its default. Reading the file is `ci_lib.reading`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from ci_lib.approval import Assurance
from ci_lib.duration import Duration
from ci_lib.formats import Formats
from ci_lib.measure.catalogue import CATALOGUE, Task
from ci_lib.places import ANYBODY
from ci_lib.record import Digest, Record, canonical, digest
from ci_lib.trusted import VerifyKey
from ci_lib.vouching import GitLabServer, JenkinsServer

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Entrypoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
Risk = Literal["unauthenticated", "old-server"]
Label = str | int | float | bool
Count = Annotated[int, Field(ge=1)]


class Split(Record):
    """How rows are divided into train and holdout."""

    holdout: Annotated[float, Field(gt=0, lt=1)] | str = 0.2
    """Share of the rows, or the path of a file with the holdout rows."""
    train: str | None = None
    """With a holdout file: the path of the training rows (then `data.source` may be left out)."""
    seed: int = 0
    group: str | None = None
    """Rows with the same value of this column stay on one side."""
    time: str | None = None
    """The latest rows by this column are the holdout."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.group and self.time:
            message = "name either group or time, not both"
            raise ValueError(message)
        if (self.train is not None) != isinstance(self.holdout, str):
            message = "a given split needs both files: train and holdout"
            raise ValueError(message)
        return self


class Data(Record):
    """Where the rows come from and what each column is."""

    source: str | None = None
    """A CSV or Parquet file, or ``module:function`` that returns a DataFrame."""
    target: str
    positive: Label | None = None
    """Binary: the label that counts as positive. Default: 1, True, ``yes``, or the last label in order."""
    drop: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    """Attributes that fairness is measured on. The model does not see them unless `use_sensitive` is true."""
    use_sensitive: bool = False
    split: Split = Split()

    @model_validator(mode="after")
    def _has_rows(self) -> Self:
        if self.source is None and self.split.train is None:
            message = "name a source, or split.train and split.holdout files"
            raise ValueError(message)
        return self


class Train(Record):
    """Who makes the model."""

    entrypoint: Entrypoint
    """``module:function``: ``build(**params) -> estimator`` or ``train(X, y, params[, sensitive]) -> fitted model``."""
    params: dict[str, Any] = {}
    seed: int = 0
    serialization: Literal["skops", "cloudpickle"] = "skops"


class Rule(Record):
    """One line of the policy."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    within: Annotated[float, Field(ge=0)] | None = None
    """The absolute value may be at most this."""
    versus: Literal["champion", "dummy"] | None = None
    margin: Annotated[float, Field(ge=0)] | None = None
    """With `versus`: how much worse the candidate may be (non-inferiority). 0 when left out."""
    by: tuple[str, ...] = ()
    """Sensitive attributes; each group is judged against its reference group."""
    on_breach: Literal["fail", "review"] = "fail"
    """``review``: a breach does not stop the release, a person must accept it by name."""

    @field_validator("by", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, str):
            return (value,)
        # Strict validation takes no list for a tuple once a validator of ours has touched it.
        return tuple(value) if isinstance(value, list) else value

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CATALOGUE:
            message = f"no metric is called {value!r}"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        limits = [self.at_least, self.at_most, self.within]
        given = sum(limit is not None for limit in limits)
        if self.versus is None and self.margin is not None:
            message = "margin needs versus: champion or versus: dummy"
            raise ValueError(message)
        if self.versus is not None and given:
            message = "versus takes a margin, not at_least, at_most or within"
            raise ValueError(message)
        if self.versus is None and given != 1:
            message = "a rule needs exactly one of at_least, at_most, within, or versus"
            raise ValueError(message)
        return self

    def __str__(self) -> str:
        """Give the rule as written in release.yml."""
        shown = self.model_dump(exclude_defaults=True)
        parts = [f"{key}: {_flow(value)}" for key, value in shown.items()]
        return "{" + ", ".join(parts) + "}"


def _flow(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(str(part) for part in value) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


class ApprovalPolicy(Record):
    """Who must say yes."""

    approvers: tuple[str, ...] | dict[Name, tuple[str, ...]] = ()
    """Names; or the names of each role, e.g. ``{data-science: [ana, cleo], risk: [ben]}``."""
    required: Count | Annotated[dict[Name, Count], Field(min_length=1)] = 1
    """How many of them must say yes; with roles, how many of each. Nobody counts twice, and one no stops it."""
    four_eyes: bool = True
    """The approver is no author."""
    valid_for: Duration = timedelta(days=7)
    keys: tuple[VerifyKey, ...] = ()
    """Public keys that approvals must be signed with, one of them; ``ci-verified`` needs at least one."""
    assurance: Assurance = "ci-verified"
    """``self-declared`` accepts an approver who only says who they are: for a laptop."""
    waivable: tuple[str, ...] = ()
    """Findings, or metrics with all their findings, that an approver may waive by name. By default none."""
    waiver_for: Duration = timedelta(days=30)
    """The longest that a waiver may last, counted to the end of that day (UTC)."""
    gitlab: GitLabServer | None = None
    """The GitLab that vouches for approvers; needed for ``ci-verified`` in its pipelines."""
    jenkins: JenkinsServer | None = None
    """The Jenkins that vouches for approvers; needed for ``ci-verified`` in its builds. One of the two, not both."""
    authors_since: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")] | None = None
    """For the first release: who wrote commits after this one counts as an author; default: the whole history."""

    @model_validator(mode="after")
    def _one_server(self) -> Self:
        if self.gitlab is not None and self.jenkins is not None:
            message = "name gitlab or jenkins, not both: one server says who approves"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _roles_in_both(self) -> Self:
        named, counted = isinstance(self.approvers, dict), isinstance(self.required, dict)
        if counted and not named:
            message = "required names roles: approvers must say who is in each, e.g. {data-science: [ana], risk: [ben]}"
            raise ValueError(message)
        if named and not counted:
            message = "approvers names roles: required must say how many of each, e.g. {data-science: 1, risk: 1}"
            raise ValueError(message)
        return self

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who may answer, each once, in the order of the file."""
        return tuple(dict.fromkeys(name for names in self.members.values() for name in names))

    @property
    def members(self) -> Mapping[str, tuple[str, ...]]:
        """Role -> names; without roles all are of one that has no name."""
        return self.approvers if isinstance(self.approvers, dict) else {ANYBODY: self.approvers}

    @property
    def needed(self) -> Mapping[str, int]:
        """Role -> how many of it must say yes."""
        return self.required if isinstance(self.required, dict) else {ANYBODY: self.required}


class Policy(Record):
    """The rules, and who must sign."""

    rules: tuple[Rule, ...] = ()
    approval: ApprovalPolicy = ApprovalPolicy()
    formats: Formats = Formats()
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    min_group: Annotated[int, Field(ge=1)] = 30
    """Groups with fewer rows are reported as not assessable."""

    def fingerprint(self) -> str:
        """Return the digest that decisions and approvals name."""
        return digest(canonical(self.model_dump(mode="json")))


class Environment(Record):
    """One place that a candidate is released to."""

    registry: str | None = None
    """MLflow address; default: the top-level registry."""
    name: Name | None = None
    """Registered model there; default: the model, with ``-<environment>`` unless it is ``production``."""
    alias: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] = "champion"
    approval: Literal["required", "automatic"] = "required"
    unsigned_until: Digest | None = None
    """Digest of the last unsigned entry of this ledger, where it began before a key of role ``deploy`` was named."""
    accept: tuple[Risk, ...] = ()
    """Weaknesses of its MLflow server that somebody decided to live with: ``unauthenticated``, ``old-server``."""


class Monitor(Record):
    """What a new batch is held against."""

    rules: tuple[Rule, ...] = ()


class Config(Record):
    """release.yml."""

    model: Name
    task: Task
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Binary: a score at or above it is a positive decision."""
    data: Data
    train: Train | None = None
    policy: Policy = Policy()
    monitor: Monitor = Monitor()
    environments: dict[Name, Environment] = {"production": Environment()}
    registry: str | None = None
    """MLflow address of the candidates; default: MLFLOW_TRACKING_URI, else ``sqlite:///mlflow.db``."""

    @field_validator("environments")
    @classmethod
    def _at_least_one(cls, value: dict[str, Environment]) -> dict[str, Environment]:
        if not value:
            message = "name at least one environment, or leave the key out"
            raise ValueError(message)
        return value

    def destination(self, environment: str) -> Digest:
        """Return the digest of where a release to an environment goes, as release.yml says it; approvals name it.

        An address that release.yml leaves to the job's environment variables is the job's, not the author's.
        """
        target = self.environments[environment]
        return digest(canonical([target.registry or self.registry, self.production_name(environment), target.alias]))

    def production_name(self, environment: str) -> str:
        """Return the registered model's name in an environment."""
        named = self.environments[environment].name
        return named or (self.model if environment == "production" else f"{self.model}-{environment}")
