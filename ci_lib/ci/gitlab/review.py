"""`ml-release approve --pipeline URL`: what is at a pipeline's gate, and the answer, from a reviewer's terminal.

The reviewer's own token plays the gate, so GitLab's record of who played it is the reviewer. The words go with it, and
the code that says they are theirs (`ci_lib.answer`). What decides is checked again in the gate's job.
"""

import time
from argparse import Namespace
from collections.abc import Mapping

from ci_lib import answer
from ci_lib.answer import Words
from ci_lib.chain import FILES, Chain
from ci_lib.ci import atgate, typed
from ci_lib.ci.gitlab.jobs import Played
from ci_lib.ci.gitlab.people import is_bot
from ci_lib.ci.gitlab.remote import TOKEN_HINT, Remote, open_remote
from ci_lib.ci.own import own_token
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.text import visible
from ci_lib.trigger import gitlab_of
from ci_lib.vouching import GitLabServer


def show(remote: Remote, folder: str) -> Chain:
    """Print what is at the gate, and return its records.

    Args:
        remote: the pipeline.
        folder: where the records are in the job's artifacts.

    Raises:
        BadInput: no job of the pipeline has a report.
        Refused: the records do not hold.
    """
    job, chain = _records(remote, folder)
    for line in atgate.lines(chain, f"{job.url}/artifacts/file/{folder}/report/index.html"):
        remote.say(line)
    return chain


def _records(remote: Remote, folder: str) -> tuple[Played, Chain]:
    for job in sorted(remote.jobs(), key=lambda each: -each.id):
        if not job.raw.get("artifacts"):
            continue
        files = {name: remote.artifact(job, f"{folder}/{name}") for name in FILES}
        if all(data is not None for data in files.values()):
            return job, atgate.chain_of({name: data or b"" for name, data in files.items()})
    message = f"GitLab: no job of pipeline {remote.pipeline} has a report in its artifacts ({folder}/)"
    raise BadInput(message, "has the report job run? --chain names another folder")


def respond(remote: Remote, chain: Chain, server: GitLabServer, words: Words) -> int:
    """Play the gate with an answer, follow it, and return its exit code; 12 when there is no answer yet.

    Raises:
        BadInput: something is left open in the answer.
        Refused: this person cannot play the gate.
    """
    if not words.reason.strip():
        remote.say(f"  next: {_command(chain, remote)}")
        return Exit.NO_APPROVAL
    atgate.complete(chain, words)
    me = remote.me()
    if is_bot(me):
        message = f"GitLab: the token is {me.username!r}'s, a bot's; a person's own token plays the gate"
        raise Refused(message, "make a personal access token")
    job = _waiting(remote, server, reject=words.decision == "rejected")
    code = answer.code(chain.subjects(chain.decision.policy), me.username)
    remote.say(visible(f"playing {job.name!r} as {me.username}: {job.url}", None))
    return remote.follow(remote.play(job, {**typed.variables(words), "ML_RELEASE_CODE": code}))


def _waiting(remote: Remote, server: GitLabServer, *, reject: bool) -> Played:
    """Return the job to play: the one that rejects, or the first gate that nobody has played."""
    found = {job.name: job for job in remote.jobs()}
    names = (server.reject, *server.gates) if reject else server.gates
    for state in ("manual", "failed"):  # one that failed, e.g. because a service did not answer, may be played again
        waiting = [found[name] for name in names if name in found and found[name].status == state]
        if waiting:
            return waiting[0]
    there = [f"{name} is {found[name].status} (by {found[name].user.username})" for name in names if name in found]
    message = f"GitLab: no gate of pipeline {remote.pipeline} waits: {'; '.join(there) or 'it has none'}"
    raise Refused(message, "look at the pipeline in the browser")


def _command(chain: Chain, remote: Remote) -> str:
    address = str(remote.raw.get("web_url") or "URL")
    return f'ml-release approve --pipeline {address} --reason "…"{atgate.named(chain)}, or --reject --reason "…"'


def main(args: Namespace, env: Mapping[str, str], console: Console) -> int:
    """Show what is at the gate of a pipeline; with a reason, answer.

    Raises:
        BadInput: no token, no such pipeline, no report, or an incomplete answer.
        Refused: this person cannot play the gate, or the records do not hold.
        Unavailable: GitLab does not answer.
    """
    if args.page or args.approver:
        message = "with --pipeline GitLab asks, and knows who plays the gate"
        raise BadInput(message, "leave --page and --as out")
    server, token = gitlab_of(args, env), own_token(args.token_file, env, "GitLab", TOKEN_HINT)
    remote = open_remote(args.pipeline, server.url, token, env=env, say=console.say, sleep=time.sleep)
    chain = show(remote, str(args.chain or "release"))
    return respond(remote, chain, server, answer.typed(args))
