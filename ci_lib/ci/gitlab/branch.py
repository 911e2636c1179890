"""The branch whose policy judges, where the job does not say: asked before anybody knows which GitLab to ask.

Which server counts stands in the policy itself, so nothing here can be held against it. Whoever may set a pipeline's
variables may override ``CI_DEFAULT_BRANCH``, as they may any variable of the project's settings: what cannot be
overridden is ``--policy-from`` in the script of a job that they cannot change (docs/gitlab.md).
"""

import re
from collections.abc import Mapping

from ci_lib.errors import BadInput

VARIABLE = "CI_DEFAULT_BRANCH"
NAME = re.compile(r"[^\s:\x00-\x1f\x7f]+")
"""What may be a branch at all (git-check-ref-format); git itself refuses the rest."""


def policy_from(env: Mapping[str, str]) -> str:
    """Return the default branch as the runner's clone has it, by its full name.

    Raises:
        BadInput: the job does not say which branch that is.
    """
    name = env.get(VARIABLE, "")
    if NAME.fullmatch(name) is None:
        message = f"GitLab: nobody says where the policy that judges is read: {VARIABLE} is {name!r}"
        raise BadInput(message, "set ML_RELEASE_POLICY_FROM=origin/main, or --policy-from in the job's script")
    return f"refs/remotes/origin/{name}"
