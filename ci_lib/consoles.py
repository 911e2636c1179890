"""Which console speaks. Apart from `console`, which `terminal` builds on, so that imports run one way."""

from collections.abc import Mapping
from typing import TextIO

from ci_lib.console import Console, GitLabConsole


def choose(out: TextIO, env: Mapping[str, str]) -> Console:
    """Pick how to speak: sections on GitLab, a live display on a person's terminal, plain lines for all others."""
    if env.get("GITLAB_CI"):
        return GitLabConsole(out)
    if not out.isatty() or env.get("CI") or env.get("TERM", "dumb") == "dumb":
        return Console(out)
    from ci_lib.terminal import Terminal  # noqa: PLC0415 -- pipes do not pay for rich

    return Terminal(out, colour=not env.get("NO_COLOR"))
