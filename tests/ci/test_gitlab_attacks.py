"""What an attacker would try on GitLab. Each is refused, with a sentence of its own, and nothing reaches production."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from doubles.gitlab_keys import Issuer
from doubles.gitlab_release import Pipelines
from doubles.gitlab_scene import ANA, FIRST, OLD, TIP, Scene
from doubles.gitlab_world import MAINTAINER, Commit, Spec
from doubles.gitlab_world import Job as GitLabJob
from doubles.small_chain import World

from ci_lib import answer
from ci_lib.chain import read, read_approvals
from ci_lib.ci.detect import detect
from ci_lib.errors import Refused
from ci_lib.production import open_production
from ci_lib.signed import seal

Attack = Callable[[Pipelines], object]
ATTACKS: dict[str, tuple[Attack, str]] = {}


def refused_with(sentence: str) -> Callable[[Attack], Attack]:
    """Enter an attack into the table."""

    def enter(attack: Attack) -> Attack:
        ATTACKS[attack.__name__] = (attack, sentence)
        return attack

    return enter


@pytest.fixture
def pipelines(scene: Scene, world: World) -> Pipelines:
    return Pipelines(scene, world)


# Who may not play the gate.


@refused_with("'ana' is an author (Ana Ruiz <ana@bank.example>), and the policy wants four eyes")
def a_developer_plays_their_own_gate(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open("dan"), "ana"))


@refused_with("'cleo' is an author (Cleo Chan <cleo@home.example>), and the policy wants four eyes")
def a_maintainer_who_wrote_one_commit_of_the_range_plays_it(team: Pipelines) -> object:
    """Her commit has another mail address: GitLab's full name gives her away."""
    team.scene.project.commits[FIRST] = Commit(FIRST, ("Cleo Chan", "cleo@home.example"), ANA, "Fix", (OLD,))
    return team.gate(team.scene.played(team.open(), "cleo"))


@refused_with("'cleo' is an author (CC <cleo@corp.example>), and the policy wants four eyes")
def a_committer_plays_it(team: Pipelines) -> object:
    """Neither name nor user name: the ID token's mail address gives her away."""
    team.scene.project.commits[FIRST].committer = ("CC", "cleo@corp.example")
    return team.gate(team.scene.played(team.open(), "cleo"))


@refused_with("'cleo' is an author (cleo <Cleo Chan x@home.example>), and the policy wants four eyes")
def a_co_author_plays_it(team: Pipelines) -> object:
    team.scene.project.commits[FIRST].message = "Fix\n\nCo-authored-by: Cleo Chan <x@home.example>\n"
    return team.gate(team.scene.played(team.open(), "cleo"))


@refused_with("'cleo' is an author (cleo), and the policy wants four eyes")
def who_opened_the_merge_request_plays_it(team: Pipelines) -> object:
    team.scene.project.requests[0].author = team.scene.server.world.users["cleo"]
    return team.gate(team.scene.played(team.open(), "cleo"))


@refused_with("'ben' started this pipeline, and GitLab cannot tell a gate that they played from one that ran by itself")
def who_started_the_pipeline_plays_it(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open("ben"), "ben"))


@refused_with("'ben' started this pipeline")
def the_gate_runs_by_itself(team: Pipelines) -> object:
    """The author took ``when: manual`` away and had an approver press "Run pipeline"."""
    team.scene.project.specs = tuple(Spec(each.name, needs=each.needs) for each in team.scene.project.specs)
    pipeline = team.scene.server.world.start(team.scene.project, "ben")
    team.train(pipeline.sha, "A")
    played = pipeline.job("approve")
    team.scene.server.world.run(played)
    return team.gate(played)


@refused_with("'project_7_bot_1f2e' is a bot, and a bot approves nothing")
def a_bot_plays_it(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open(), "project_7_bot_1f2e"))


@refused_with("'project_7_bot_1f2e' is a bot")
def a_bot_of_an_older_server_plays_it(team: Pipelines) -> object:
    """Without the key ``bot``: its user name gives it away."""
    team.scene.server.world.users["project_7_bot_1f2e"].bot = False
    return team.gate(team.scene.played(team.open(), "project_7_bot_1f2e"))


@refused_with("the account 'ben' is not active")
def a_blocked_account_plays_it(team: Pipelines) -> object:
    team.scene.server.world.users["ben"].state = "blocked"
    return team.gate(team.scene.played(team.open(), "ben"))


@refused_with("'dan' is not one of the policy's approvers")
def somebody_plays_it_whom_the_policy_does_not_name(team: Pipelines) -> object:
    team.scene.project.members[team.scene.server.world.users["dan"].id] = MAINTAINER
    return team.gate(team.scene.played(team.open(), "dan"))


@refused_with("'main' is not protected: who may push there may also change what the gate runs")
def the_gate_is_on_a_branch_that_anybody_may_push_to(team: Pipelines) -> object:
    team.scene.project.protected.clear()
    return team.gate(team.scene.played(team.open(), "ben"))


@refused_with("this is the job 'rollback'; the policy's gates are approve")
def another_manual_job_claims_to_be_the_gate(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open(), "ben", "rollback"))


@refused_with("'ana' played this gate, not 'ben'")
def the_script_says_who_approves(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open("dan"), "ana"), approver="ben")


# What variables can do.


@refused_with("a variable overrides a predefined one: GITLAB_USER_LOGIN is 'ben' here, and GitLab says 'ana'")
def the_user_is_overridden_by_a_variable(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open("dan", variables={"GITLAB_USER_LOGIN": "ben"}), "ana"))


@refused_with("a variable overrides a predefined one: CI_SERVER_URL is 'http://127.0.0.1:1' here")
def the_server_is_overridden_by_a_variable(team: Pipelines) -> object:
    return team.gate(team.scene.played(team.open(variables={"CI_SERVER_URL": "http://127.0.0.1:1"}), "ben"))


@refused_with("'dora' is not one of the policy's approvers")
def the_ci_system_is_hidden_by_a_variable(team: Pipelines) -> object:
    """Without GITLAB_CI a job takes itself for a laptop."""
    return _hidden(team, "dora")


@refused_with("the answer of 'cleo' is self-declared, and the policy asks for ci-verified")
def the_ci_system_is_hidden_and_a_name_is_claimed(team: Pipelines) -> object:
    return _hidden(team, "cleo")


def _hidden(team: Pipelines, who: str) -> object:
    from ci_lib.jobs import approve  # noqa: PLC0415 -- for this test alone

    played = team.scene.played(team.open("dan", variables={"GITLAB_CI": "false"}), "ana")
    env = team.scene.server.env(played, ML_RELEASE_SIGNING_KEY=str(team.key))
    job = team.job(None, env, approver=who, reason="let me")
    ci = detect(env, team.config.policy.approval, team.scene.directory, clock=job.clock, say=job.console.say)
    return approve.main(type(job)(**{**vars(job), "ci": ci}))


@refused_with("the gate was played with words in variables and without ML_RELEASE_CODE")
def who_started_the_pipeline_puts_words_into_the_approvers_mouth(team: Pipelines) -> object:
    words = {"ML_RELEASE_REASON": "I read it all", "ML_RELEASE_ACCEPT": "impact_ratio:black=1"}
    return team.gate(team.scene.played(team.open(variables=words), "ben"))


@refused_with("ML_RELEASE_CODE is 'cleo''s, and 'ben' played the gate: these are not their words")
def the_words_are_of_who_played_the_gate_before(team: Pipelines) -> object:
    """GitLab keeps a job's variables when it is run again."""
    pipeline = team.open()
    subjects = read(team.world.project / "release").subjects(team.config.policy.fingerprint())
    words = {"ML_RELEASE_REASON": "mine", "ML_RELEASE_CODE": answer.code(subjects, "cleo")}
    first = team.scene.played(pipeline, "cleo", **words)
    team.scene.server.world.finish(first, "failed")
    again = team.scene.server.world.retry(first, team.scene.server.world.users["ben"])
    team.scene.server.world.run(again)
    return team.gate(again)


@refused_with("ML_RELEASE_CODE is about another candidate, evidence, report or policy than the one at the gate")
def the_words_are_about_another_candidate(team: Pipelines) -> object:
    words = {"ML_RELEASE_REASON": "fine", "ML_RELEASE_CODE": "ben:0123456789ab"}
    return team.gate(team.scene.played(team.open(), "ben", **words))


@refused_with("and that job's log does not show what this job prints")
def the_job_claims_to_be_another_that_an_approver_played(team: Pipelines) -> object:
    """With nothing but a read token CI_JOB_ID would decide, and a variable can set it."""
    honest = team.scene.played(team.scene.at_the_gate("dan"), "ben")
    own = team.scene.played(team.open("dan", variables={"CI_JOB_ID": str(honest.id)}), "ana")
    return team.gate(own, {"CI_JOB_TOKEN": ""}, token=False)


# What tokens can do.


def _with_token(change: Callable[[Pipelines, GitLabJob], str]) -> Attack:
    def attack(team: Pipelines) -> object:
        played = team.scene.played(team.open(), "ben")
        return team.gate(played, {"ML_RELEASE_ID_TOKEN": change(team, played)})

    return attack


def _claims(team: Pipelines, played: GitLabJob) -> dict[str, Any]:
    return jwt.decode(team.scene.server.id_token(played), options={"verify_signature": False})


def _hmac(team: Pipelines, played: GitLabJob) -> str:
    """The public key as a shared secret (CVE-2016-10555 and many since). PyJWT will not sign so; by hand it is easy."""
    import base64  # noqa: PLC0415 -- for this test alone
    import hmac  # noqa: PLC0415 -- for this test alone

    public = team.scene.server.issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "kid": "key-1", "typ": "JWT"}, _claims(team, played)]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(public, text, "sha256")).rstrip(b"=")
    return (text + b"." + signature).decode()


def _elsewhere(team: Pipelines, name: str) -> str:
    """Return the ID token of another job of the same pipeline, which an approver started."""
    pipeline = team.scene.project.pipelines[-1]
    other = pipeline.job(name)
    other.user = team.scene.server.world.users["ben"]
    return team.scene.server.id_token(other)


TOKENS: dict[str, tuple[Callable[[Pipelines, GitLabJob], str], str]] = {
    "no token at all": (lambda _, __: "nonsense", "ML_RELEASE_ID_TOKEN is no ID token"),
    "an endless one": (lambda _, __: "a" * 20_000, "ML_RELEASE_ID_TOKEN is no ID token"),
    "unsigned": (
        lambda team, played: jwt.encode(_claims(team, played), None, algorithm="none"),
        "signed with 'none'; only RS256 counts",
    ),
    "signed with the public key": (_hmac, "signed with 'HS256'; only RS256 counts"),
    "forged with the name of GitLab's key": (
        lambda team, played: Issuer(own=True).sign(_claims(team, played)),
        "the ID token is forged",
    ),
    "signed with a key that GitLab does not have": (
        lambda team, played: Issuer(kid="mine", own=True).sign(_claims(team, played)),
        "signed with a key ('mine') that",
    ),
    "changed after it was signed": (
        lambda team, played: _spliced(team.scene.server.id_token(played), user_login="cleo"),
        "the ID token is forged",
    ),
    "with its own key in the header": (
        lambda team, played: (other := Issuer(own=True)).sign(_claims(team, played), kid="key-1", jwk=other.jwk),
        "the ID token is forged",
    ),
    "expired": (lambda team, played: team.scene.server.id_token(played, exp=1_700_000_000), "expired on 2023-11-14"),
    "not yet valid": (lambda team, played: team.scene.server.id_token(played, nbf=4_000_000_000), "still to come"),
    "issued in the future": (
        lambda team, played: team.scene.server.id_token(played, iat=4_000_000_000, exp=4_000_000_300),
        "counts from 2096-10-02",
    ),
    "another server's": (
        lambda team, played: team.scene.server.id_token(played, iss="https://gitlab.com"),
        "issued by 'https://gitlab.com', not by http://127.0.0.1",
    ),
    "meant for somebody else": (
        lambda team, played: team.scene.server.id_token(played, audience="vault"),
        "meant for 'vault', not for 'ml-release' alone",
    ),
    "meant for somebody else, too": (
        lambda team, played: team.scene.server.id_token(played, aud=["ml-release", "vault"]),
        "not for 'ml-release' alone",
    ),
    "without an identity of its own": (
        lambda team, played: team.scene.server.id_token(played, jti=None),
        "does not say jti",
    ),
    "without an end": (lambda team, played: team.scene.server.id_token(played, exp=None), "does not say exp"),
    "of another project": (
        lambda team, played: team.scene.server.id_token(played, project_id="8"),
        "is about project 8, and release.yml names 7",
    ),
    "of another job": (lambda team, _: _elsewhere(team, "train"), "is about job"),
    "of another pipeline": (
        lambda team, played: team.scene.server.id_token(played, pipeline_id="1"),
        "is about pipeline 1, and this is pipeline",
    ),
    "of another user": (
        lambda team, played: team.scene.server.id_token(played, user_login="cleo"),
        "is about user cleo, and this is user ben",
    ),
    "of another commit": (
        lambda team, played: team.scene.server.id_token(played, sha=FIRST),
        f"is about commit {FIRST}, and this is commit {TIP}",
    ),
}
ODD: dict[str, tuple[dict[str, Any], str]] = {
    "whose time is no number": ({"exp": "soon"}, "exp is no number"),
    "whose time is no time": ({"exp": 10**20}, "exp is no time"),
    "whose job is no number": ({"job_id": "x"}, "job_id is no number"),
    "whose user is nobody": ({"user_login": " "}, "user_login is empty"),
}
TOKENS |= {
    name: (lambda team, played, claims=claims: team.scene.server.id_token(played, **claims), sentence)
    for name, (claims, sentence) in ODD.items()
}
ATTACKS |= {f"an ID token {name}": (_with_token(change), sentence) for name, (change, sentence) in TOKENS.items()}


def _spliced(token: str, **claims: str) -> str:
    import base64  # noqa: PLC0415 -- for this test alone

    head, body, signature = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(found | claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


@refused_with("no token may read the commits aaaaaaaaaaaa… (the job token: 404)")
def a_job_token_may_not_read_and_there_is_no_other(team: Pipelines) -> object:
    """Section 4, CI_JOB_TOKEN: older servers. The gate was held, but deploy cannot see who wrote what."""
    pipeline = team.open()
    assert team.gate(team.scene.played(pipeline, "ben")) == 0
    team.scene.server.world.job_tokens_read_jobs = False
    return team.deploy(pipeline, {"ML_RELEASE_GITLAB_TOKEN": ""})


@refused_with("nothing proves which job this is")
def there_is_no_token_at_all(team: Pipelines) -> object:
    played = team.scene.played(team.open(), "ben")
    return team.gate(played, {"CI_JOB_TOKEN": "", "ML_RELEASE_GITLAB_TOKEN": ""}, token=False)


@refused_with("this job is of project 8, and release.yml names 7")
def the_job_token_is_another_projects(team: Pipelines) -> object:
    other = team.scene.server.world.add_project("ana/own", team.scene.project.specs, {"ana": 50, "ben": 50}, id_=8)
    other.commits, other.branches = team.scene.project.commits, {"main": TIP}
    foreign = team.scene.server.world.start(other, "ana").job("prepare")
    foreign.user = team.scene.server.world.users["ben"]
    team.scene.server.world.run(foreign)
    stolen = team.scene.server.world.job_token(foreign).value
    return team.gate(team.scene.played(team.open("dan"), "ana"), {"CI_JOB_TOKEN": stolen}, token=False)


@refused_with(f"the candidate was trained from commit {TIP}, and this pipeline is about {FIRST}")
def the_job_token_is_another_pipelines(team: Pipelines) -> object:
    """Ben plays an honest gate of an older commit; its token is used where Ana's candidate waits."""
    team.scene.project.branches["old"] = FIRST
    team.scene.project.protected["old"] = MAINTAINER
    honest = team.scene.played(team.scene.at_the_gate("dan", ref="old"), "ben")
    played = team.scene.played(team.open("dan"), "ana")
    env = team.scene.server.env(honest)
    return team.gate(played, {name: env[name] for name in env if name.startswith(("CI_", "GITLAB_"))}, token=False)


# What may be done with answers, records and pipelines.


@refused_with("was given in")
def an_answer_is_replayed_in_another_pipeline(team: Pipelines) -> object:
    """The same commit, the same records: only the pipeline is another."""
    pipeline = team.open()
    assert team.gate(team.scene.played(pipeline, "ben")) == 0
    return team.deploy(team.scene.at_the_gate())


@refused_with("was given in no job of this pipeline")
def an_answer_names_a_job_of_another_project(team: Pipelines) -> object:
    return _resealed(team, job="http://127.0.0.1:1/ana/own/-/jobs/1")


@refused_with("was given in the job 'train', which is no gate in release.yml")
def an_answer_was_given_in_a_job_that_is_no_gate(team: Pipelines) -> object:
    pipeline = team.scene.project
    del pipeline
    return _resealed(team, job=lambda found: f"{team.scene.server.url}/ml/loans/-/jobs/{found.job('train').id}")


@refused_with("GitLab says that 'ben' played it")
def an_answer_names_another_person_than_gitlab(team: Pipelines) -> object:
    return _resealed(team, approver="cleo")


@refused_with("is about the model 'fraud', not 'loan-approval'")
def an_answer_is_about_another_model(team: Pipelines) -> object:
    return _resealed(team, model="fraud")


@refused_with("is signed by none of the policy's keys")
def an_answer_is_not_signed(team: Pipelines) -> object:
    return _resealed(team, signed=False)


def _resealed(team: Pipelines, *, signed: bool = True, **changes: Any) -> object:
    """Deploy on an answer that was changed, and signed again by somebody who got hold of the key."""
    from ci_lib.keys import private_key  # noqa: PLC0415 -- for this test alone

    pipeline = team.open()
    assert team.gate(team.scene.played(pipeline, "ben")) == 0
    (found,) = read_approvals(team.answers)
    made = {name: value(pipeline) if callable(value) else value for name, value in changes.items()}
    if "approver" in made:
        made["approver"] = found.approval.approver.model_copy(update={"id": made["approver"]})
    (path,) = team.answers.glob("*.json")
    seal(found.approval.model_copy(update=made), private_key(team.key) if signed else None).write(path)
    return team.deploy(pipeline)


@refused_with("no longer counts: 'cleo' played 'approve' again")
def the_gate_is_played_again_by_somebody_else(team: Pipelines) -> object:
    pipeline = team.open()
    first = team.scene.played(pipeline, "ben")
    assert team.gate(first) == 0
    team.scene.server.world.finish(team.scene.played(pipeline, "cleo"))
    return team.deploy(pipeline)


@refused_with("and release 1 replaced it|the champion changed since validation: it was none and is release 1 now")
def the_gate_is_played_again_after_the_deploy(team: Pipelines) -> object:
    pipeline = team.released()
    shutil.rmtree(team.world.here)
    assert team.gate(team.scene.played(pipeline, "cleo")) == 0
    deploy = team.scene.server.world.retry(pipeline.job("deploy"), team.scene.server.world.users["cleo"])
    assert pipeline.job("deploy") is deploy
    return team.deploy(pipeline)


@refused_with("this candidate is release 1 of production already")
def the_gate_is_played_again_where_the_deploy_left_its_record(team: Pipelines) -> object:
    pipeline = team.released()
    return team.gate(team.scene.played(pipeline, "cleo"))


@refused_with("the champion changed since validation: it was none and is release 1 now")
def an_older_pipeline_is_approved_after_a_newer_deploy(team: Pipelines) -> object:
    older = team.open()
    kept = team.world.project / "kept"
    shutil.copytree(team.world.project / "release", kept)
    team.released(content="B", by="cleo")
    shutil.rmtree(team.world.project / "release")
    shutil.copytree(kept, team.world.project / "release")
    assert team.gate(team.scene.played(older, "ben")) == 0
    return team.deploy(older)


@refused_with(f"the candidate was trained from commit {FIRST}, and this pipeline is about {TIP}")
def records_of_another_pipeline_are_put_before_the_gate(team: Pipelines) -> object:
    pipeline = team.open()
    team.train(FIRST, "B")
    return team.gate(team.scene.played(pipeline, "ben"))


@refused_with("is about something else: manifest, candidate, evidence, decision changed since")
def artifacts_are_swapped_between_gate_and_deploy(team: Pipelines) -> object:
    pipeline = team.open()
    assert team.gate(team.scene.played(pipeline, "ben")) == 0
    kept = {path.name: path.read_bytes() for path in team.answers.glob("*.json")}
    team.train(TIP, "another model")
    for name, content in kept.items():
        (team.answers / name).write_bytes(content)
    return team.deploy(pipeline)


@refused_with("is about something else: report changed since")
def the_report_is_swapped_between_gate_and_deploy(team: Pipelines) -> object:
    pipeline = team.open()
    assert team.gate(team.scene.played(pipeline, "ben")) == 0
    (team.world.project / "release" / "report" / "index.html").write_bytes(b"<p>all good</p>")
    return team.deploy(pipeline)


@refused_with("evidence.json says that release 1 was trained from commit")
def evidence_hides_who_wrote_what_since_the_champion(team: Pipelines) -> object:
    """A later commit than the champion's makes the range, and so the authors, fewer."""
    team.scene.project.branches["main"] = FIRST
    team.released()
    team.scene.project.branches["main"] = TIP
    pipeline = team.scene.at_the_gate("dan")
    made = team.train(TIP, "B")
    assert made.evidence.champion is not None
    hidden = made.evidence.model_copy(update={"champion": made.evidence.champion.model_copy(update={"commit": TIP})})
    decision = made.decision.model_copy(update={"evidence": hidden.digest()})
    hidden.write(team.world.project / "release" / "evidence.json")
    decision.write(team.world.project / "release" / "decision.json")
    team.scene.project.requests = []
    assert team.gate(team.scene.played(pipeline, "cleo")) == 0
    return team.deploy(pipeline)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_with_a_sentence_of_its_own_and_releases_nothing(name: str, pipelines: Pipelines) -> None:
    attack, sentence = ATTACKS[name]
    with pytest.raises(Refused) as caught:
        attack(pipelines)
    assert any(part in caught.value.what for part in sentence.split("|")), caught.value.what
    assert caught.value.hint
    entries = open_production(pipelines.job(None, {})).ledger.entries()
    assert all(entry.manifest != _waiting(pipelines) for entry in entries) or len(entries) <= 1


def _waiting(pipelines: Pipelines) -> str:
    return read(pipelines.world.project / "release").candidate.manifest.digest()
