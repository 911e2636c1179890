"""What becomes of a CI/CD variable's value on its way into a job: references to other variables are replaced.

``common/variables.go`` of GitLab's runner: ``$name`` and ``${name}`` become the value, or nothing where there is no
such variable; ``$$`` is a dollar; ``$5`` and the like are nothing. Values of files are not replaced.
"""

import re
from collections.abc import Mapping

REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<braced>[^}]*)\}|(?P<name>[A-Za-z_0-9]\w*)|(?P<special>[*#@!?]))")


def expand(value: str, variables: Mapping[str, str]) -> str:
    """Return a value as the job finds it."""

    def found(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        return variables.get(match["braced"] or match["name"] or "", "")

    return REFERENCE.sub(found, value)
