"""The published JSON Schema says what `reading` enforces, as far as a schema can."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ci_lib.document import parse
from ci_lib.schema import json_schema, text

EXAMPLE = """\
model: loan-approval
task: binary
data:
  source: data/loans.parquet
  target: approve
  drop: [action, reject, typur]
  split: {holdout: 0.4, seed: 7}
  sensitive: [black, hispan, male, married]
train: {entrypoint: model:build, params: {C: 0.3}}
policy:
  rules:
    - {metric: roc_auc, at_least: 0.70}
    - {metric: roc_auc, versus: champion, margin: 0.02}
    - {metric: impact_ratio, by: black, at_least: 0.80}
  approval: {approvers: [ana, ben], valid_for: 7 days}
environments:
  production: {registry: "http://mlflow-prod:5000", alias: champion}
"""


def errors(document: str) -> list[str]:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return [error.message for error in Draft202012Validator(schema).iter_errors(parse(document).value)]


def test_the_example_is_valid() -> None:
    assert errors(EXAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("task: binary", "task: bniary"),
        ("target: approve", "taget: approve"),
        ("holdout: 0.4", "holdout: 2"),
        ("metric: roc_auc, at", "metric: roc_acu, at"),
        ("at_least: 0.70", "at_most: 0.9, at_least: 0.7"),
        (", at_least: 0.70", ""),
        ("7 days", "P7D"),
        ("by: black", "by: [black, black]"),
        ("alias: champion", "alias: Champion"),
        ("production:", "pro duction:"),
    ],
)
def test_a_mistake_is_not_valid(old: str, new: str) -> None:
    assert EXAMPLE.count(old) == 1
    assert errors(EXAMPLE.replace(old, new)) != []


def test_what_a_field_means_is_said_in_its_description() -> None:
    schema = json_schema()
    assert "absolute value" in schema["$defs"]["Rule"]["properties"]["within"]["description"]
    assert "score at or above" in schema["properties"]["threshold"]["description"]


def test_no_default_is_in_iso_8601() -> None:
    assert "P7D" not in text()


def test_the_committed_schema_is_current() -> None:
    committed = Path(__file__).parents[1] / "docs" / "release.schema.json"
    assert committed.read_text(encoding="utf-8") == text(), "run: ml-release schema > docs/release.schema.json"
    assert json.loads(text())["$schema"] == "https://json-schema.org/draft/2020-12/schema"
