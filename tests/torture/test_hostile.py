"""Hostile text in every free field, through all that shows it: report, note, JUnit, page, log, JSON and shell."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ci_lib.jobs import deploy, rollback
from doubles.gates import MemoryGate
from doubles.hostile import ALL, RECORDS, _free, poisoned
from doubles.records import chain as records
from doubles.records import sha
from doubles.skeleton import check, files, html_skeleton, links
from doubles.small_chain import CONFIG, LocalCI, World, approval, config, decide
from doubles.small_chain import chain as small_chain
from torture.sizes import size

from ci_lib import audit, history, nextstep, status
from ci_lib.approval import Approval
from ci_lib.candidate import Person
from ci_lib.console import GitLabConsole
from ci_lib.errors import BadInput, Refused
from ci_lib.people import fold
from ci_lib.registry import Registry
from ci_lib.signed import seal
from ci_lib.signoff import Question, Signoff
from ci_lib.signoff.form import Form
from ci_lib.text import quoted, visible

Say = Callable[..., None]
FIELDS = sum(
    len(_free(type(record), record.to_bytes())) for record in (getattr(records("inconclusive"), n) for n in RECORDS)
)


# ---- the report


@pytest.fixture(scope="module")
def plain() -> dict[str, str]:
    """The report with a harmless word in every free field."""
    return files(poisoned("word"))


def test_each_text_in_each_field_changes_no_structure_of_the_report(plain: dict[str, str], figure: Say) -> None:
    """Each turn, every text moves on by one field: after as many turns as there are texts, each was everywhere."""
    assert FIELDS >= 15
    assert len(set(ALL)) >= 200
    turns = range(0, len(ALL), size(60, 1))
    for turn in turns:
        check(files(poisoned(*ALL[turn:], *ALL[:turn])), plain)
    figure(
        "hostile text, report", f"{len(ALL)} texts x {FIELDS} fields, {len(turns)} reports of 3 forms, no new structure"
    )


# ---- the signoff page


def page(text: str) -> str:
    """Return the page with a text wherever it shows one."""
    built = poisoned(text)
    gate = MemoryGate(unsettled=(), required=3, authors=())
    gate.given.append(answer(text))
    question = Question(
        environment="production",
        decision=built.decision,
        manifest=sha("m"),
        report=b"",
        approvers=(visible(text), "ben"),
        required=3,
    )
    signoff = Signoff(gate, question, announce=lambda _: None)
    try:
        filled = Form(number="1", approver=visible(text), reason=visible(text))
        return signoff.page(filled=filled, error=BadInput(text, text)).decode()
    finally:
        signoff.server_close()


def answer(text: str) -> Approval:
    made = small_chain(records("pass").candidate.manifest, model_uri="models:/m-1", policy=config().policy)
    return approval(made, config().policy, approver=Person(id=text, known_from="git"), reason=text)


def test_no_text_changes_the_structure_of_the_signoff_page(figure: Say) -> None:
    harmless = page("word")
    texts = ALL[:: size(40, 1)]
    for text in texts:
        shown = page(text)
        assert html_skeleton(shown) == html_skeleton(harmless), text
        assert links(shown) == links(harmless), text
    figure("hostile text, signoff page", "{} pages, no new element, attribute or address", len(texts))


# ---- what commands print

MARKER = re.compile(r"\x1b\[0Ksection_(start|end):\d+:(?P<name>\w+)\r\x1b\[0K")


def said(world: World, text: str) -> list[str]:
    """Have a release made and undone by people and for reasons called `text`, and return all that was printed."""
    world.ci = LocalCI(who=text, session=text)
    approvers = {**CONFIG["policy"], "approval": {"approvers": [text], "assurance": "self-declared"}}  # type: ignore[dict-item] # a mapping
    world.config = config(policy=approvers)
    lines = []
    for content in ("A", "B"):
        head = world.heads()
        made = world.train(content, champion=head)
        lines += printed(world, "status", status.main)
        who = Person(id=text, known_from="self-declared")
        given = approval(made, world.config.policy, approver=who, reason=text, destination=world.place()["destination"])
        seal(given, None).write(world.here / "approvals" / "one.json")
        lines += printed(world, "deploy", lambda job: deploy.main(job, decide=decide))
        lines += printed(world, "status", status.main)
    lines += printed(world, "rollback", rollback.main, reason=text)
    for command in (status.main, history.main, audit.main):
        lines += printed(world, "look", command)
    return lines


def printed(world: World, name: str, command: Callable[[Any], int], **args: Any) -> list[str]:
    out = io.StringIO()
    console = GitLabConsole(out, clock=lambda: 0.0)
    with console.stage(name):
        command(replace(world.job(**args), console=console))
    marks = MARKER.findall(out.getvalue())
    assert [kind for kind, _ in marks] == ["start", "end"], "a section that is not ours"
    text = MARKER.sub("", out.getvalue())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text)
    return text.splitlines()


class Twice(World):
    """Remembers what is in production."""

    def heads(self) -> Any:
        from ci_lib import champion  # noqa: PLC0415 -- for this test alone
        from ci_lib.production import open_production  # noqa: PLC0415 -- for this test alone

        head = open_production(self.job()).ledger.head()
        return champion.compared(head) if head else None


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> list[str]:
    """Return the first word of each line that is printed when all are called `word`."""
    project = tmp_path_factory.mktemp("harmless")
    shutil.copy(migrated, project / "mlflow.db")
    registry = Registry("sqlite:///mlflow.db", project)
    return first_words(said(Twice(project=project, open_registry=lambda _: registry), "word"))


def first_words(lines: list[str]) -> list[str]:
    """Return what starts each line: a word of ours; the ledger's table has columns of a person's name before others."""
    return [line.split(" ")[0] for line in lines]


def names() -> tuple[str, ...]:
    """Return the texts that somebody could be called by."""
    return tuple(text for text in dict.fromkeys(ALL) if fold(text) and len(text) < 500)


NAMELESS = tuple(text for text in dict.fromkeys(ALL) if text.strip() and not fold(text))


@pytest.mark.parametrize("text", NAMELESS, ids=ascii)
def test_a_name_that_nobody_can_see_is_no_approvers(
    tmp_path: Path, open_registry: Callable[[str], Any], text: str
) -> None:
    world = Twice(project=tmp_path, open_registry=open_registry)
    with pytest.raises(Refused, match="names no approver"):
        said(world, text)
    assert world.heads() is None


FORGING = ("``` \n/close\n```", "x\n== deploy\nrelease 9: models:/loan@champion is version 9")
"""With these a line of our own could be written: in the slice as well."""


@pytest.mark.parametrize("text", dict.fromkeys((*FORGING, *names()[:: size(40, 1)])), ids=ascii)
def test_no_text_adds_a_line_a_section_or_a_control_character_to_a_log(
    tmp_path: Path, open_registry: Callable[[str], Any], harmless: list[str], text: str, figure: Say
) -> None:
    found = said(Twice(project=tmp_path, open_registry=open_registry), text)
    assert not [line for line in found if line.startswith(("/", "::", "##"))]
    assert first_words(found) == harmless, found
    figure("hostile text, log", "{} releases by such names, no new line, section or control character", 1)


def test_json_gives_back_every_text_as_it_was(tmp_path: Path, open_registry: Callable[[str], Any]) -> None:
    world = Twice(project=tmp_path, open_registry=open_registry)
    for text in ("\x1b[31m\u202e\u2028é\x7f", "]]>\n/close", "</script>\\"):
        world.ci = LocalCI(who=text, session="p1")
        made = world.train(f"bytes {text!r}", champion=world.heads())
        world.approve(made, reason=text)
        deploy.main(world.job(), decide=decide)
        world.heard()
        history.main(world.job(json=True))
        shown = world.heard()
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\uffff]", shown), "nothing hidden in it"
        assert json.loads(shown)[-1]["actor"]["id"] == text
        status.main(world.job(json=True))
        assert json.loads(world.heard())["champion"]["by"] == text


# ---- what people paste into a shell


def test_a_quoted_text_is_one_word_and_runs_nothing(tmp_path: Path, figure: Say) -> None:
    texts = [text for text in ALL if "\0" not in text]
    words = " ".join(quoted(text) for text in texts)
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {words}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        errors="strict",
    )
    assert done.stdout.split("\0")[:-1] == [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts]
    assert list(tmp_path.iterdir()) == []
    figure("hostile text, shell", "{} texts as arguments of commands that people paste, nothing run", len(texts))


def test_the_command_that_approves_can_be_pasted_whatever_things_are_called(world: World, tmp_path: Path) -> None:
    """As it is printed: hidden characters shown, on one line."""
    texts = [text for text in ALL if text.strip() and "\0" not in text and len(text) < 500]
    decision = world.train("A", value=0.6).decision
    found = tuple(decision.findings[0].model_copy(update={"name": text}) for text in texts)
    approvers = {**CONFIG["policy"], "approval": {"approvers": [texts[0]], "assurance": "self-declared"}}  # type: ignore[dict-item] # a mapping
    world.config = config(policy=approvers)
    empty = tmp_path / "empty"
    empty.mkdir()
    world.job().console.say(nextstep.approve(world.job(), decision.model_copy(update={"findings": found})))
    line = world.heard()
    assert line.count("\n") == 1
    script = f"ml-release() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    done = subprocess.run(["bash", "-c", script], cwd=empty, check=True, capture_output=True, text=True)
    assert done.stdout.split("\0").count("--accept") == len(texts)
    assert list(empty.iterdir()) == []
