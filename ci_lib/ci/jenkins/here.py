"""Which build is this? Asked of its console.

``BUILD_NUMBER`` proves nothing: a script, a parameter or a variable can set it. So the job writes a random line into
its own log, and reads the log of the build that it claims to be, of the one job that release.yml names. Whoever would
claim to be another build cannot write into that build's log.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.build import Build
from ci_lib.ci.jenkins.client import TOKEN_HINT, Client, Denied, Missing
from ci_lib.errors import Refused, Unavailable
from ci_lib.vouching import JenkinsServer

NUMBER = "BUILD_NUMBER"
WAITS = 20
"""So often the log is read; an agent sends what a step prints every few seconds."""
PAUSE = 3.0
"""Seconds between."""
DIGITS = 9


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What `identify` needs of the world."""

    server: JenkinsServer
    env: Mapping[str, str]
    client: Client | None
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    nonce: Callable[[], str] = lambda: secrets.token_hex(16)


def identify(asking: Asking) -> Build:
    """Find out which build this is.

    Raises:
        Refused: nothing proves it, or what is there does not hold.
        Unavailable: Jenkins does not answer.
    """
    number, client = claimed(asking.env), asking.client
    if client is None:
        message = "Jenkins: nothing proves which build this is: no account may ask"
        raise Refused(message, TOKEN_HINT)
    if number is None:
        message = f"Jenkins: {NUMBER} is {asking.env.get(NUMBER)!r}, which is no build's number"
        raise Refused(message, "run it in a stage of the pipeline, on an agent")
    found = look(client, asking.server, number)
    if not found.building:
        message = f"Jenkins: build {number} of {asking.server.job} is over ({found.result}), so this is not it"
        raise Refused(message, f"who sets {NUMBER}? start a new build")
    _find_own_line(asking, client, found)
    return found


def claimed(env: Mapping[str, str]) -> int | None:
    """Return the number of the build that this claims to be."""
    text = env.get(NUMBER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS else None


def look(client: Client, server: JenkinsServer, number: int) -> Build:
    """Ask for a build of the policy's job.

    Raises:
        Refused: this account may not see it, or there is none.
        Unavailable: Jenkins does not answer.
    """
    try:
        return builds.read(client, server.job, number)
    except Missing as error:
        message = f"Jenkins: {server.job} has no build {number}, or this account may not see it"
        raise Refused(message, "policy.approval.jenkins.job in release.yml; Job/Read for the account") from error
    except Denied as error:
        message = f"Jenkins: the account may not read {server.job} ({error.status})"
        raise Refused(message, TOKEN_HINT) from error


def _find_own_line(asking: Asking, client: Client, found: Build) -> None:
    """Print a line that nobody can know, and find it in the build's log.

    Only its random part is looked for: Jenkins masks what it takes for secret in the rest, user names for example.
    """
    nonce = asking.nonce().encode()
    start, kept = _end_of_log(client, found), b""
    asking.say(f"ml-release proves that this is build {found.number} of {found.job}: {nonce.decode()}")
    for look_number in range(1, WAITS + 1):
        try:
            piece = client.log(found.path, start)
            start, kept = piece.following, kept[-len(nonce) :] + piece.data
        except Unavailable:  # a controller that restarts comes back
            if look_number == WAITS:
                raise
        if nonce in kept:
            return
        asking.sleep(PAUSE)
        client.look_again()
    message = (
        f"Jenkins: {NUMBER} says {found.number}, and the log of that build of {found.job} does not show what this "
        "job prints"
    )
    raise Refused(message, f"who sets {NUMBER}? is this a build of policy.approval.jenkins.job in release.yml?")


def _end_of_log(client: Client, found: Build) -> int:
    """Return where the log ends now: what is printed from here on comes after."""
    return client.log(found.path, 0).following
