"""Jenkins from somebody's terminal, with their own token: look at a build, answer its input.

A token is sent only to the Jenkins that release.yml names (or ``ML_RELEASE_JENKINS_URL`` where there is no
release.yml), never to wherever a pasted address points.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ci_lib.ci.jenkins import build as builds
from ci_lib.ci.jenkins.build import Build, Waiting
from ci_lib.ci.jenkins.client import Client, Denied, Missing, Misused, client, job_path, open_transport
from ci_lib.ci.jenkins.people import is_nobody
from ci_lib.ci.own import OWN_TOKEN
from ci_lib.errors import BadInput, Refused, Unavailable
from ci_lib.http import Uncertain

TOKEN_HINT = f"USER:TOKEN of your own (your name, Security, API Token, in Jenkins): --token-file FILE, or {OWN_TOKEN}"
ADDRESS = re.compile(r"(?P<job>(?:/job/[^/?#]+)+)/(?P<number>[0-9]{1,9})(?:/(?:input|console|consoleFull)?)?/?")
VIEW = re.compile(r"/view/[^/?#]+(?=/)")
"""Jenkins' pages have the view one came through in their addresses."""
GIVEN = "already given"
"""In Jenkins' answer, in the moment before an answered input is removed; after that it is 404."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """One build, seen with somebody's token."""

    client: Client
    user: str
    job: str
    number: int
    say: Callable[[str], None]
    sleep: Callable[[float], None]

    @property
    def address(self) -> str:
        """What the browser shows."""
        return f"{self.client.url}/{self.path}"

    @property
    def path(self) -> str:
        """The same, below Jenkins' address."""
        return f"{job_path(self.job)}{self.number}/"

    def build(self) -> Build:
        """Ask for it.

        Raises:
            BadInput: there is none for this token.
        """
        try:
            return builds.read(self.client, self.job, self.number)
        except (Denied, Missing) as error:
            raise denied(error, self.address) from error

    def archived(self) -> tuple[str, ...]:
        """Return the paths of its archived files."""
        found = self.client.get(self.path, "artifacts[relativePath]").get("artifacts") or ()
        return tuple(str(each.get("relativePath")) for each in found if isinstance(each, dict))

    def artifact(self, path: str) -> bytes | None:
        """Return an archived file, or None."""
        try:
            return self.client.file(f"{self.path}artifact/{quote(path)}")
        except (Denied, Missing):
            return None

    def proceed(self, waiting: Waiting, given: Mapping[str, str]) -> None:
        """Answer an input, with its parameters in one form, and see that Jenkins has it.

        ``/proceed``, not ``/proceedEmpty``: that ignores parameters, and before Input Step 532 gave no submitter.

        Raises:
            Refused: it was answered already, or Jenkins does not let this person.
            Unavailable: Jenkins has no record of the answer; Uncertain where it may have arrived.
        """
        before = len(self.build().approvers)
        form = json.dumps({"parameter": [{"name": name, "value": value} for name, value in given.items()]})
        try:
            self._send(waiting, "proceed", {"json": form})
        except Uncertain:
            self.client.look_again()
            if not self._arrived(before):
                raise
            self.say("  the answer arrived, though its receipt did not")
        if not self._arrived(before):
            message = f"Jenkins took the answer to {waiting.id}, and its record of the build does not have it"
            raise Unavailable(message, self.address)

    def _arrived(self, before: int) -> bool:
        """Say whether this person is the one who answered since."""
        new = self.build().approvers[before:]
        return [name.casefold() for name in new] == [self.user.casefold()]

    def abort(self, waiting: Waiting) -> None:
        """Press the other button of an input: the build ends, as rejected.

        Raises:
            Refused, Uncertain: as `proceed`.
        """
        self._send(waiting, "abort", {})

    def _send(self, waiting: Waiting, what: str, fields: Mapping[str, str]) -> None:
        try:
            self.client.post(f"{self.path}input/{quote(waiting.id, safe='')}/{what}", fields)
        except Missing as error:
            raise self._gone(waiting) from error
        except (Denied, Misused) as error:
            if GIVEN in error.said:
                raise self._gone(waiting) from error
            message = f"Jenkins does not let you answer {waiting.id}: {error.said}"
            raise Refused(message, f"who may: {waiting.submitter or 'whoever has Job/Build'}") from error

    def _gone(self, waiting: Waiting) -> Refused:
        who = ", ".join(self.build().approvers)
        message = f"Jenkins: {waiting.id} was answered already, by {who}"
        if not who:
            message = f"Jenkins: {waiting.id} does not wait any more: it was aborted, or Jenkins has just restarted"
        return Refused(message, f"look again: {self.address}")


def sign_in(url: str, token: str, *, env: Mapping[str, str], sleep: Callable[[float], None]) -> tuple[Client, str]:
    """Return the API with a person's token, and who Jenkins says they are.

    Args:
        url: Jenkins' address.
        token: ``USER:TOKEN``.
        env: proxies, certificates and the deadline.
        sleep: to wait with.

    Raises:
        BadInput: it is no such pair, or Jenkins does not know it.
    """
    user, colon, secret = token.partition(":")
    if not (colon and user.strip() and secret.strip()):
        message = "Jenkins knows a token with its user's name only"
        raise BadInput(message, TOKEN_HINT)
    found = client(open_transport(url, env, sleep, TOKEN_HINT), user, secret)
    try:
        name = str(found.get("whoAmI/").get("name") or "")
    except (Denied, Missing) as error:
        raise denied(error, url) from error
    if not name or is_nobody(name):
        message = f"Jenkins takes you for {name or 'nobody'}"
        raise BadInput(message, TOKEN_HINT)
    return found, name


def open_remote(
    address: str, url: str, token: str, *, env: Mapping[str, str], say: Callable[[str], None],
    sleep: Callable[[float], None],
) -> Remote:  # fmt: skip
    """Open a build by the address that the browser shows.

    Raises:
        BadInput: it is no build's address, not on this Jenkins, or the token is not known there.
    """
    match = ADDRESS.fullmatch(VIEW.sub("", address.removeprefix(url))) if address.startswith(url + "/") else None
    if match is None:
        message = f"{address!r} is no address of a build at {url}"
        raise BadInput(message, f"{url}/job/NAME/NUMBER/, as the browser shows it")
    job = "/".join(unquote(part) for part in match["job"].split("/job/")[1:])
    found, user = sign_in(url, token, env=env, sleep=sleep)
    return Remote(client=found, user=user, job=job, number=int(match["number"]), say=say, sleep=sleep)


def denied(error: Denied | Missing, where: str) -> BadInput:
    """Return what to say to a person whose token is not enough."""
    if isinstance(error, Denied) and error.status == 401:  # noqa: PLR2004 -- HTTP's own number
        return BadInput("Jenkins: it does not know this user with this token: revoked or mistyped", TOKEN_HINT)
    if isinstance(error, Denied):
        return BadInput(f"Jenkins: your permissions are too small: {error.said}", TOKEN_HINT)
    return BadInput(f"Jenkins: there is no {where}, or not for you", "look at the address in the browser")
