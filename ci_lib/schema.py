"""The JSON Schema of release.yml (draft 2020-12), so that editors complete it and name mistakes while typing.

Made from the models of `config`; their attribute docstrings become the descriptions. They are read here, from the
source, and not by pydantic's `use_attribute_docstrings`: that would parse the source of every record at every start.
"""

import ast
import inspect
import json
from typing import Any

from ci_lib import config, formats, trusted, vouching
from ci_lib.measure.catalogue import CATALOGUE

ID = "urn:ml-release:release.yml:1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
DURATION = {"type": "string", "pattern": r"^[1-9][0-9]* (minute|hour|day|week)s?$", "examples": ["7 days"]}
LIMITS = ("at_least", "at_most", "within", "versus")


def json_schema() -> dict[str, Any]:
    """Return the schema: every key, its type, default and meaning; metric names as an enum."""
    made = config.Config.model_json_schema()
    definitions = made["$defs"]
    _describe({"Config": made, **definitions})
    rule = definitions["Rule"]
    rule["properties"]["metric"] |= {"enum": sorted(CATALOGUE)}
    names = rule["properties"]["by"] | {"uniqueItems": True}
    rule["properties"]["by"] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": names["items"], "uniqueItems": True}],
        "description": names["description"],
        "title": names["title"],
    }
    rule["oneOf"] = [{"required": [limit]} for limit in LIMITS]
    for name in ("valid_for", "waiver_for"):
        _in_words(name, definitions["ApprovalPolicy"]["properties"][name])
    for name in ("approvers", "required"):
        definitions["ApprovalPolicy"]["properties"][name]["anyOf"][1]["additionalProperties"] = False  # roles
    made["properties"]["environments"]["additionalProperties"] = False
    for model in (made, *definitions.values()):
        for each in model["properties"].values():
            if isinstance(each.get("default"), dict):
                each.pop("default")  # every field below says its own
    return {"$schema": DIALECT, "$id": ID, **made, "title": "release.yml"}


def text() -> str:
    """Return the schema as the command prints it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _in_words(name: str, duration: dict[str, Any]) -> None:
    """Pydantic thinks of ISO 8601 (``P7D``); release.yml says ``7 days``."""
    default = config.ApprovalPolicy().model_dump()[name]
    duration.pop("format", None)
    duration.update(DURATION, default=default)


def _describe(models: dict[str, dict[str, Any]]) -> None:
    """Put the docstring below each attribute into the schema of its property."""
    for node in (
        node for module in (config, formats, trusted, vouching) for node in ast.parse(inspect.getsource(module)).body
    ):
        if isinstance(node, ast.ClassDef) and node.name in models:
            for name, words in _docstrings(node).items():
                models[node.name]["properties"][name]["description"] = words


def _docstrings(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for attribute, below in zip(node.body, node.body[1:], strict=False):
        if not isinstance(attribute, ast.AnnAssign) or not isinstance(attribute.target, ast.Name):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[attribute.target.id] = inspect.cleandoc(below.value.value)
    return found
