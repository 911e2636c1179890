"""The records of the jobs before, read from GitLab by a job's name, where a job holds keys.

`needs` with artifacts brings more than files: any job may upload a report of the kind dotenv with its own job token,
whether its `artifacts` name one or not (GitLab, ``lib/api/ci/runner.rb``, ``Ci::JobArtifacts::CreateService``), and
GitLab gives its variables to every job that takes that job's artifacts, over those of the job itself
(``lib/gitlab/ci/variables/builder.rb``): ``BASH_ENV`` or ``LD_PRELOAD`` of an author's, where the keys are. So gate and
deploy take none of a job that runs authors' code, and read here what they need: a few files, by name.
"""

import io
import os
import zipfile
import zlib
from pathlib import Path

from ci_lib.chain import FILES
from ci_lib.ci.gitlab.adapter import GitLab
from ci_lib.ci.port import CI
from ci_lib.errors import BadInput, Refused
from ci_lib.files import write_atomically
from ci_lib.job import Job

LARGEST = 64 * 2**20
"""Bytes of one file, unpacked; the largest is the report."""


def fetch(job: Job) -> None:
    """Put the records of the job that ``--records`` names where this job reads them.

    Raises:
        BadInput: this is no job of GitLab, or its records are to lie outside the project's directory.
        Refused: the pipeline has no such job, it did not succeed, no token may read its artifacts, or they are none.
    """
    name = str(job.args.records)
    data = _gitlab(job.ci).archive(name)
    unpack(data, _folder(job), job.chain, name)


def _gitlab(ci: CI) -> GitLab:
    if isinstance(ci, GitLab):
        return ci
    message = "--records reads what another job of this pipeline made, and no GitLab is known that could be asked"
    raise BadInput(message, "policy.approval.gitlab in release.yml says which; elsewhere leave --records out")


def _folder(job: Job) -> str:
    """Return where records are in an archive, which begins at the project's directory."""
    top = Path(job.env.get("CI_PROJECT_DIR") or job.project)
    folder = os.path.relpath(job.chain.resolve(), top.resolve())
    if folder.startswith(".."):
        message = f"--records: {job.chain} is not below {top}, where artifacts begin"
        raise BadInput(message, "--chain with a directory below CI_PROJECT_DIR")
    return folder


def unpack(data: bytes, folder: str, chain: Path, name: str) -> None:
    """Write the records of an archive, each under its own name; nothing else of it is looked at.

    What is missing stays missing, and a symbolic link is the text of its target: reading the records says so.

    Raises:
        Refused: it is no archive, or a file is too large.
    """
    for record in FILES:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(f"{folder}/{record}") as file:
                content = file.read(LARGEST + 1)
        except KeyError:
            continue
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error) as error:
            message = f"GitLab: the artifacts of {name!r} cannot be unpacked: {error}"
            raise Refused(message, "run that job again; did something else upload artifacts for it?") from error
        if len(content) > LARGEST:
            message = f"GitLab: {record} of {name!r} has more than {LARGEST:,} bytes"
            raise Refused(message, "run that job again; did something else upload artifacts for it?")
        write_atomically(chain / record, content)
