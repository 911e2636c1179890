"""What is at a gate on a CI server, seen from a reviewer's terminal: the same for every server."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ci_lib import answer
from ci_lib import chain as chains
from ci_lib.answer import Words
from ci_lib.chain import Chain
from ci_lib.errors import BadInput
from ci_lib.record import short
from ci_lib.text import quoted, visible
from ci_lib.waivers import failed, open_findings


def chain_of(files: Mapping[str, bytes]) -> Chain:
    """Read records that were fetched.

    Args:
        files: `ci_lib.chain.FILES`, path below the chain directory -> content.

    Raises:
        Refused: they do not hold.
    """
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        for name, data in files.items():
            path = Path(scratch) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return chains.read(Path(scratch))


def lines(chain: Chain, report: str) -> Iterator[str]:
    """Yield what a reviewer should see before they answer.

    Args:
        chain: the records.
        report: its address.
    """
    decision = chain.decision
    yield visible(f"{decision.model}: the verdict is {decision.verdict}", None)
    yield f"  report   {report}"
    yield f"  bytes    {short(chain.candidate.manifest.digest())}"
    yield f"  policy   {visible(str(decision.policy_source), None)}"
    yield visible(f"  authors  {', '.join(person.id for person in chain.candidate.authors)}", None)
    for finding in decision.findings:
        if finding.outcome != "pass":
            yield visible(f"  {finding.outcome:12} {finding.name}: {finding.sentence}", None)
    passed = sum(finding.outcome == "pass" for finding in decision.findings)
    yield f"  {'pass':12} {passed} of {len(decision.findings)} findings"


def complete(chain: Chain, words: Words) -> None:
    """Refuse an answer that the gate would refuse, before anything is sent; what the policy lets be waived it knows.

    Somebody else may have waived a failed finding already, so one that is left open is the gate's to refuse.

    Raises:
        BadInput: something is left open, or what is named is no finding.
    """
    answer.waivers(words)
    answer.check_accepted(words.accepted, chain.decision.inconclusive)
    unknown = [name for name in words.waived if name not in open_findings(chain.decision)]
    if unknown:
        message = f"no finding that did not pass is called {', '.join(unknown)}"
        raise BadInput(message, f"the ones to waive are among: {', '.join(open_findings(chain.decision)) or 'none'}")
    if words.decision != "rejected":
        answer.check_settled({*words.accepted, *words.waived}, chain.decision.inconclusive)


def named(chain: Chain) -> str:
    """Return the options that name each finding a yes must settle, each with a space before it."""
    accepts = "".join(f" --accept {quoted(name)}" for name in chain.decision.inconclusive)
    waives = "".join(f" --waive {quoted(name)}" for name in failed(chain.decision))
    return accepts + (f'{waives} --owner "…" --until YYYY-MM-DD' if waives else "")
