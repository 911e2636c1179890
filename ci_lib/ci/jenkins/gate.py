"""The gate: what `input` returned, and signed answers, held against the build's own record.

Jenkins adds one ApproverAction for each input that a logged-in person answers, in the order of the answers, without the
input's id. So a release build has no other input than its gate's, and the script passes on all that they returned. Each
check has its own sentence.
"""

from collections.abc import Mapping, Sequence

from ci_lib.approval import Approval
from ci_lib.ci.jenkins.build import Build
from ci_lib.ci.jenkins.people import is_nobody
from ci_lib.errors import Refused

APPROVER = "ML_RELEASE_APPROVER"
AGAIN = "ask again: start a new build, and answer its input"
RETURNED = (
    "input(id: 'MlRelease', submitterParameter: 'approver', …) in the pipeline; Pipeline: Input Step 532 or newer"
)


def approver(build: Build, env: Mapping[str, str], starters: Sequence[str], *, four_eyes: bool) -> str:
    """Return who answered the newest input, by the name that Jenkins keeps.

    Args:
        build: this one.
        env: of the job; ``ML_RELEASE_APPROVER`` has who the inputs returned so far, separated by ``;``.
        starters: accounts that started the build.
        four_eyes: nobody who started it may answer.

    Raises:
        Refused: one of the checks does not hold.
    """
    # (1) The build came through all of its stages as they are written,
    check_whole(build)
    # (2) `input` said who answered,
    text = env.get(APPROVER, "")
    said = [name.strip() for name in text.split(";")]
    if not all(said) or said == ["null"]:
        message = f"Jenkins: the pipeline does not say who answered the input ({APPROVER} is {text!r})"
        raise Refused(message, RETURNED)
    # (3) who was logged in,
    for name in said:
        if is_nobody(name):
            message = f"Jenkins: {name!r} answered the input: that is nobody who could be held to it"
            raise Refused(message, "log in; set `submitter`, and take Job/Build from anonymous users")
    # (4) as Jenkins' own record of this build has it, one entry an input,
    _check_record(build, said)
    # (5) and who did not start the build.
    found = build.approvers[-1]
    if four_eyes and found.casefold() in {name.casefold() for name in starters}:
        message = f"Jenkins: {found!r} started this build, and the policy wants four eyes"
        raise Refused(message, "somebody else answers: a listed approver who neither wrote nor started this")
    return found


def _check_record(build: Build, said: Sequence[str]) -> None:
    kept, here = build.approvers, f"build {build.number}"
    if not kept:
        message = f"Jenkins: nobody who was logged in answered an input of {here}, and the pipeline says {said[-1]!r}"
        raise Refused(message, "an answer counts in the build that it was given in; answer the input of this one")
    if len(kept) != len(said):
        message = (
            f"Jenkins: {len(kept)} inputs of {here} were answered ({', '.join(kept)}), and the pipeline says "
            f"{len(said)} ({', '.join(said)})"
        )
        raise Refused(message, "a release build has no input but its gate's: take the other out of the pipeline")
    for one, other in zip(kept, said, strict=True):
        if one.casefold() != other.casefold():
            message = f"Jenkins: {one!r} answered an input of {here}, and the pipeline says that {other!r} did"
            raise Refused(message, RETURNED)


def check_whole(build: Build) -> None:
    """Refuse a build that skipped stages or ran an edited script.

    Raises:
        Refused: it is a replay, or was restarted from a stage.
    """
    cause = build.around
    if cause is not None:
        message = f"Jenkins: build {build.number} did not come through its gate: {cause.said or cause.kind}"
        raise Refused(message, "start a new build; options { disableRestartFromStage() }, and no Replay for this job")


def confirm(approvals: Sequence[Approval], build: Build, address: str) -> None:
    """Refuse answers that are not what Jenkins knows now.

    Args:
        approvals: the answers, their signatures checked.
        build: this one, asked for anew.
        address: of this build.

    Raises:
        Refused: one of the checks does not hold.
    """
    # (1) The build still runs, and came through all of its stages;
    if not build.building:
        message = f"Jenkins: build {build.number} is over ({build.result}): it was stopped meanwhile"
        raise Refused(message, AGAIN)
    check_whole(build)
    # (2) each answer was given in it;
    for answer in approvals:
        if answer.pipeline != address:
            message = f"Jenkins: the answer of {answer.approver.id!r} was given in {answer.pipeline}, not in {address}"
            raise Refused(message, AGAIN)
    # (3) and they are of exactly the people that Jenkins has: none is missing there, and nobody else answered an input.
    # Somebody may have answered twice: an answer that left something open is none, and the input is asked again.
    given = sorted({answer.approver.id.casefold() for answer in approvals})
    kept = sorted({name.casefold() for name in build.approvers})
    if given != kept:
        message = (
            f"Jenkins: inputs of build {build.number} were answered by {', '.join(kept) or 'nobody'}, and the answers "
            f"here are of {', '.join(given) or 'nobody'}"
        )
        raise Refused(message, "find out who could write the approvals between the stages, and start a new build")
