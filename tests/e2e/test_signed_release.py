"""A release whose approvals are signed, and what happens to those that are not."""

from pathlib import Path

import pytest
from doubles.project import Project


@pytest.fixture
def keyed(project: Project) -> Project:
    """A project whose policy trusts one key, which this machine has."""
    said = project.must("keys", "new", str(project.root / "gate.pem")).out
    public = next(word for word in said.split() if word.startswith("ed25519:"))
    assert project.must("keys", "show", str(project.root / "gate.pem")).out.split()[0] == public
    project.change(policy__approval__keys=[{"name": "gate", "public": public}])
    project.env["ML_RELEASE_SIGNING_KEY"] = str(project.root / "gate.pem")
    return project


def test_a_signed_approval_opens_the_gate(keyed: Project) -> None:
    keyed.deployed()
    keyed.must("audit")
    assert "approved by ben" in keyed.must("status").out


def test_without_the_key_nobody_can_approve(keyed: Project) -> None:
    keyed.to_the_gate()
    del keyed.env["ML_RELEASE_SIGNING_KEY"]
    assert "signed by none of the policy's keys" in keyed.must(*_approve(), code=3).err


def test_another_key_does_not_open_the_gate(keyed: Project, tmp_path: Path) -> None:
    keyed.to_the_gate()
    keyed.must("keys", "new", str(tmp_path / "other.pem"))
    keyed.env["ML_RELEASE_SIGNING_KEY"] = str(tmp_path / "other.pem")
    assert "signed by none of the policy's keys" in keyed.must(*_approve(), code=3).err


def test_a_signature_that_is_taken_off_is_noticed_by_deploy(keyed: Project) -> None:
    keyed.to_the_gate()
    keyed.approve()
    (path,) = (keyed.root / "release" / "production" / "approvals").glob("*.json")
    from ci_lib.signed import Signed, seal  # noqa: PLC0415 -- for this test alone

    seal(Signed.read(path).approval, None).write(path)
    assert "signed by none of the policy's keys" in keyed.must("deploy", code=3).err


def _approve() -> tuple[str, ...]:
    return ("approve", "--as", "ben", "--reason", "read it")
