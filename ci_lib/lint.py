"""`ml-release lint`: what in a .gitlab-ci.yml undoes the gate. Each finding has its line and what to type.

Pure text work: nothing is included, run or fetched. A job counts as a gate, as deploy or as privileged by the command
that its script runs, or, where it only changes an included job, by the component's names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci_lib import pipelinefile
from ci_lib.pipelinefile import CIJob, PipelineFile

COMMAND = re.compile(r"\bml-release\s+(?P<stage>approve|deploy|rollback)\b(?P<rest>.*)")
PASTED = re.compile(r"\$\[\[\s*inputs\.(?P<name>[\w-]+)[^\]]*\]\]")
OPEN = ("prepare", "train", "validate", "report")
"""Of the component's jobs, those that run authors' code."""
OPEN_COMMAND = re.compile(r"\bml-release\s+(?:prepare|train|adopt|validate|report|run)\b")
PRIVILEGED = ("approve", "reject", "deploy", "rollback")
"""Of the component's jobs, those that hold keys; their names may have a prefix (its input `prefix`)."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that undoes the gate."""

    file: str
    line: int
    job: str
    sentence: str
    hint: str

    def __str__(self) -> str:
        """Give it as compilers do, so that editors jump to the line."""
        return f"{self.file}:{self.line}: {self.job}: {self.sentence}\n  next: {self.hint}"


@dataclass(frozen=True, kw_only=True)
class _Look:
    """A file, and which of its jobs are what."""

    path: Path
    file: PipelineFile
    roles: Mapping[str, str]

    def of(self, *roles: str) -> list[CIJob]:
        return [self.file.jobs[name] for name, role in self.roles.items() if role in roles]

    def finding(self, job: CIJob, line: int, sentence: str, hint: str) -> Finding:
        return Finding(file=str(self.path), line=line, job=job.name, sentence=sentence, hint=hint)


def lint(path: Path) -> tuple[Finding, ...]:
    """Return what undoes the gate, in the order of the file.

    Raises:
        BadInput: the file is not there, or no pipeline.
    """
    file = pipelinefile.read(path)
    roles = {name: role for name, job in file.jobs.items() if (role := _role(job))}
    look = _Look(path=path, file=file, roles=roles)
    checks = (_gates, _deploys, _pasted, _caches, _dotenvs, _artifacts, _scripts)
    found = {finding for check in checks for finding in check(look)}
    return tuple(sorted(found, key=lambda finding: (finding.line, finding.sentence)))


def _role(job: CIJob) -> str | None:
    """Return what a job is for; by its name only when it changes an included job and has no script of its own."""
    for text, _ in job.commands():
        if found := COMMAND.search(text):
            rejects = found["stage"] == "approve" and "--reject" in found["rest"]
            return "reject" if rejects else found["stage"]
    name = job.name.rpartition("-")[2]
    return name if "script" not in job.keys and name in PRIVILEGED else None


def _gates(look: _Look) -> Iterator[Finding]:
    """A gate is played by a person, and nothing goes on until it was."""
    for job in look.of("approve"):
        rules = [(i, rule) for i, rule in enumerate(_listed(job.keys.get("rules"))) if isinstance(rule, Mapping)]
        by_rules = [(i, rule) for i, rule in rules if rule.get("when") == "manual"]
        manual, lets = job.keys.get("when") == "manual", job.keys.get("allow_failure")
        if ("script" in job.keys or rules) and not manual and not by_rules:
            yield look.finding(
                job, job.at("rules"), "the gate runs by itself: nobody is asked",
                "add when: manual and allow_failure: false",
            )  # fmt: skip
        if manual and not rules and lets is not False and "allow_failure" not in job.keys:
            yield look.finding(
                job, job.at("when"), "a manual job without allow_failure: false does not stop what comes after it",
                "add allow_failure: false beside when: manual",
            )  # fmt: skip
        elif lets not in (None, False) and not _codes_only(lets):
            yield look.finding(
                job, job.at("allow_failure"), "a gate that may fail lets the pipeline go on without an answer",
                "write allow_failure: false",
            )  # fmt: skip
        for index, rule in rules:
            if rule.get("allow_failure") not in (None, False):
                yield look.finding(
                    job, job.at("rules", index, "allow_failure"), "this rule lets the pipeline go on without an answer",
                    "write allow_failure: false in the rule",
                )  # fmt: skip
            if rule.get("when", "on_success") in {"on_success", "always", "delayed"} and (by_rules or manual):
                yield look.finding(
                    job, job.at("rules", index), "by this rule the gate runs by itself: nobody is asked",
                    "add when: manual and allow_failure: false to the rule",
                )  # fmt: skip


def _codes_only(value: object) -> bool:
    return isinstance(value, Mapping) and "exit_codes" in value


def _deploys(look: _Look) -> Iterator[Finding]:
    """What deploys starts from the gate, and only when it was passed."""
    for job in look.of("deploy"):
        gates = _its_gates(look, job)
        write = f"write needs: [{', '.join(gates)}]"
        inherited = look.file.includes and "script" not in job.keys
        if "needs" not in job.keys:
            if not inherited:
                sentence = "deploys without needs on the gate: a gate that is skipped does not stop it"
                yield look.finding(job, job.line, sentence, write)
        elif not _listed(job.keys["needs"]):
            sentence = "needs: [] starts it at once, around the gate"
            yield look.finding(job, job.at("needs"), sentence, write)
        else:
            yield from _needs(look, job, gates, write)
        rules = _listed(job.keys.get("rules"))
        whens = [(("when",), job.keys)] + [(("rules", index, "when"), rule) for index, rule in enumerate(rules)]
        for place, each in whens:
            if isinstance(each, Mapping) and each.get("when") in {"always", "on_failure"}:
                sentence = f"when: {each['when']} deploys also when the gate failed"
                yield look.finding(job, job.at(*place), sentence, "remove the key, or write when: on_success")


def _its_gates(look: _Look, deploy: CIJob) -> list[str]:
    """Return the gates before a deploy: of several models in a file those with its prefix, else all there are."""
    every = [job.name for job in look.of("approve")]
    prefix = _prefix(deploy.name, "deploy")
    own = [name for name in every if prefix is not None and _prefix(name, "approve") in {None, prefix}]
    return own or every or ["approve"]


def _prefix(name: str, role: str) -> str | None:
    """Return what stands before the role in a name, None where the name does not have it."""
    before, found, _ = name.partition(role)
    return before if found else None


def _needs(look: _Look, job: CIJob, gates: Sequence[str], write: str) -> Iterator[Finding]:
    named = {_needed(each): (index, each) for index, each in enumerate(_listed(job.keys["needs"]))}
    reached = _reached(look.file, set(named))
    missing = [gate for gate in gates if gate not in reached]
    if missing:
        sentence = f"its needs lead to no gate: {', '.join(missing)} may still wait while it deploys"
        yield look.finding(job, job.at("needs"), sentence, write)
    for name, (index, each) in named.items():
        if name in gates and isinstance(each, Mapping) and each.get("optional"):
            sentence = f"optional: true deploys in pipelines that have no {name}"
            yield look.finding(job, job.at("needs", index, "optional"), sentence, "remove optional")


def _reached(file: PipelineFile, names: set[str]) -> set[str]:
    seen: set[str] = set()
    while names:
        seen |= names
        more = (_listed(file.jobs[name].keys.get("needs")) for name in names if name in file.jobs)
        names = {_needed(each) for needs in more for each in needs} - seen
    return seen


def _needed(value: object) -> str:
    return str(value.get("job", "")) if isinstance(value, Mapping) else str(value)


def _pasted(look: _Look) -> Iterator[Finding]:
    """GitLab pastes inputs as text: ``; rm -rf /`` in one is a command."""
    for job in look.file.jobs.values():
        for text, line in job.commands():
            for found in PASTED.finditer(text):
                name = found["name"]
                variable = name.upper().replace("-", "_")
                yield look.finding(
                    job, line, f"the input {name} is pasted into the script: what it holds is run",
                    f'write variables: {{{variable}: "{found.group()}"}} and use "${variable}" in the script',
                )  # fmt: skip


def _caches(look: _Look) -> Iterator[Finding]:
    """A cache is written by jobs that run authors' code."""
    default = look.file.top.get("default")
    for job in look.of(*PRIVILEGED):
        inherited = default.get("cache") if isinstance(default, Mapping) else None
        inherited = inherited or look.file.top.get("cache")
        if "cache" in job.keys:
            if job.keys["cache"]:
                sentence = "a cache brings files into a privileged job that jobs with authors' code may have written"
                yield look.finding(job, job.at("cache"), sentence, "write cache: []")
        elif inherited and "script" in job.keys:
            sentence = "it inherits the pipeline's cache, which jobs with authors' code may write"
            yield look.finding(job, job.line, sentence, "add cache: [] to this job")


def _dotenvs(look: _Look) -> Iterator[Finding]:
    """Variables from a dotenv file outrank the job's own environment."""
    for job in look.of(*PRIVILEGED):
        if _dotenv(job):
            sentence = "reports: dotenv in a privileged job hands variables on that others rely on"
            yield look.finding(job, job.at("artifacts", "reports", "dotenv"), sentence, "remove reports: dotenv")
        for index, each in enumerate(_listed(job.keys.get("needs"))):
            other = look.file.jobs.get(_needed(each))
            takes = not (isinstance(each, Mapping) and each.get("artifacts") is False)
            if other is not None and takes and _dotenv(other) and other.name not in look.roles:
                sentence = f"the dotenv file of {other.name} sets variables in this privileged job"
                hint = f"remove it from {other.name}, or write needs: [{{job: {other.name}, artifacts: false}}]"
                yield look.finding(job, job.at("needs", index), sentence, hint)


def _scripts(look: _Look) -> Iterator[Finding]:
    """What a file adds to an included job that holds keys runs with them."""
    for job in look.of(*PRIVILEGED):
        if "script" not in job.keys and look.file.includes:
            for key in ("before_script", "after_script", "hooks"):
                if job.keys.get(key):
                    sentence = f"{key} runs commands of this file in a job that holds keys"
                    yield look.finding(
                        job, job.at(key), sentence, f"remove {key}: put the commands into a job of your own"
                    )


def _artifacts(look: _Look) -> Iterator[Finding]:
    """With a job's artifacts come the variables of any dotenv report that it uploads, declared or not."""
    for job in look.of("approve", "reject", "deploy"):
        for index, each in enumerate(_listed(job.keys.get("needs"))):
            name = _needed(each)
            takes = not (isinstance(each, Mapping) and each.get("artifacts") is False)
            if takes and _runs_authors_code(look, name):
                sentence = (
                    f"with the artifacts of {name} the authors' code in it can set variables in this privileged job"
                )
                hint = f"write needs: [{{job: {name}, artifacts: false}}], and --records {name} in the script"
                yield look.finding(job, job.at("needs", index), sentence, hint)


def _runs_authors_code(look: _Look, name: str) -> bool:
    """Say so of the stages that do, by command; of a job of another file, by the component's names."""
    job = look.file.jobs.get(name)
    if job is not None and "script" in job.keys:
        return any(OPEN_COMMAND.search(text) for text, _ in job.commands())
    return name.rpartition("-")[2] in OPEN


def _dotenv(job: CIJob) -> bool:
    place: Any = job.keys
    for part in ("artifacts", "reports", "dotenv"):
        place = place.get(part) if isinstance(place, Mapping) else None
    return bool(place)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
