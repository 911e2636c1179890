"""Where Jenkins' people look: the build's description, in the build list and on its page.

REST offers no more: badges, notes and statuses are other plugins'. The account needs Run/Update; without it, and
without a token, a line says that nothing is announced. A verdict does not depend on it.
"""

from ci_lib.announcement import Announcement
from ci_lib.ci.jenkins.build import Build
from ci_lib.ci.jenkins.client import Client, Denied, Misused
from ci_lib.errors import ReleaseError
from ci_lib.text import visible

OURS = "ml-release: "
"""Begins a description that is ours to replace; anybody else's stays."""
LONGEST = 300
"""Characters; the build list shows about as many."""
PLAIN = str.maketrans({"<": "‹", ">": "›", "&": "+"})
"""Some markup formatters show HTML."""


def text(about: Announcement) -> str:
    """Return the description."""
    said = f"{OURS}{about.model} to {about.environment} is {about.verdict}: {about.headline}"
    return visible(said, None).translate(PLAIN)[:LONGEST]


def post(about: Announcement, build: Build, client: Client) -> str:
    """Describe the build, and say what was done, or why not."""
    if build.description and not build.description.startswith(OURS):
        return "Jenkins: somebody described this build, and that stays"
    try:
        client.post(f"{build.path}submitDescription", {"description": text(about), "Submit": "Submit"}, redirect=True)
    except (Denied, Misused) as error:
        return f"Jenkins: the build is not described: {error.said} (it needs Run/Update)"
    except ReleaseError as error:
        return f"Jenkins: the build is not described: {error.what}"
    return f"Jenkins: build {build.number} is described as {about.verdict}"
