"""One environment of one model: registered model, alias and ledger, and the few things that move them.

The ledger is the truth and the alias its projection. An operation appends to the ledger first and then points the alias
to the ledger's head, so whatever a crash leaves, `reconcile` puts right, and a job that runs again finds its own entry.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ci_lib import keys, signing
from ci_lib.errors import Refused, Unavailable
from ci_lib.job import Job
from ci_lib.ledger import Ledger, copied
from ci_lib.manifest import Manifest, difference, scan
from ci_lib.record import Digest, short
from ci_lib.registry import OP, LedgerRun, Registry, Version
from ci_lib.release import Release
from ci_lib.segments import place
from ci_lib.signing import Signing

ATTEMPTS = 20
"""So often another job may move the head while we point the alias to it."""

PUT_RIGHT = "; put right"
"""How the sentence about a wrong alias ends when it is right again."""


class Gone(Refused):
    """The version that a release put into production is not what the ledger says, or not there."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Bytes in the deployer's own experiment, registered as a version of the production model."""

    version: str
    model_id: str


@dataclass(frozen=True, kw_only=True)
class Production:
    """Opened by `open_production`."""

    registry: Registry
    model: str
    """As in release.yml."""
    environment: str
    name: str
    """The registered model."""
    alias: str
    run: LedgerRun | None
    """What holds the ledger; None before the first release."""
    signing: Signing = field(default_factory=Signing)
    """Who may sign the ledger."""

    @property
    def ledger(self) -> Ledger:
        """The history; reads as empty before the first release."""
        return Ledger(self.run, model=self.model, environment=self.environment, signing=self.signing)

    @property
    def uri(self) -> str:
        """What consumers load: ``models:/NAME@ALIAS``."""
        return f"models:/{self.name}@{self.alias}"

    def seen(self) -> Version | None:
        """Return where the alias points now."""
        return self.registry.alias(self.name, self.alias)

    def reconcile(self) -> tuple[str, ...]:
        """Point the alias to the ledger's head if it is not there; say what was put right, or could not be."""
        head = self.ledger.head()
        if head is None:
            return ()
        seen = self.seen()
        if is_copy(seen, head):
            return ()
        was = f"version {seen.number}" if seen else "nothing"
        should = f"version {head.model_version} (release {head.number})"
        off = f"alias {self.alias!r} of {self.name} pointed to {was}, not to {should}"
        try:
            self.project()
        except Gone as error:
            return (f"{off}; not put right: {error.what}",)
        return (f"{off}{PUT_RIGHT}",)

    def project(self) -> Release:
        """Point the alias to the ledger's head, read both back, repeat until they agree; return the head.

        Raises:
            Gone: the head's version was deleted, or registered again with other bytes.
            Unavailable: other jobs keep moving the head.
        """
        for _ in range(ATTEMPTS):
            head = self.ledger.head()
            if head is None:
                message = f"the ledger of {self.name} is empty"
                raise Refused(message, "ml-release audit")
            if not is_copy(self.registry.version(self.name, head.model_version), head):
                message = f"version {head.model_version} of {self.name} is no longer the model of release {head.number}"
                raise Gone(message, "ml-release rollback --reason …, or deploy a candidate")
            self.registry.set_alias(self.name, self.alias, head.model_version)
            if self.ledger.head() == head and is_copy(self.seen(), head):
                return head
        message = f"other jobs keep moving the champion of {self.name}"
        raise Unavailable(message, "ml-release status, then run the job again")

    def copy(self, op: Digest, model: Path, manifest: Manifest) -> Copy:
        """Upload verified bytes into the deployer's experiment and register them, once for each operation.

        Args:
            op: the operation; a second run finds the copy that the first one made.
            model: the downloaded candidate.
            manifest: what must arrive.

        Raises:
            Refused: what MLflow gives back is not what was uploaded.
        """
        aim = self.ledger.aim(op)
        noted = aim.notes.get(copied(op))
        mine = Copy(**json.loads(noted)) if noted else self._found(op, manifest) or self._upload(op, model, manifest)
        self.verify(f"models:/{mine.model_id}", manifest.digest(), "the production copy", manifest)
        # Only a copy that arrived whole is remembered. Another run of the same job may have been faster.
        stands = Copy(**json.loads(self.ledger.note(copied(op), json.dumps(vars(mine)), aim.segment)))
        if stands != mine:
            self.verify(f"models:/{stands.model_id}", manifest.digest(), "the production copy", manifest)
        return stands

    def _found(self, op: Digest, manifest: Manifest) -> Copy | None:
        """Return the copy that an earlier run of this operation registered and did not come to remember.

        The version's tag is a hint that anybody may write, so the bytes count, and only in the deployer's experiment: a
        copy in somebody else's would be theirs to change later.
        """
        for version in self.registry.made(self.name, op):
            mine = version.model_id
            if mine is None or self.registry.experiment_of(mine) != self._experiment():
                continue
            with suppress(Refused):
                self.verify(f"models:/{mine}", manifest.digest(), "the production copy", manifest)
                return Copy(version=version.number, model_id=mine)
        return None

    def _upload(self, op: Digest, model: Path, manifest: Manifest) -> Copy:
        tags = {OP: op, "ml-release.manifest": manifest.digest()}
        uploaded = self.registry.upload_model(self._experiment(), model, tags=tags)
        version = self.registry.create_version(self.name, uploaded.model_id, uploaded.run_id, op=op)
        return Copy(version=version, model_id=uploaded.model_id)

    def verify(self, uri: str, expected: Digest, what: str, manifest: Manifest | None = None) -> None:
        """Download a model and hold its bytes against a digest.

        Raises:
            Refused: they differ, or are gone.
        """
        with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
            _, found = looked_twice(self.registry, uri, Path(scratch), expected)
        if found.digest() != expected:
            how = difference(manifest, found) if manifest else f"{short(found.digest())} instead of {short(expected)}"
            message = f"the bytes of {what} ({uri}) are not those that were released: {how}"
            raise Refused(message, "find out who can write to its MLflow experiment")

    def fetch(self, release: Release, into: Path) -> Path:
        """Download the bytes of a release, verified, and return where they are.

        Raises:
            Refused: they are not the bytes that were released, or gone.
        """
        path, found = looked_twice(self.registry, self.where(release), into, release.manifest)
        if found.digest() != release.manifest:
            both = f"{short(found.digest())} instead of {short(release.manifest)}"
            message = f"the bytes of release {release.number} are not those that were released: {both}"
            raise Refused(message, "ml-release rollback --reason …")
        return path

    def where(self, release: Release) -> str:
        """Return where a release's bytes are: its version, as consumers load it, or MLflow's id if that is gone."""
        if is_copy(self.registry.version(self.name, release.model_version), release):
            return f"models:/{self.name}/{release.model_version}"
        return f"models:/{release.model_id}"

    def version_of(self, release: Release, op: Digest) -> str:
        """Return the version that holds a release's bytes, registered again, once for `op`, if somebody deleted it.

        Raises:
            Refused: MLflow no longer knows the model of that release.
        """
        found = self.registry.version(self.name, release.model_version)
        if is_copy(found, release):
            return release.model_version
        again = [version for version in self.registry.made(self.name, op) if version.model_id == release.model_id]
        return again[0].number if again else self.registry.create_version(self.name, release.model_id, op=op)

    def started(self) -> "Production":
        """Return the same with a ledger, made when there is none."""
        if self.run is not None:
            return self
        return replace(self, run=self.registry.create_ledger(self.name, self._experiment()))

    def attach(self, op: Digest, kept: Mapping[str, bytes], segment: int = 1) -> None:
        """Keep the records of an operation beside the ledger, before its entry is written.

        Args:
            op: the operation.
            segment: where its entry goes.
            kept: path below the operation's folder -> content, as it was checked: the files it was read from may have
                changed since.

        Raises:
            Unavailable: something did not arrive. (MLflow's client takes a proxy's sign-in page for "stored".)
        """
        if self.run is None:
            return
        with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
            for name, content in kept.items():
                path = Path(scratch) / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                below = "" if "/" not in name else "/" + name.rpartition("/")[0]
                self.run.attach([path], folder(op) + below, segment)
        arrived = self.run.sizes(folder(op), segment)
        lost = [name for name, content in kept.items() if arrived.get(name, -1) not in {None, len(content)}]
        if lost:
            message = f"{', '.join(lost)} did not arrive at the ledger of {self.name}: {self.registry.address} lost it"
            raise Unavailable(message, "is something else answering in MLflow's place? run the job again")

    def attached(self, release: Release, into: Path) -> Path | None:
        """Download the records of a release; None when they are gone. Nothing in them is checked yet.

        They are where its entry was to go when they were written: in its segment, or, when others were faster, before.
        """
        if self.run is None:
            return None
        segments = range(place(release.number, self.run.size), 0, -1)
        found = (self.run.attached(folder(release.op), into, segment) for segment in segments)
        return next((path for path in found if path), None)

    def _experiment(self) -> str:
        return self.registry.experiment(f"ml-release/{self.model}/{self.environment}")


def looked_twice(registry: Registry, uri: str, into: Path, expected: Digest) -> tuple[Path, Manifest]:
    """Download a model, and once more if it is not what is expected; return where it is, and what.

    Who cries "tampered with" must be sure. A proxy's sign-in page in a file's place, or a reply that was cut, is gone
    the second time; bytes that somebody changed are not.
    """
    path = registry.download(uri, into)
    found = scan(path)
    if found.digest() != expected:
        path = registry.download(uri, into / "again")
        found = scan(path)
    return path, found


def is_copy(version: Version | None, release: Release) -> bool:
    """Tell whether a version of the production model is the one that a release put there.

    The number alone does not tell: a registered model that was deleted and made again starts at 1 again.
    """
    return version is not None and (version.number, version.model_id) == (release.model_version, release.model_id)


def folder(op: Digest) -> str:
    """Return where the ledger's run keeps the records of an operation."""
    return f"releases/{op.removeprefix('sha256:')}"


def open_production(job: Job) -> Production:
    """Open the job's environment.

    Raises:
        Refused: the registered model is there and its ledger is not.
    """
    registry = job.open_registry(job.production_uri())
    name, alias = job.config.production_name(job.environment), job.target.alias
    run = registry.ledger(name)
    if run is None and registry.registered(name, alias).exists:
        message = (
            f"the registered model {name!r} at {registry.address} has no ledger: either ml-release did not make it, "
            "or somebody deleted the ledger"
        )
        hint = f"rename that model in MLflow, or set environments.{job.environment}.name in release.yml"
        raise Refused(message, hint)
    signs = signing.of(job.config, job.environment, lambda: keys.from_environment(job.env))
    return Production(
        registry=registry, model=job.config.model, environment=job.environment, name=name, alias=alias, run=run,
        signing=signs,
    )  # fmt: skip
