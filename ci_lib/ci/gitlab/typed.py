"""What was typed where the gate was played: variables, or inputs that the job's script exports by the same names."""

from collections.abc import Mapping
from dataclasses import asdict, replace

from ci_lib.answer import Said
from ci_lib.ci import typed
from ci_lib.vouching import GitLabServer


def said(env: Mapping[str, str], job: str, server: GitLabServer) -> Said:
    """Return what was typed, unchecked.

    Args:
        env: of the job.
        job: its name, as GitLab says.
        server: names the job that rejects.

    Raises:
        BadInput: the decision is none, or the day no day.
    """
    words, rejects = typed.words(env, "GitLab"), job == server.reject
    found = Said(
        **asdict(words),
        code=env.get("ML_RELEASE_CODE", ""),
        otherwise=f"played {job!r} in GitLab, and typed no reason",
        only="rejected" if rejects else None,
    )
    return replace(found, decision="rejected") if rejects and not found.decision else found
