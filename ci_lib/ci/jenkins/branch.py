"""The branch whose policy judges, where the job does not say: asked before anybody knows which Jenkins to ask.

Jenkins has no default branch of its own: only multibranch jobs say which branch is whose target. Whoever may change the
pipeline may set these variables: what cannot be overridden is ``--policy-from`` in a library that they cannot change
(docs/jenkins.md).
"""

import re
from collections.abc import Mapping

from ci_lib.errors import BadInput

NAME = re.compile(r"[^\s:\x00-\x1f\x7f]+")
"""What may be a branch at all (git-check-ref-format); git itself refuses the rest."""


def policy_from(env: Mapping[str, str]) -> str:
    """Return the branch that a change is made to, or a multibranch project's primary one, as the clone has it.

    Raises:
        BadInput: nobody says which branch that is.
    """
    primary = env.get("BRANCH_NAME", "") if env.get("BRANCH_IS_PRIMARY") == "true" else ""
    name = env.get("CHANGE_TARGET") or primary
    if NAME.fullmatch(name) is None:
        message = "Jenkins: nobody says where the policy that judges is read"
        raise BadInput(message, "set ML_RELEASE_POLICY_FROM=origin/main in the pipeline, or --policy-from")
    return f"refs/remotes/origin/{name}"
