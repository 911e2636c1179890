"""`ml-release approve --build URL`: what is at a build's gate, and the answer, from a reviewer's terminal.

The reviewer's own token answers the input, so Jenkins' record of who did is the reviewer. What decides is checked again
in the build.
"""

import time
from argparse import Namespace
from collections.abc import Mapping

from ci_lib import answer
from ci_lib.answer import Words
from ci_lib.chain import FILES, Chain
from ci_lib.ci import atgate, typed
from ci_lib.ci.jenkins.build import Build, Waiting
from ci_lib.ci.jenkins.follow import Follower, ending
from ci_lib.ci.jenkins.remote import TOKEN_HINT, Remote, open_remote
from ci_lib.ci.own import own_token
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused, Unavailable
from ci_lib.text import visible
from ci_lib.trigger import jenkins_of
from ci_lib.vouching import JenkinsServer

PREFIX = "ML_RELEASE_"
PAGES = ("jenkins.html", "index.html")
"""The report: Jenkins forbids style inside a page, so `report` writes one for it, too. What is signed is the other."""


def show(remote: Remote, folder: str) -> Chain | None:
    """Print what is at the gate, and return its records; None where the build archived none.

    Raises:
        Refused: the records do not hold.
    """
    files = {name: remote.artifact(f"{folder}/{name}") for name in FILES}
    if any(data is None for data in files.values()):
        remote.say(f"build {remote.number} of {remote.job} has no records in its archive ({folder}/)")
        return None
    chain = atgate.chain_of({name: data or b"" for name, data in files.items()})
    page = next((name for name in PAGES if f"{folder}/report/{name}" in remote.archived()), PAGES[-1])
    for line in atgate.lines(chain, f"{remote.address}artifact/{folder}/report/{page}"):
        remote.say(line)
    return chain


def respond(remote: Remote, chain: Chain | None, server: JenkinsServer, words: Words) -> int:
    """Answer the input that waits, follow the build, and return its exit code; 12 when there is no answer yet.

    Raises:
        BadInput: something is left open in the answer, or the input does not ask for it.
        Refused: nothing waits, or Jenkins does not let this person.
        Unavailable: the build did not end as one of ours.
    """
    build = remote.build()
    waiting = _gate(build, server)
    if waiting is None:
        return _nothing_waits(remote, build)
    remote.say(visible(f"  waits    {waiting.id}: {waiting.message}", None))
    remote.say(visible(f"  for      {waiting.submitter or 'whoever has Job/Build'}", None))
    if not words.reason.strip():
        named = atgate.named(chain) if chain else ""
        remote.say(f'  next: ml-release approve --build {remote.address} --reason "…"{named}, or --reject --reason "…"')
        return Exit.NO_APPROVAL
    if chain is not None:
        atgate.complete(chain, words)
    start = remote.client.log(remote.path, 0).following
    _answer(remote, chain, waiting, words)
    return _followed(remote, server, start)


def _gate(build: Build, server: JenkinsServer) -> Waiting | None:
    """Return the gate's input, if it waits.

    Raises:
        Refused: several do, and the answer to one might be taken for another's.
    """
    found = [each for each in build.waiting if each.id.startswith(server.input)]
    if len(found) > 1:
        message = f"Jenkins: {len(found)} inputs wait: {', '.join(each.id for each in found)}"
        raise Refused(message, "answer in Jenkins' page, where you see which is which")
    return found[0] if found else None


def _nothing_waits(remote: Remote, build: Build) -> int:
    if build.building:
        message = f"Jenkins: no gate of build {build.number} of {build.job} waits"
        others = ", ".join(each.id for each in build.waiting)
        hint = f"other inputs wait: {others}" if others else "is it before the gate, or did Jenkins just restart?"
        raise Refused(message, f"{hint}; {remote.address}")
    return _ended(remote, build, remote.client.log(remote.path, 0).data)


def _answer(remote: Remote, chain: Chain | None, waiting: Waiting, words: Words) -> None:
    asked = {field.name: field for field in waiting.fields}
    if "decision" not in asked:
        if words.decision == "rejected":
            return remote.abort(waiting)
        message = f"Jenkins: {waiting.id} does not ask for a decision, so it is no gate of ml-release's"
        raise BadInput(message, f"policy.approval.jenkins.input in release.yml; {remote.address}input/")
    given = {name.removeprefix(PREFIX).lower(): value for name, value in typed.variables(words).items()}
    if chain is not None and "code" in asked:
        given["code"] = answer.code(chain.subjects(chain.decision.policy), remote.user)
    for name, value in given.items():
        if name not in asked:
            message = f"Jenkins: {waiting.id} does not ask for {name!r}"
            raise BadInput(message, f"it asks for {', '.join(asked)}; the library's setting waivers: true adds more")
        if asked[name].choices and value not in asked[name].choices:
            message = f"Jenkins: {waiting.id} does not offer {value!r} as {name}"
            raise BadInput(message, f"it offers {', '.join(asked[name].choices)}")
    remote.say(visible(f"answering {waiting.id} as {remote.user}: {remote.address}", None))
    return remote.proceed(waiting, given)


def _followed(remote: Remote, server: JenkinsServer, start: int) -> int:
    follower = Follower(client=remote.client, say=remote.say, sleep=remote.sleep)
    build, log = follower.to_the_end(remote.job, remote.number, server.input, start)
    if build.building:
        remote.say(f"  next: another approver answers the next input: {remote.address}input/")
        return Exit.DONE
    return _ended(remote, build, log)


def _ended(remote: Remote, build: Build, log: bytes) -> int:
    """Say how a build ended, and return its exit code.

    Raises:
        Unavailable: it has none of ours.
    """
    found = ending(build, log)
    if found.code is None:
        message = f"Jenkins: {found.sentence}"
        raise Unavailable(message, remote.address)
    remote.say(found.sentence)
    return found.code


def main(args: Namespace, env: Mapping[str, str], console: Console) -> int:
    """Show what is at the gate of a build; with a reason, answer.

    Raises:
        BadInput: no token, no such build, or an incomplete answer.
        Refused: this person cannot answer, or the records do not hold.
        Unavailable: Jenkins does not answer, or the build did not end as one of ours.
    """
    if args.page or args.approver or args.pipeline:
        message = "with --build Jenkins asks, and knows who answers"
        raise BadInput(message, "leave --page, --as and --pipeline out")
    server, token = jenkins_of(args, env), own_token(args.token_file, env, "Jenkins", TOKEN_HINT)
    remote = open_remote(args.build, server.url, token, env=env, say=console.say, sleep=time.sleep)
    remote.build()  # whether it is there, before what it archived
    chain = show(remote, str(args.chain or "release"))
    return respond(remote, chain, server, answer.typed(args))
