"""Where the candidate comes from and what it is bound to: digests, commit, seed, environment, serialization, policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from ci_lib.candidate import Candidate, Code
from ci_lib.config import ApprovalPolicy, Policy
from ci_lib.dataset import Dataset
from ci_lib.decision import Decision
from ci_lib.duration import words
from ci_lib.evidence import Evidence
from ci_lib.formats import SKLEARN


@dataclass(frozen=True, kw_only=True)
class Item:
    """A name and what stands beside it."""

    name: str
    text: str


def commit_note(code: Code) -> str:
    """Say in plain words what the commit is worth."""
    if code.commit is None:
        return "There is no commit: this code cannot be looked up again."
    if code.dirty:
        return "Files differed from this commit when the model was trained: the commit alone does not reproduce it."
    return "All files were as in this commit when the model was trained."


def loading(serialization: str) -> str:
    """Say what loading the model means."""
    if serialization == "skops":
        return "Stored with skops: only types on the policy's list are built when the model is loaded."
    if serialization in {"cloudpickle", "pickle"}:
        return (
            f"Stored with {serialization}: loading this model runs code from its files. "
            "Whoever loads it trusts the authors with the machine it is loaded on."
        )
    return f"Stored as {serialization}: whether loading runs code depends on that format."


def loaded(evidence: Evidence) -> str:
    """Say how the process that loaded the model was kept apart."""
    if not evidence.left_open:
        return "without secrets, cut off from network, other files and other processes"
    return f"without secrets; the machine that validated did not allow more: {'; '.join(evidence.left_open)}"


def items(dataset: Dataset, candidate: Candidate, evidence: Evidence) -> tuple[Item, ...]:
    """List where data and model come from."""
    return (
        Item(name="Data", text=f"{dataset.source}, target {dataset.target}{_positive(dataset)}"),
        Item(name="Split", text=dataset.split),
        Item(name="Sensitive attributes", text=", ".join(dataset.sensitive) or "none named"),
        Item(name="Features", text=f"{len(dataset.features)}"),
        Item(name="Entry point", text=candidate.entrypoint),
        Item(name="Seed", text=str(candidate.seed)),
        Item(name="Branch", text=candidate.code.branch or "none"),
        Item(name="Model seen at", text=f"{candidate.model_uri} in {candidate.registry}"),
        Item(name="MLflow run", text=candidate.run_id or "none"),
        Item(name="Flavors", text=", ".join(candidate.flavors) or "none"),
        Item(name="Size", text=f"{candidate.manifest.size:,} bytes in {len(candidate.manifest.files)} files"),
        Item(name="Loaded", text=loaded(evidence)),
        Item(name="Time to fit", text=f"{candidate.seconds:.1f} s"),
    )


def _positive(dataset: Dataset) -> str:
    return f", positive label {dataset.positive}" if dataset.positive is not None else ""


def digests(dataset: Dataset, candidate: Candidate, evidence: Evidence, decision: Decision) -> tuple[Item, ...]:
    """List every digest that the chain hangs on."""
    rows = {
        "Model bytes (manifest)": evidence.manifest,
        "candidate.json": candidate.digest(),
        "dataset.json": dataset.digest(),
        "evidence.json": evidence.digest(),
        "decision.json": decision.digest(),
        "Policy": decision.policy,
        "Environment lock": candidate.environment,
        "Source file": dataset.source_digest or "none: the rows come from code",
        "Training rows": dataset.train.sha256,
        "Holdout rows": dataset.holdout.sha256,
    }
    if evidence.champion:
        rows["Champion's bytes"] = evidence.champion.manifest
    return tuple(Item(name=name, text=text) for name, text in rows.items())


def policy(rules: Policy) -> tuple[Item, ...]:
    """List the policy's terms beside its rules."""
    approval, needed = rules.approval, rules.approval.needed
    return (
        Item(name="Approvers", text=_by_role(approval.members) or "none named"),
        Item(name="Approvals required", text=", ".join(f"{n} of {r}" if r else f"{n}" for r, n in needed.items())),
        Item(name="Four eyes", text="yes: an approver is no author" if approval.four_eyes else "no"),
        Item(name="An approval is valid for", text=str(approval.model_dump(mode="json")["valid_for"])),
        Item(name="May be waived", text=_waivable(approval)),
        Item(name="Identity", text=approval.assurance),
        Item(name="Confidence of intervals", text=f"{rules.confidence * 100:g} %"),
        Item(name="Smallest group assessed", text=f"{rules.min_group} rows"),
        Item(name="Formats that may be loaded", text=", ".join(rules.formats.serialization) or "none"),
        Item(name="Types that may be built", text=_types(rules.formats.types)),
    )


def _by_role(members: Mapping[str, tuple[str, ...]]) -> str:
    """Return names, each role's behind its own."""
    return "; ".join((f"{role}: " if role else "") + ", ".join(names) for role, names in members.items())


def _waivable(approval: ApprovalPolicy) -> str:
    names = ", ".join(approval.waivable)
    return f"{names}, for at most {words(approval.waiver_for)}" if names else "nothing"


def _types(types: tuple[str, ...]) -> str:
    """Return the types by name, the long default list by what it is."""
    if not set(SKLEARN) <= set(types):
        return ", ".join(types) or "none"
    return ", ".join(["what scikit-learn's own estimators need", *(name for name in types if name not in SKLEARN)])
