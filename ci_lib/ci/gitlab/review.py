"""`ml-release approve --pipeline URL`: what is at a pipeline's gate, and the answer, from a reviewer's terminal.

The reviewer's own token plays the gate, so GitLab's record of who played it is the reviewer. The words go with it, and
the code that says they are theirs (`ci_lib.answer`). What decides is checked again in the gate's job.
"""

import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from ci_lib import answer
from ci_lib import chain as chains
from ci_lib.answer import Words
from ci_lib.chain import FILES, Chain
from ci_lib.ci.gitlab.jobs import Played
from ci_lib.ci.gitlab.people import is_bot
from ci_lib.ci.gitlab.remote import Remote, open_remote, own_token
from ci_lib.console import Console
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.record import short
from ci_lib.text import quoted, visible
from ci_lib.trigger import settings
from ci_lib.vouching import GitLabServer
from ci_lib.waivers import failed, open_findings


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
    decision = chain.decision
    remote.say(visible(f"{decision.model}: the verdict is {decision.verdict}", None))
    remote.say(f"  report   {job.url}/artifacts/file/{folder}/report/index.html")
    remote.say(f"  bytes    {short(chain.candidate.manifest.digest())}")
    remote.say(f"  policy   {visible(str(decision.policy_source), None)}")
    remote.say(visible(f"  authors  {', '.join(person.id for person in chain.candidate.authors)}", None))
    for finding in decision.findings:
        if finding.outcome != "pass":
            remote.say(visible(f"  {finding.outcome:12} {finding.name}: {finding.sentence}", None))
    passed = sum(finding.outcome == "pass" for finding in decision.findings)
    remote.say(f"  {'pass':12} {passed} of {len(decision.findings)} findings")
    return chain


def _records(remote: Remote, folder: str) -> tuple[Played, Chain]:
    for job in sorted(remote.jobs(), key=lambda each: -each.id):
        if not job.raw.get("artifacts"):
            continue
        files = {name: remote.artifact(job, f"{folder}/{name}") for name in FILES}
        if all(data is not None for data in files.values()):
            with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
                for name, data in files.items():
                    path = Path(scratch) / name
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(data or b"")
                return job, chains.read(Path(scratch))
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
    _complete(chain, words)
    me = remote.me()
    if is_bot(me):
        message = f"GitLab: the token is {me.username!r}'s, a bot's; a person's own token plays the gate"
        raise Refused(message, "make a personal access token")
    job = _waiting(remote, server, reject=words.decision == "rejected")
    code = answer.code(chain.subjects(chain.decision.policy), me.username)
    remote.say(visible(f"playing {job.name!r} as {me.username}: {job.url}", None))
    return remote.follow(remote.play(job, {**_variables(words), "ML_RELEASE_CODE": code}))


def _variables(words: Words) -> dict[str, str]:
    """Return words as the gate's job takes them, see `adapter.GitLab.said`."""
    found = {
        "DECISION": "reject" if words.decision == "rejected" else "approve",
        "REASON": words.reason.strip(),
        "ACCEPT": ";".join(words.accepted),
        "WAIVE": ";".join(words.waived),
        "OWNER": words.owner.strip(),
        "UNTIL": words.until.isoformat() if words.until else "",
        "WAIVE_REASON": words.waive_reason.strip(),
        "CONDITION": "\n".join(visible(text, None) for text in words.conditions),
    }
    return {f"ML_RELEASE_{name}": value for name, value in found.items() if value}


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


def _complete(chain: Chain, words: Words) -> None:
    """Refuse an answer that the gate would refuse, before anything is played; what the policy lets be waived it knows.

    Somebody else may have waived a failed finding already, so one that is left open is the gate's to refuse.
    """
    answer.waivers(words)
    answer.check_accepted(words.accepted, chain.decision.inconclusive)
    unknown = [name for name in words.waived if name not in open_findings(chain.decision)]
    if unknown:
        message = f"no finding that did not pass is called {', '.join(unknown)}"
        raise BadInput(message, f"the ones to waive are among: {', '.join(open_findings(chain.decision)) or 'none'}")
    if words.decision != "rejected":
        answer.check_settled({*words.accepted, *words.waived}, chain.decision.inconclusive)


def _command(chain: Chain, remote: Remote) -> str:
    address = str(remote.raw.get("web_url") or "URL")
    accepts = "".join(f" --accept {quoted(name)}" for name in chain.decision.inconclusive)
    waives = "".join(f" --waive {quoted(name)}" for name in failed(chain.decision))
    accepts += f'{waives} --owner "…" --until YYYY-MM-DD' if waives else ""
    return f'ml-release approve --pipeline {address} --reason "…"{accepts}, or --reject --reason "…"'


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
    server, token = settings(args, env), own_token(args.token_file, env)
    remote = open_remote(args.pipeline, server.url, token, env=env, say=console.say, sleep=time.sleep)
    chain = show(remote, str(args.chain or "release"))
    return respond(remote, chain, server, answer.typed(args))
