"""Git over HTTP, as GitLab serves it: fetches with a token (or of a public project), never a push.

git's own `git http-backend` speaks the protocol; here is only who may. A runner fetches with the job's token as the
password of ``gitlab-ci-token`` (``CI_REPOSITORY_URL``), a person with their own; both read what their user may read.
"""

import base64
import binascii
import gzip
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from doubles.gitlab_world import REPORTER, Project, World

ADDRESS = re.compile(r"/(?P<project>.+?)\.git(?P<rest>/(info/refs|git-upload-pack|git-receive-pack))")
Answer = tuple[int, dict[str, str], bytes]


def serve(
    world: World, repositories: Mapping[str, Path], method: str, path: str, query: str, headers: Mapping[str, str],
    body: bytes,
) -> Answer | None:  # fmt: skip
    """Answer a call of git's; None when it is none."""
    match = ADDRESS.fullmatch(path)
    if match is None:
        return None
    project = next((each for each in world.projects.values() if each.path == unquote(match["project"])), None)
    if "receive-pack" in match["rest"] + query:
        return 403, {}, b"this double takes no pushes\n"
    if project is None or not _may_read(world, project, headers.get("Authorization") or ""):
        return 401, {"WWW-Authenticate": 'Basic realm="GitLab"'}, b"HTTP Basic: Access denied\n"
    return _backend(repositories[project.path], method, match["rest"], query, headers, body)


def _may_read(world: World, project: Project, authorization: str) -> bool:
    if project.public:
        return True
    try:
        shown = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return False
    token = world.tokens.get(shown)
    if token is None or (token.job is not None and token.job.status != "running"):
        return False
    return project.members.get(token.user.id, 0) >= REPORTER


def _backend(
    repository: Path, method: str, rest: str, query: str, headers: Mapping[str, str], body: bytes
) -> Answer:  # fmt: skip
    if headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    env = {
        "PATH": os.defpath, "GIT_PROJECT_ROOT": str(repository.parent), "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.name}{rest}", "REQUEST_METHOD": method, "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("Content-Type") or "", "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": headers.get("Git-Protocol") or "", "GIT_CONFIG_GLOBAL": "/dev/null",
    }  # fmt: skip
    done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    given = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    return int(given.pop("Status", "200 OK").split()[0]), given, content
