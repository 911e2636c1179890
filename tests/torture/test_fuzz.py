"""Wrong input by the thousand: a sentence with file and line, never a traceback, and NaN is never a limit."""

import base64
import io
import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from doubles.fuzz import Grower, bytes_turned, seeded, written
from doubles.project import RELEASE, Project
from ruamel.yaml import YAML
from torture.sizes import size

from ci_lib import chain, checks, cli, keys, reading
from ci_lib.config import Config
from ci_lib.decision import decide
from ci_lib.errors import BadInput, Refused
from ci_lib.record import canonical
from ci_lib.text import printable

STARTERS = sorted((Path(__file__).parents[2] / "templates" / "starter").glob("*/release.yml"))
FULL_GOOD: dict[str, Any] = {
    **RELEASE,
    "threshold": 0.4,
    "train": {"entrypoint": "model:build", "params": {"C": 1.0}, "seed": 3, "serialization": "skops"},
    "monitor": {"rules": [{"metric": "roc_auc", "at_least": 0.6}]},
    "environments": {
        "staging": {"approval": "automatic", "alias": "next"},
        "production": {"registry": "http://127.0.0.1:9", "name": "loan"},
    },
}
WITH_ROLES: dict[str, Any] = {
    **FULL_GOOD,
    "policy": {
        "rules": [
            {"metric": "roc_auc", "at_least": 0.7, "on_breach": "review"},
            {"metric": "impact_ratio", "by": ["group"], "at_least": 0.8},
        ],
        "approval": {
            "approvers": {"science": ["ana", "cleo"], "risk": ["ben"]},
            "required": {"science": 1, "risk": 1},
            "keys": [{"name": "gate", "public": f"ed25519:{'A' * 43}=", "not_after": "2027-06-30T00:00:00Z"}],
            "waivable": ["roc_auc", "impact_ratio:group=a"],
            "waiver_for": "10 days",
        },
        "formats": {"serialization": ["skops"], "types": ["scikit-learn"]},
    },
}
"""What a plain policy leaves out."""
Say = Callable[..., None]

ABOUT_ALL = re.compile(r"(is empty|at top level, not a mapping of keys|larger than 1 MiB)")
"""What is wrong with a whole file is in no line."""
LONGEST = 60_000
"""Characters of a message: at most 50 problems, each with a value that is cut."""


@pytest.mark.parametrize("good", [FULL_GOOD, WITH_ROLES], ids=["plain", "roles"])
def test_what_is_grown_from_is_good(tmp_path: Path, good: dict[str, Any]) -> None:
    """Or everything would be refused for one and the same reason."""
    (tmp_path / "release.yml").write_text(written(good))
    assert outcome(tmp_path / "release.yml") == "ok"


def outcome(path: Path) -> str:
    """Read a release.yml; say ``ok`` or ``refused``, having looked at what was said."""
    try:
        config = reading.load(path)
    except BadInput as error:
        look(error, path)
        return "refused"
    finite(config)
    return "ok"


def look(error: BadInput, path: Path) -> None:
    """Hold that a message names file and line, says what to type, and can be shown."""
    for line in error.what.splitlines():
        assert re.match(rf"{re.escape(str(path))}:\d+|and \d+ more", line) or ABOUT_ALL.search(line), line[:300]
    assert error.hint
    assert len(str(error)) < LONGEST
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", printable(str(error)))


def finite(config: Config) -> None:
    """Hold that no number of a config that was let through is NaN or infinite: it would decide nothing."""
    for number in numbers(config.model_dump()):
        assert math.isfinite(number)


def numbers(tree: object) -> Iterator[float]:
    if isinstance(tree, float):
        yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else ():
        yield from numbers(each)


def fuzz(texts: Iterator[bytes], path: Path) -> dict[str, int]:
    found = {"ok": 0, "refused": 0}
    for number, text in enumerate(texts):
        path.write_bytes(text)
        try:
            found[outcome(path)] += 1
        except BaseException as error:
            message = f"file {number}: {text[:2_000]!r}"
            raise AssertionError(message) from error
    return found


def test_a_release_yml_grown_from_the_schema_ends_in_a_sentence(tmp_path: Path, figure: Say) -> None:
    growers, count = [Grower(FULL_GOOD), Grower(WITH_ROLES)], size(200, 10_000)
    texts = (growers[seed % 2].document(seeded(seed)).encode("utf-8", "surrogatepass") for seed in range(count))
    found = fuzz(texts, tmp_path / "release.yml")
    assert found["refused"] > count * 0.6, "most of them are wrong"
    assert found["ok"] > 0, "and some are only odd"
    figure("fuzz, structured", f"{count} release.yml, 0 tracebacks")


def test_a_release_yml_whose_bytes_were_turned_ends_in_a_sentence(tmp_path: Path, figure: Say) -> None:
    count, good = size(200, 10_000), [path.read_bytes() for path in STARTERS]
    texts = (bytes_turned(good[seed % len(good)], seeded(seed)) for seed in range(count))
    found = fuzz(texts, tmp_path / "release.yml")
    assert min(found.values()) > count * 0.05, "some of each"
    figure("fuzz, raw", f"{count} release.yml, 0 tracebacks")


def test_the_command_line_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    grower, path = Grower(FULL_GOOD), tmp_path / "release.yml"
    for seed in range(size(40, 400)):
        path.write_text(grower.document(seeded(seed)), encoding="utf-8", errors="surrogatepass")
        out, err = io.StringIO(), io.StringIO()
        code = cli.start(["report", "--config", str(path)], {}, out=out, err=err)  # stops at dataset.json at the latest
        assert code == 2, err.getvalue()
        assert "Traceback" not in err.getvalue()
        assert "\n  next: " in err.getvalue()


NOT_FINITE = [".nan", ".NaN", "-.inf", ".inf", "+.Inf", "1e999", "-1e999"]


@pytest.mark.parametrize("number", NOT_FINITE)
@pytest.mark.parametrize(
    "path",
    [
        "policy.rules[0].at_least", "policy.rules[1].margin", "threshold", "data.split.holdout", "policy.confidence",
        "policy.min_group", "policy.approval.required", "monitor.rules[0].at_least", "data.positive",
        "train.params.C",
    ],
)  # fmt: skip
def test_nan_and_infinity_are_refused_wherever_they_stand(tmp_path: Path, path: str, number: str) -> None:
    file = tmp_path / "release.yml"
    with file.open("w") as out:
        YAML(typ="safe").dump(FULL_GOOD, out)
    reading.load(file)
    with pytest.raises(BadInput, match=r"finite number|must be|not possible"):
        reading.load(file, [f"{path}={number}"])


# ---- records, as deploy reads them


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """A project that could be deployed, with a signed approval: an unsigned one is as good as its file."""
    project = Project(tmp_path_factory.mktemp("approved"), migrated)
    public = keys.new(project.root / "gate.pem")
    project.change(policy__approval__keys=[{"name": "gate", "public": public}])
    project.env["ML_RELEASE_SIGNING_KEY"] = str(project.root / "gate.pem")
    project.to_the_gate()
    project.approve()
    return project


def read(directory: Path, config: Config) -> None:
    """Read and check a chain as deploy does before it touches anything."""
    found = chain.read(directory)
    answers = chain.read_approvals(directory / "production" / "approvals")
    for answer in answers:
        if not answer.signers(config.policy.approval.keys, "approve"):
            message = "signed by none of the policy's keys"
            raise Refused(message)
    checks.check_chain(found, config, decide)


def json_turned(data: bytes, rng: Random) -> bytes:
    """Change one value of a record and write it in canonical form again, as a careful forger would."""
    tree = json.loads(data)
    at, path = tree, []
    while isinstance(at, (dict, list)) and at:
        step = rng.choice(sorted(at)) if isinstance(at, dict) else rng.randrange(len(at))
        path.append((at, step))
        at = at[step]
    place, step = rng.choice(path)
    kind = rng.randrange(4)
    if kind == 0:
        del place[step]
    elif kind == 1 and isinstance(place[step], (int, float)):
        place[step] = place[step] * -1 + rng.choice((0, 1, 1e-9, 10**30))
    else:
        odd = (None, "", 0, -1, True, 1e308, [], {}, "x" * 5_000, "sha256:" + "0" * 64, "\u202e", [[[[]]]], 10**400)
        place[step] = rng.choice(odd)
    return canonical(tree)


def payload_turned(data: bytes, rng: Random) -> bytes:
    """Change the statement inside an envelope."""
    envelope = json.loads(data)
    turn = rng.choice((bytes_turned, json_turned))
    changed = turn(base64.b64decode(envelope["payload"]), rng)
    return canonical({**envelope, "payload": base64.b64encode(changed).decode()})


@pytest.mark.parametrize("name", ["dataset", "candidate", "evidence", "decision", "approval"])
def test_a_record_that_was_turned_is_refused_with_a_sentence(
    approved: Project, tmp_path: Path, figure: Say, name: str
) -> None:
    config = reading.load(approved.root / "release.yml")
    directory = tmp_path / "release"
    shutil.copytree(approved.root / "release", directory)
    read(directory, config)
    (file,) = directory.glob("production/approvals/*.json") if name == "approval" else [directory / f"{name}.json"]
    good, count = file.read_bytes(), size(60, 2_000)
    turns = (bytes_turned, json_turned, *([payload_turned] if name == "approval" else []))
    accepted = 0
    for seed in range(count):
        rng = seeded(seed)
        bad = rng.choice(turns)(good, rng)
        file.write_bytes(bad)
        try:
            read(directory, config)
        except (Refused, BadInput):
            continue
        accepted += bad != good
    assert accepted == 0, "what was turned is not what was signed"
    figure("fuzz, records", "{} turned records into deploy, 0 tracebacks", count)


def test_a_turned_chain_never_reaches_production(approved: Project, tmp_path: Path) -> None:
    project = approved.copied(tmp_path)
    files = [
        *(project.root / "release").glob("*.json"),
        *(project.root / "release").glob("production/approvals/*.json"),
    ]
    for seed in range(size(12, 200)):
        rng = seeded(seed)
        file = rng.choice(sorted(files))
        good = file.read_bytes()
        file.write_bytes(bytes_turned(good, rng))
        if file.read_bytes() != good:
            ran = project.run("deploy")
            assert ran.code in {2, 3}, ran.err
            assert "Traceback" not in ran.err
        file.write_bytes(good)
    assert project.must("history").out.startswith("nothing has been released")
