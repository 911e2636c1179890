"""A person's own token, for the commands that act in their name on a CI server."""

import stat
from collections.abc import Mapping
from pathlib import Path

from ci_lib.errors import BadInput

OWN_TOKEN = "ML_RELEASE_REVIEWER_TOKEN"  # noqa: S105 -- a variable's name


def own_token(file: Path | None, env: Mapping[str, str], server: str, hint: str) -> str:
    """Return the person's own token, from a file that only they can read, or from their environment.

    Args:
        file: where it is; None: in the environment.
        env: the person's.
        server: ``GitLab`` or ``Jenkins``, for messages.
        hint: how to get a token.

    Raises:
        BadInput: there is none, or others can read the file.
    """
    if file is None:
        if env.get(OWN_TOKEN):
            return env[OWN_TOKEN].strip()
        message = f"{server} needs your own token: whose it is, is who answers"
        raise BadInput(message, hint)
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"the token file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not text'}"
        raise BadInput(message, hint) from error
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        message = f"others can read the token file {file}"
        raise BadInput(message, f"chmod 600 {file}")
    if not text:
        message = f"the token file {file} is empty"
        raise BadInput(message, hint)
    return text
