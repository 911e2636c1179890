"""What ``api/json`` shows: Jenkins' objects, cut by ``depth`` or by ``tree``.

Stapler's rule: a property of visibility v is shown where v is above the depth it stands at, counted down by ``depth``.
Only what a client can fall into is modelled (section 3): `userId` of an ApproverAction (visibility 1, so absent at
depth 0), and the executions of an InputAction (shown from depth 2 on). With ``tree`` everything named is shown.
"""

import re
from dataclasses import dataclass
from typing import Any

from doubles.jenkins_world import INPUT, Build, Input, Job, Parameter, Pending, Queued, User

Tree = dict[str, "Tree"]
TOKEN = re.compile(r"[\w$]+|[\[\],]|\{\d*,\d*\}")


@dataclass(frozen=True)
class From:
    """A value that is shown from a depth on."""

    depth: int
    value: Any


def parse(text: str) -> Tree:
    """Read ``a,b[c,d]{0,5}``; ranges are read over: no client of ours relies on where they end."""
    tokens = [each for each in TOKEN.findall(text) if not each.startswith("{")]
    tree, _ = _parse(tokens, 0)
    return tree


def _parse(tokens: list[str], at: int) -> tuple[Tree, int]:
    tree: Tree = {}
    last = ""
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == "]":
            break
        if token == "[":
            tree[last], at = _parse(tokens, at)
        elif token != ",":
            last = token
            tree[last] = {}
    return tree, at


def shown(value: Any, *, depth: int = 0, tree: Tree | None = None) -> Any:
    """Return what a client sees of an object."""
    if isinstance(value, From):
        return shown(value.value, depth=depth, tree=tree)
    if isinstance(value, list):
        return [shown(each, depth=depth, tree=tree) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, part in value.items():
        if tree is not None and name not in tree and name != "_class":
            continue
        if tree is None and isinstance(part, From) and part.depth > depth:
            continue
        # A branch of a tree without brackets of its own is shown with what has visibility 2, i.e. as at depth 0.
        below = None if tree is None else tree.get(name) or None
        found[name] = shown(part, depth=depth if tree is None else 0, tree=below)
    return found


def build(what: Build, url: str, *, loading: bool = False) -> dict[str, Any]:
    """Return a WorkflowRun."""
    place = f"{url}/{what.path}"
    return {
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun",
        "actions": actions(what, [] if loading else what.pending),
        "artifacts": [
            {"displayPath": name, "fileName": name.rpartition("/")[2], "relativePath": name} for name in what.artifacts
        ],
        "building": what.building, "inProgress": what.building, "description": what.description,
        "displayName": f"#{what.number}", "fullDisplayName": f"{what.job.name} #{what.number}", "id": str(what.number),
        "number": what.number, "queueId": what.queue_id, "result": what.result, "url": place,
        "timestamp": int(what.started.timestamp() * 1000),
    }  # fmt: skip


def actions(what: Build, waiting: list[Pending]) -> list[dict[str, Any]]:
    """Return its actions, among them empty ones, as Jenkins shows those that export nothing."""
    found: list[dict[str, Any]] = [{"_class": "hudson.model.CauseAction", "causes": list(what.causes)}]
    if what.parameters:
        given = [{"name": name, "value": value} for name, value in what.parameters.items()]
        found.append({"_class": "hudson.model.ParametersAction", "parameters": given})
    for remote, commit in what.revisions:
        revision = {"SHA1": commit, "branch": [{"SHA1": commit, "name": "refs/remotes/origin/main"}]}
        found.append({
            "_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": revision, "remoteUrls": [remote],
            "scmName": "",
        })  # fmt: skip
    found.append({})
    if what.asked:
        found.append({
            "_class": f"{INPUT}InputAction", "waitingForInput": bool(waiting),
            "executions": From(2, [_execution(each.input) for each in waiting]),
        })  # fmt: skip
    found += [{"_class": f"{INPUT}ApproverAction", "userId": From(1, user)} for user in what.approvers]
    if what.interruptions and not what.building:
        found.append({"_class": "jenkins.model.InterruptedBuildAction", "causes": list(what.interruptions)})
    return [*found, {"_class": "org.jenkinsci.plugins.displayurlapi.actions.RunDisplayAction"}]


def _execution(what: Input) -> dict[str, Any]:
    return {
        "_class": f"{INPUT}InputStepExecution", "id": what.id, "displayName": _cut(what.message), "settled": False,
        "input": {
            "_class": f"{INPUT}InputStep", "id": what.id, "message": what.message, "ok": what.ok, "cancel": "Abort",
            "submitter": what.submitter, "submitterParameter": what.submitter_parameter,
            "parameters": [parameter(each) for each in what.parameters],
        },
    }  # fmt: skip


def _cut(message: str) -> str:
    return message if len(message) < 32 else message[:32] + "..."


def parameter(what: Parameter) -> dict[str, Any]:
    """Return a parameter's definition."""
    found: dict[str, Any] = {"_class": f"hudson.model.{what.type}", "name": what.name, "type": what.type}
    return found | ({"choices": list(what.choices)} if what.choices else {})


def job(what: Job, url: str) -> dict[str, Any]:
    """Return a WorkflowJob."""
    place = f"{url}/{what.path}"
    declared = [parameter(each) for each in what.parameters]
    definitions = {"_class": "hudson.model.ParametersDefinitionProperty", "parameterDefinitions": declared}
    return {
        "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "name": what.name.rpartition("/")[2],
        "fullName": what.name, "url": place, "buildable": what.buildable, "inQueue": False,
        "nextBuildNumber": len(what.builds) + 1,
        "builds": [
            {"number": each.number, "url": f"{url}/{each.path}", "queueId": From(1, each.queue_id)}
            for each in reversed(what.builds)
        ],
        "property": [{"_class": "jenkins.model.BuildDiscarderProperty"}, *([definitions] if declared else [])],
    }  # fmt: skip


def queued(what: Queued, url: str) -> dict[str, Any]:
    """Return an item of the queue; `executable` is missing until it left."""
    found: dict[str, Any] = {
        "_class": "hudson.model.Queue$LeftItem" if what.build else "hudson.model.Queue$WaitingItem", "id": what.id,
        "why": None if what.build else what.why, "cancelled": what.cancelled,
        "task": {"name": what.job.name, "url": f"{url}/{what.job.path}"},
    }  # fmt: skip
    if what.build is not None:
        found["executable"] = {"number": what.build.number, "url": f"{url}/{what.build.path}"}
    return found


def user(what: User, url: str) -> dict[str, Any]:
    """Return an account; `property`, with the mail address, is for administrators only (User.getAllProperties)."""
    return {
        "_class": "hudson.model.User", "absoluteUrl": f"{url}/user/{what.id.casefold()}", "description": None,
        "fullName": what.full_name, "id": what.id, "property": [],
    }  # fmt: skip
