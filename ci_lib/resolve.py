"""Which version is in production, by the ledger and not by the alias alone; and its bytes, checked."""

import json

from ci_lib import champion
from ci_lib.errors import BadInput, Exit
from ci_lib.job import Job
from ci_lib.production import open_production


def main(job: Job) -> int:
    """Print the version that consumers must use; with --download, fetch its files and hold them against the ledger."""
    production = open_production(job)
    head = champion.resolve(production)
    where = {
        "uri": production.where(head),
        "version": head.model_version,
        "release": head.number,
        "manifest": head.manifest,
    }
    if job.args.download is not None:
        target = job.args.download
        if target.exists() and any(target.iterdir()):
            message = f"{target} is not empty"
            raise BadInput(message, "ml-release resolve --download NEW_DIRECTORY")
        where["path"] = str(production.fetch(head, target))
    if job.args.json:
        job.console.say(json.dumps(where, indent=2))
    else:
        job.console.say(str(where.get("path", where["uri"])))
    return Exit.DONE
