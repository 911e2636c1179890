"""What is in production, held against the ledger, and the records that were kept with it."""

import tempfile
from pathlib import Path

from ci_lib.approval import Approval
from ci_lib.candidate import Candidate
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.evidence import Champion, Evidence, Golden
from ci_lib.manifest import Manifest
from ci_lib.production import Production, is_copy
from ci_lib.release import Release
from ci_lib.signed import Signed


def resolve(production: Production) -> Release:
    """Return the release that consumers get through the alias.

    Raises:
        BadInput: nothing was released yet.
        Refused: the alias points somewhere else than the ledger says.
    """
    head = production.ledger.head()
    if head is None:
        message = f"nothing has been released to {production.environment} yet"
        raise BadInput(message, "ml-release run")
    seen = production.seen()
    if not is_copy(seen, head):
        at = f"version {seen.number}" if seen else "nothing"
        message = f"{production.uri} is {at}, and the ledger says version {head.model_version} (release {head.number})"
        raise Refused(message, "ml-release audit, which puts the alias right")
    return head


def compared(release: Release, commit: str | None = None) -> Champion:
    """Return how evidence names the release, trained from a commit, that a candidate was compared with."""
    return Champion(
        environment=release.environment,
        release=release.number,
        manifest=release.manifest,
        commit=commit,
    )


def trained_from(production: Production, release: Release) -> str | None:
    """Return the commit that a release's bytes were trained from, as the candidate says that was kept with it.

    None when it was not kept, or was trained without a commit: then everybody in the history counts as an author.

    Raises:
        Refused: what was kept is not what the ledger names.
    """
    found = _candidate(production, release)
    return found.code.commit if found else None


def _candidate(production: Production, release: Release) -> Candidate | None:
    """Return the candidate that was kept with a release; None when it is gone."""
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        kept = production.attached(origin(production, release), Path(scratch))
        path = kept / "candidate.json" if kept else None
        found = Candidate.read(path) if path and path.is_file() else None
    if found and (found.digest(), found.manifest.digest()) != (release.candidate, release.manifest):
        message = f"the candidate of release {release.number} is not the one that the ledger names"
        raise Refused(message, "ml-release audit")
    return found


def golden(production: Production, release: Release) -> Golden:
    """Return the predictions that whoever loads a release's bytes must repeat.

    Raises:
        Refused: they were not kept, or not as the ledger names them.
    """
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        kept = production.attached(origin(production, release), Path(scratch))
        path = kept / "golden.json" if kept else None
        if path is None or not path.is_file():
            message = f"the golden predictions of release {release.number} are gone"
            raise Refused(message, "ml-release audit")
        record = Golden.from_bytes(path.read_bytes(), f"golden.json of release {release.number}")
    if record.digest() != release.golden:
        message = f"the golden predictions of release {release.number} are not those that the ledger names"
        raise Refused(message, "ml-release audit")
    return record


def records(production: Production, release: Release, into: Path) -> tuple[Dataset, Evidence]:
    """Return dataset and evidence that a release rests on, as they were kept with it.

    Raises:
        Refused: they were not kept, or not as the ledger names them.
    """
    kept = production.attached(origin(production, release), into)
    if kept is None:
        message = f"the records of release {release.number} are gone"
        raise Refused(message, "ml-release audit")
    evidence, dataset = Evidence.read(kept / "evidence.json"), Dataset.read(kept / "dataset.json")
    if (evidence.digest(), dataset.digest()) != (release.evidence, evidence.dataset):
        message = f"the records of release {release.number} are not those that the ledger names"
        raise Refused(message, "ml-release audit")
    return dataset, evidence


def manifest(production: Production, release: Release) -> Manifest:
    """Return the list of a release's files, as the records kept with it have it.

    Raises:
        Refused: they were not kept, or not as the ledger names them.
    """
    found = _candidate(production, release)
    if found is None:
        message = f"the records of release {release.number} are gone"
        raise Refused(message, "ml-release audit")
    return found.manifest


def approvals(production: Production, release: Release) -> tuple[Approval, ...]:
    """Return the approvals that a release rests on; a rollback's are those of the release it restored.

    Raises:
        Refused: one is missing, or not as the ledger names it.
    """
    source = origin(production, release)
    if not source.approvals:
        return ()
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        kept = production.attached(source, Path(scratch))
        paths = sorted((kept / "approvals").glob("*.json")) if kept else []
        found = {signed.digest(): signed.approval for signed in (Signed.read(path) for path in paths)}
    missing = [name for name in source.approvals if name not in found]
    if missing:
        message = (
            f"{len(missing)} of {len(source.approvals)} approvals of release {source.number} are missing or changed"
        )
        raise Refused(message, "ml-release audit")
    return tuple(found[name] for name in source.approvals)


def origin(production: Production, release: Release) -> Release:
    """Return the deploy that first brought a release's bytes in: a rollback keeps no records of its own."""
    while release.restores is not None:
        release = production.ledger.at(release.restores)
    return release
