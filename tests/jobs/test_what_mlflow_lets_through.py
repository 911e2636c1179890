"""We catch what MLflow lets through: each thing is done to a real MLflow first, which does not mind, and then to us."""

import math
from pathlib import Path

import pytest
from ci_lib.jobs import deploy
from doubles.small_chain import World, config, decide
from mlflow import MlflowClient

from ci_lib.audit import audit
from ci_lib.champion import resolve
from ci_lib.config import Rule
from ci_lib.errors import BadInput, Exit, Refused
from ci_lib.findings import judge_rules
from ci_lib.manifest import scan
from ci_lib.measurement import Measurement, Scope
from ci_lib.production import open_production


@pytest.fixture
def client(world: World) -> MlflowClient:
    return MlflowClient(tracking_uri=world.registry.address, registry_uri=world.registry.address)


def released(world: World) -> None:
    world.approve(world.train("A"))
    assert deploy.main(world.job(), decide=decide) == Exit.DONE


def stored(world: World, model_id: str) -> Path:
    return next((world.project / "mlartifacts").rglob(f"{model_id}/artifacts/model.skops"))


def test_we_catch_an_approved_model_whose_files_were_overwritten(world: World) -> None:
    made = world.train("A")
    world.approve(made)
    stored(world, made.candidate.model_uri.removeprefix("models:/")).write_text("EVIL")
    world.registry.download(made.candidate.model_uri, world.project / "mlflow-does-not-mind")
    with pytest.raises(Refused, match=r"no longer what was validated and approved: model.skops was changed"):
        deploy.main(world.job(), decide=decide)


def test_we_catch_a_champion_whose_files_were_overwritten(world: World) -> None:
    released(world)
    head = resolve(open_production(world.job()))
    stored(world, head.model_id).write_text("EVIL")
    world.registry.download("models:/loan@champion", world.project / "mlflow-does-not-mind")
    (problem,) = audit(world.job())
    assert "THE CHAMPION IS NOT WHAT WAS RELEASED" in problem.what
    with pytest.raises(Refused, match="are not those that were released"):
        open_production(world.job()).fetch(head, world.project / "consumer")


def test_we_are_not_misled_by_the_file_that_mlflow_writes_into_a_model_when_it_is_loaded(world: World) -> None:
    _, before = world.saved("A")
    note = world.project / "saved" / "registered_model_meta"
    note.write_text("model_name: loan\nmodel_version: '1'\n")
    assert scan(world.project / "saved") == before
    note.write_text("model_name: loan\nmodel_version: '1'\nloader_module: evil\n")
    assert scan(world.project / "saved") != before


def test_we_take_no_tag_for_an_approval(world: World, client: MlflowClient) -> None:
    """MLflow's copy of a model version takes the tag ``approval=approved`` along to whatever it is copied to."""
    made = world.train("A")
    client.create_registered_model("other")
    files = str(stored(world, made.candidate.model_uri.removeprefix("models:/")).parent)
    version = client.create_model_version("other", files, tags={"approval": "approved"})
    copied = client.copy_model_version(f"models:/other/{version.version}", "elsewhere")
    assert client.get_model_version("elsewhere", copied.version).tags["approval"] == "approved"
    assert deploy.main(world.job(), decide=decide) == Exit.NO_APPROVAL


def test_we_know_one_champion_however_aliases_are_spelled(world: World, client: MlflowClient) -> None:
    """MLflow keeps ``champion`` and ``Champion`` apart."""
    released(world)
    head = resolve(open_production(world.job()))
    client.set_registered_model_alias("loan", "Champion", head.model_version)
    assert resolve(open_production(world.job())) == head
    with pytest.raises(ValueError, match="alias"):
        config(environments={"production": {"alias": "Champion"}})


def test_we_see_a_first_release_by_looking_and_not_by_swallowing_an_error(world: World) -> None:
    """MLflow calls a missing alias INVALID_PARAMETER_VALUE, as it calls much else."""
    assert world.registry.registered("loan", "champion").exists is False
    assert open_production(world.job()).seen() is None
    with pytest.raises(BadInput, match="nothing has been released"):
        resolve(open_production(world.job()))


def test_we_catch_a_registered_model_that_was_made_again_and_counts_from_1(world: World, client: MlflowClient) -> None:
    released(world)
    client.delete_registered_model("loan")
    client.create_registered_model("loan")
    other = world.train("EVIL")
    client.create_model_version("loan", str(stored(world, other.candidate.model_uri.removeprefix("models:/")).parent))
    client.set_registered_model_alias("loan", "champion", "1")
    problems = audit(world.job())
    assert any("is no longer the model of release 1" in problem.what for problem in problems)


def judged(rule: Rule, value: float, **changes: float) -> str:
    of = "candidate - champion" if rule.versus else "candidate"
    found = Measurement(metric=rule.metric, scope=Scope(of=of), value=value, n=500, method="delong", **changes)
    return judge_rules([rule], [found], confidence=0.95, champion="one")[0].outcome


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_we_never_pass_a_number_that_is_none(value: float) -> None:
    """MLflow's validator passes a NaN."""
    with pytest.raises(ValueError, match="finite"):
        judged(Rule(metric="roc_auc", at_least=0.7), value)


def test_we_never_pass_a_comparison_that_was_not_made() -> None:
    """MLflow's validator ends in a bare KeyError."""
    (finding,) = judge_rules([Rule(metric="roc_auc", versus="champion")], [], confidence=0.95, champion="one")
    assert finding.outcome == "inconclusive"


def test_we_do_not_fail_a_number_on_its_limit_for_a_float_s_noise() -> None:
    """MLflow's validator fails 0.85 against 0.80 with a minimal change of 0.05."""
    assert judged(Rule(metric="roc_auc", at_least=0.05), 0.85 - 0.80) == "pass"


def test_we_let_a_policy_say_how_much_worse_is_still_good_enough() -> None:
    """MLflow's validator refuses a negative change: non-inferiority cannot be said."""
    rule = Rule(metric="roc_auc", versus="champion", margin=0.02)
    assert judged(rule, -0.01, low=-0.018, high=-0.002) == "pass"
    assert judged(rule, -0.01, low=-0.03, high=0.01) == "inconclusive"
