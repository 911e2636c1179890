"""Models that attack: no privileged job opens them, and validate refuses them before they are loaded.

The canary is a file that an attack makes when it works. Jobs run in this process, children are real.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy, monitor, rollback
from doubles.malicious import ATTACKS, Attack, env_files, loader_module, pickled, pyfunc_only, startup_files
from doubles.project import Project, binary
from doubles.small_chain import CONFIG, World, chain, config, decide
from sklearn.linear_model import LogisticRegression
from torture.sizes import size

from ci_lib import audit, champion, history, mlmodel, resolve, saving, status
from ci_lib.config import Train
from ci_lib.errors import BadInput, ReleaseError
from ci_lib.evidence import Champion
from ci_lib.formats import Formats
from ci_lib.manifest import scan
from ci_lib.probe.load import FormatError, load
from ci_lib.probe.request import Request
from ci_lib.production import open_production
from ci_lib.registry import Registry

FEATURES = ["income", "debt", "age"]
NAMES = [attack.name for attack in ATTACKS]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good model's directory."""
    rows = binary()
    into = tmp_path_factory.mktemp("honest") / "model"
    fitted = LogisticRegression().fit(rows[FEATURES], rows["approve"])
    saving.save(fitted, rows[FEATURES], Train(entrypoint="model:build"), Formats(), into)
    return into


@pytest.fixture
def canary() -> Iterator[Path]:
    """Return a path where the attacks leave their mark."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "canary"


@pytest.fixture
def evil(honest: Path, tmp_path: Path, canary: Path) -> Callable[[Attack], Path]:
    """Return what makes the model of an attack."""

    def make(attack: Attack) -> Path:
        model = tmp_path / "evil" / "model"
        shutil.copytree(honest, model)
        attack.do(model, canary)
        return model

    return make


def request(model: Path, **changes: Any) -> Request:
    given = {
        "model": str(model),
        "task": "binary",
        "labels": ("0", "1"),
        "positive": "1",
        "formats": Formats(),
        "out": "x",
    }
    return Request(**given | changes)


BEFORE = [attack for attack in ATTACKS if not attack.loads]


@pytest.mark.parametrize("attack", BEFORE, ids=[attack.name for attack in BEFORE])
def test_what_is_refused_is_refused_before_it_is_loaded(
    evil: Callable[[Attack], Path], canary: Path, attack: Attack
) -> None:
    """In this very process: the refusal must come before anything could run."""
    model = evil(attack)
    if attack.refused is None:
        assert load(request(model))(binary()[FEATURES]).shape == (500,)
    else:
        with pytest.raises((FormatError, ReleaseError), match=attack.refused):
            taken(model)
    assert not canary.exists()


def taken(model: Path) -> None:
    """Do to a model what adopt and validate do to it, one after the other."""
    scan(model)
    refuse_other_id(model)
    load(request(model))


def refuse_other_id(model: Path) -> None:
    """Look the model's own id up as adopt would."""
    found = mlmodel.read(model).model_id
    if found is not None and not found.removeprefix("m-").isalnum():
        message = "is no model address"
        raise BadInput(message)


def test_the_attacks_work_where_nothing_stops_them(evil: Callable[[Attack], Path], canary: Path) -> None:
    """Otherwise the canary would say nothing."""
    import mlflow  # noqa: PLC0415 -- two seconds that only this test needs
    import mlflow.pyfunc  # noqa: PLC0415 -- slow, and for this test alone

    model = evil(Attack(name="pyfunc", do=pyfunc_only))
    with pytest.raises(Exception, match=r".") as caught:
        mlflow.pyfunc.load_model(str(model))
    assert caught.value
    assert canary.exists()


# ---- adopt and validate


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Project:
    """A project whose rows are prepared."""
    project = Project(tmp_path_factory.mktemp("prepared"), migrated)
    project.must("prepare")
    return project


def uploaded(project: Project, model: Path) -> str:
    """Bring a model to MLflow byte by byte, links included: whoever writes to the artifact store can do so."""
    registry = Registry("sqlite:///mlflow.db", project.root)
    logged = registry.upload_model(registry.experiment("loan"), model)
    for path in model.rglob("*"):
        if path.is_symlink():
            for stored in (project.root / "mlartifacts").rglob(f"{logged.model_id}/**/{path.name}"):
                stored.unlink()
                stored.symlink_to(path.readlink())
    return logged.uri


@pytest.mark.parametrize("attack", ATTACKS[:: size(8, 1)], ids=NAMES[:: size(8, 1)])
def test_adopt_and_validate_say_why_and_run_nothing(
    prepared: Project,
    tmp_path: Path,
    evil: Callable[[Attack], Path],
    canary: Path,
    attack: Attack,
    figure: Callable[..., None],
) -> None:
    project = prepared.copied(tmp_path)
    project.env["ML_RELEASE_MODEL_MEMORY_MB"] = "1500"
    uri = uploaded(project, evil(attack))
    ran = project.run("adopt", "--model-uri", uri)
    assert not canary.exists()
    if ran.code == 0:
        ran = project.run("validate")
        assert not canary.exists()
    if attack.refused is None:
        assert ran.code in {0, 10, 11}, ran.err
        assert (project.root / "release" / "evidence.json").is_file()
    else:
        assert ran.code in {2, 3}, ran.out
        assert "Traceback" not in ran.err
        assert re.search(attack.refused, ran.err), ran.err
        assert not (project.root / "release" / "evidence.json").exists()
    figure("malicious models, adopt and validate", "{} models, canary never touched", 1)


# ---- privileged jobs


def everything(model: Path, canary: Path) -> None:
    """Put all that may lie in one directory into it."""
    env_files(model, canary)
    startup_files(model, canary)
    loader_module(model, canary)
    (model / "model.pkl").write_bytes(pickled(canary))


UPLOADS = (
    Attack(name="everything at once", do=everything),
    *(attack for attack in ATTACKS if attack.name not in {"symbolic link", "colliding names"}),
)[: size(1, len(ATTACKS))]


def released(world: World, model: Path) -> None:
    """Deploy a model whose reviewer was deceived: every record says that it is fine."""
    uri = world.registry.upload_model(world.registry.experiment("training"), model).uri
    head = compared(world)
    made = chain(scan(model), model_uri=uri, champion=head, policy=world.config.policy)
    world.write(made)
    world.approve(made)
    assert deploy.main(world.job(), decide=decide) == 0


def compared(world: World) -> Champion | None:
    head = open_production(world.job()).ledger.head()
    return champion.compared(head) if head else None


@pytest.mark.parametrize("attack", UPLOADS, ids=[attack.name for attack in UPLOADS])
def test_no_privileged_job_opens_a_model(
    world: World,
    honest: Path,
    evil: Callable[[Attack], Path],
    canary: Path,
    attack: Attack,
    figure: Callable[..., None],
) -> None:
    model = evil(attack)
    released(world, model)
    released(world, honest)
    assert rollback.main(world.job(reason="back to the evil one")) == 0
    target = world.project / "fetched"
    assert resolve.main(world.job(download=target)) == 0
    assert audit.main(world.job()) == 0
    assert status.main(world.job()) == 0
    assert history.main(world.job()) == 0
    assert scan(model) == scan(target)
    assert not canary.exists()
    figure(
        "malicious models, privileged jobs", "{} models deployed, rolled back and downloaded, canary never touched", 1
    )


PICKLE = next(attack for attack in ATTACKS if attack.name == "pickle")


@pytest.mark.parametrize(
    ("serialization", "sentence"),
    [
        (["skops"], r"stored with cloudpickle, and policy\.formats\.serialization allows skops"),
        (["skops", "cloudpickle"], r"the model does not load: PermissionError: .* a model sees its own files"),
    ],
)
def test_monitor_loads_what_the_policy_allows_and_in_the_child_only(
    world: World, evil: Callable[[Attack], Path], canary: Path, serialization: list[str], sentence: str
) -> None:
    world.config = config(policy={**CONFIG["policy"], "formats": {"serialization": serialization}})  # type: ignore[dict-item] # a mapping
    released(world, evil(PICKLE))
    with pytest.raises(ReleaseError, match=sentence):
        monitor.main(world.job(batch=None))
    assert not canary.exists()
