"""What gate and deploy read of the jobs before: files by name, and never by `needs`, which brings variables along."""

import io
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import cast

import pytest
from doubles.gitlab_scene import Scene
from doubles.gitlab_world import Job as Ran

from ci_lib.chain import FILES
from ci_lib.ci.gitlab import records
from ci_lib.ci.local import Local
from ci_lib.ci.port import CI
from ci_lib.errors import BadInput, Refused
from ci_lib.job import Job

MADE = {f"release/{name}": name.encode() for name in FILES}


def asking(ci: CI, top: Path, name: str = "report", chain: str = "release") -> Job:
    """Return as much of a job as is asked for."""
    found = Namespace(args=Namespace(records=name), ci=ci, chain=top / chain, project=top / "clone",
                      env={"CI_PROJECT_DIR": str(top)})  # fmt: skip
    return cast("Job", found)


def at_the_gate(scene: Scene, made: dict[str, bytes], status: str = "success") -> Ran:
    pipeline = scene.at_the_gate()
    pipeline.job("report").artifacts = made
    gate = scene.played(pipeline)
    pipeline.job("report").status = status
    return gate


def written(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("way", ["job token", "read token"])
def test_records_are_read_and_nothing_else_of_the_archive(scene: Scene, tmp_path: Path, way: str) -> None:
    more = {
        "release/production/approvals/1.json": b"{}",
        "release/report/x.so": b"",
        "sitecustomize.py": b"",
        "../a": b"",
    }
    gate = at_the_gate(scene, MADE | more)
    scene.server.world.job_tokens_read_jobs = way == "job token"
    env = scene.server.env(gate, ML_RELEASE_GITLAB_TOKEN="read")
    if way == "read token":
        del env["CI_JOB_TOKEN"]
        env["ML_RELEASE_ID_TOKEN"] = scene.server.id_token(gate)
    top = tmp_path / "builds"
    records.fetch(asking(scene.adapter(gate, env), top))
    assert written(top) == MADE


def test_another_models_records_are_in_a_folder_of_their_own(scene: Scene, tmp_path: Path) -> None:
    gate = at_the_gate(scene, MADE | {f"models/fraud/{name}": b"fraud" for name in MADE})
    records.fetch(asking(scene.adapter(gate), tmp_path / "b", chain="models/fraud/release"))
    assert set(written(tmp_path / "b/models/fraud/release").values()) == {b"fraud"}


def test_what_is_missing_stays_missing(scene: Scene, tmp_path: Path) -> None:
    gate = at_the_gate(scene, {"release/dataset.json": b"{}"})
    records.fetch(asking(scene.adapter(gate), tmp_path / "b"))
    assert written(tmp_path / "b") == {"release/dataset.json": b"{}"}


@pytest.mark.parametrize(("name", "status", "sentence"), [
    ("reprt", "success", "has no job 'reprt'"),
    ("report", "running", "the job 'report' is running"),
    ("report", "failed", "the job 'report' is failed"),
])  # fmt: skip
def test_only_a_job_that_succeeded_has_records(
    scene: Scene, tmp_path: Path, name: str, status: str, sentence: str
) -> None:
    gate = at_the_gate(scene, MADE, status)
    with pytest.raises(Refused, match=sentence):
        records.fetch(asking(scene.adapter(gate), tmp_path / "b", name))
    assert not (tmp_path / "b").exists()


def test_artifacts_that_are_gone_are_named(scene: Scene, tmp_path: Path) -> None:
    gate = at_the_gate(scene, {})
    with pytest.raises(Refused, match=r"no token may read the artifacts of 'report', http.*the job token: 404"):
        records.fetch(asking(scene.adapter(gate), tmp_path / "b"))


def test_where_no_gitlab_is_known_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no GitLab is known"):
        records.fetch(asking(Local(tmp_path, {}), tmp_path))


def test_records_lie_below_the_directory_where_artifacts_begin(scene: Scene, tmp_path: Path) -> None:
    gate = at_the_gate(scene, MADE)
    with pytest.raises(BadInput, match="where artifacts begin"):
        records.fetch(asking(scene.adapter(gate), tmp_path / "b", chain="../release"))


def packed(name: str, data: bytes, attributes: int = 0) -> bytes:
    with zipfile.ZipFile(made := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as file:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = attributes, zipfile.ZIP_DEFLATED
        file.writestr(info, data)
    return made.getvalue()


def test_a_symbolic_link_is_the_text_of_its_target(tmp_path: Path) -> None:
    link = packed("release/dataset.json", b"/etc/passwd", 0o120777 << 16)
    records.unpack(link, "release", tmp_path, "report")
    assert not (tmp_path / "dataset.json").is_symlink()
    assert (tmp_path / "dataset.json").read_bytes() == b"/etc/passwd"


@pytest.mark.parametrize(("data", "sentence"), [
    (b"PK no archive", "cannot be unpacked"),
    (packed("release/dataset.json", b"\0" * (records.LARGEST + 1)), "more than 67,108,864 bytes"),
    (packed("release/dataset.json", b"x" * 1000)[:60] + b"\xff" + packed("release/dataset.json", b"x" * 1000)[61:],
     "cannot be unpacked"),
])  # fmt: skip
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        records.unpack(data, "release", tmp_path, "report")
    assert list(tmp_path.iterdir()) == []
