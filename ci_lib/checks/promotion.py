"""A candidate goes through the environments in their order, and never past one that took it back."""

from collections.abc import Sequence

from ci_lib.checks.expect import expect
from ci_lib.record import Digest, short
from ci_lib.release import Release, stands


def check_promotion(manifest: Digest, before: str, releases: Sequence[Release]) -> None:
    """Refuse bytes that are not released in the environment before the one they go to.

    Args:
        manifest: of the candidate.
        before: that environment's name.
        releases: its newest, oldest first.
    """
    held = stands(releases, manifest)
    # (50) These bytes were released there,
    first = f"release.yml has {before} first, and the bytes {short(manifest)} were never released there"
    expect(held is not None, first, f"ml-release deploy --environment {before}")
    # (51) and no rollback has left them there since.
    left = f"a rollback of {before} has left the bytes {short(manifest)}: they do not go further"
    expect(bool(held), left, f"why: ml-release history --environment {before}; then train another candidate")
