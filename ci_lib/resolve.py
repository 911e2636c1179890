"""Which version is in production, by the ledger and not by the alias alone; and its bytes, checked."""

import json
import tempfile
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from ci_lib import anchor, champion
from ci_lib.console import Console
from ci_lib.entry import Entry
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.job import Job
from ci_lib.manifest import Manifest, difference, scan
from ci_lib.production import Production, open_production
from ci_lib.record import short
from ci_lib.release import Release
from ci_lib.text import quoted


def main(job: Job) -> int:
    """Print the version that consumers must use; with --download, fetch its files and hold them against the ledger."""
    job = _about(job)
    production = open_production(job)
    anchor.check_all(job.args.head, job.here, production.ledger, production.model, production.environment)
    champion.resolve(production)
    return give(production, job.args, job.console)


def give(production: Production, args: Namespace, console: Console) -> int:
    """Print the newest release of an environment, or where it was downloaded to, or that what was is still right.

    Raises:
        BadInput: nothing was released yet, or there is something else in the directory.
        Refused: the ledger or the bytes do not hold.
    """
    entry = production.ledger.signed_head()
    if entry is None:
        message = f"nothing has been released to {production.name} yet"
        raise BadInput(message, "ml-release run")
    where = _where(production, entry)
    if args.download is not None:
        where["path"] = str(_fetched(production, entry.entry, args.download, verify=args.verify))
    elif args.verify:
        message = "--verify needs the directory to check"
        raise BadInput(message, "ml-release resolve --download DIR --verify")
    console.say(json.dumps(where, indent=2) if args.json else str(where.get("path", where["uri"])))
    return Exit.DONE


def _about(job: Job) -> Job:
    """Return the job of the environment whose registered model was asked for."""
    name, names = job.args.name, {job.config.production_name(each): each for each in job.config.environments}
    if name in {None, job.config.production_name(job.environment)}:
        return job
    if name not in names or job.args.environment is not None:
        known = ", ".join(f"{each} ({environment})" for each, environment in names.items())
        message = f"release.yml releases {known}, not {name!r}"
        raise BadInput(message, f"of another project: ml-release resolve {quoted(name)} --registry URI")
    return replace(job, environment=names[name])


def _where(production: Production, entry: Entry) -> dict[str, object]:
    release = entry.entry
    return {
        "model": release.model,
        "environment": release.environment,
        "uri": production.where(release),
        "version": release.model_version,
        "release": release.number,
        "manifest": release.manifest,
        "entry": release.digest(),
        "signed": production.signing.signer(entry),
    }


def _fetched(production: Production, release: Release, directory: Path, *, verify: bool) -> Path:
    """Return the directory that holds the release's bytes: just downloaded, or checked again."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        if not verify:
            message = f"{directory} is not empty"
            raise BadInput(message, "ml-release resolve --download NEW_DIRECTORY; or check it: add --verify")
        _verify(production, release, directory)
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, and moved when it is right: at no time does the directory hold bytes that nobody has checked.
    with tempfile.TemporaryDirectory(prefix=".ml-release-", dir=directory.parent) as scratch:
        production.fetch(release, Path(scratch) / "model").rename(directory)
    return directory


def _verify(production: Production, release: Release, directory: Path) -> None:
    """Hold a directory that was downloaded earlier against the release in production.

    Raises:
        Refused: it holds something else; the sentence names the files, or the release that it is.
    """
    found = scan(directory)
    if found.digest() == release.manifest:
        return
    hint = f"remove it, then: ml-release resolve --download {quoted(str(directory))}"
    older = [each.number for each in production.ledger.entries() if each.manifest == found.digest()]
    if older:
        message = f"{directory} holds release {older[-1]}, and release {release.number} is in {release.environment} now"
        raise Refused(message, hint)
    message = f"{directory} is not release {release.number}: {_how(production, release, found)}"
    raise Refused(message, f"find out who changed it; {hint}")


def _how(production: Production, release: Release, found: Manifest) -> str:
    """Say which files differ, by the records kept beside the ledger; by digest, if these are gone."""
    try:
        return difference(champion.manifest(production, release), found)
    except Refused:
        return f"bytes {short(found.digest())} instead of {short(release.manifest)}"
