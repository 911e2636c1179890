"""What signing does: what goes where in place of what, who signs, and what must be waived."""

from dataclasses import dataclass

from ci_lib.duration import words
from ci_lib.record import short
from ci_lib.report.records import Records
from ci_lib.waivers import askable, failed

KNOWN = {
    "self-declared": "They say themselves who they are: nobody checks the name.",
    "ci-verified": "The CI server confirms who they are.",
}
"""What an assurance means for the reader."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What signing does in one environment."""

    environment: str
    what: str
    who: str


def waive_terms(records: Records) -> str:
    """Say what a waiver needs."""
    longest = words(records.config.policy.approval.waiver_for)
    return f"Each failed, and is let pass only by name, with a reason, an owner and an end, {longest} away at most."


def waivers_asked(records: Records) -> tuple[str, ...]:
    """Return the failed findings, if each may be waived and some environment has somebody to ask."""
    config = records.config
    person = any(target.approval == "required" for target in config.environments.values())
    return failed(records.decision) if person and askable(records.decision, config.policy.approval) else ()


def effect(environment: str, records: Records) -> Effect:
    """Say what signing does in one environment, and who signs."""
    compare = short(records.evidence.manifest)
    if _goes_no_further(environment, records):
        what = f"Nothing. The verdict is fail: bytes {compare} cannot be approved."
    else:
        what = f"Model bytes {compare} {_replaces(environment, records)}."
    return Effect(environment=environment, what=what, who=_signers(environment, records))


def _goes_no_further(environment: str, records: Records) -> bool:
    """Say whether a failed verdict stops it here: nobody is asked, or what failed may not be waived."""
    automatic = records.config.environments[environment].approval == "automatic"
    askable_here = not automatic and askable(records.decision, records.config.policy.approval)
    return records.decision.verdict == "fail" and not askable_here


def _replaces(environment: str, records: Records) -> str:
    heads = [release for release in records.history if release.environment == environment]
    champion = records.evidence.champion
    if champion and champion.environment == environment:
        number, manifest = champion.release, champion.manifest
    elif heads:
        number, manifest = heads[-1].number, heads[-1].manifest
    else:
        return "become the first release there, as far as this report knows"
    if manifest == records.evidence.manifest:
        return f"are those of release {number} already"
    return f"replace release {number} (bytes {short(manifest)})"


def _signers(environment: str, records: Records) -> str:
    approval = records.config.policy.approval
    if records.config.environments[environment].approval == "automatic":
        return "Nobody signs: release.yml says approval: automatic, and a pass goes on by itself."
    if _goes_no_further(environment, records):
        return "There is nothing to sign."
    eyes = "; an author may not" if approval.four_eyes else "; an author may, too"
    among = ", and ".join(
        _among(role, number, approval.members.get(role, ())) for role, number in approval.needed.items()
    )
    both = ", nobody for two of these" if len(approval.needed) > 1 else ""
    waiver = ", and each failed finding is waived by name" if records.decision.verdict == "fail" else ""
    return f"To sign: {among}{both}{eyes}{waiver}. {KNOWN[approval.assurance]}"


def _among(role: str, number: int, names: tuple[str, ...]) -> str:
    """Say how many of whom, e.g. ``one of ana, cleo for data-science``."""
    count = "one" if number == 1 else str(number)
    among = f"{count} of {', '.join(names)}"
    if len(names) <= number:
        among = " and ".join(names) or f"{count} (release.yml names nobody)"
    return f"{among} for {role}" if role else among
