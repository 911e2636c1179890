"""Whose policy judged, and what a branch would have had otherwise, in words for the reader."""

from dataclasses import replace

import pytest
from doubles.records import Chain, chain

from ci_lib import protected, report
from ci_lib.config import Environment
from ci_lib.report.policy import JUDGED, changed
from ci_lib.source import Change, Counts, Source

MAIN = Source(place="refs/remotes/origin/main", path="release.yml", commit="4f1c" * 10)


def judged(*changes: Change, source: Source = MAIN) -> Chain:
    built = chain("pass")
    return replace(built, decision=protected.shown(built.decision, source, changes))


def files(built: Chain) -> dict[str, str]:
    made = report.render(built.config, built.dataset, built.candidate, built.evidence, built.decision)
    return {name: made[name].decode() for name in ("index.html", "report.md", "junit.xml")}


@pytest.mark.parametrize("counts", ["protected", "branch", "both"])
def test_a_change_stands_in_every_form_of_the_report_with_what_counted(counts: Counts) -> None:
    change = Change(path="data.split.seed", protected="seven", branch="twelve", counts=counts)
    made = files(judged(change))
    for name in ("index.html", "report.md"):
        assert "What this branch changes in the policy" in made[name]
        assert "seven" in made[name]
        assert "twelve" in made[name]
        assert JUDGED[counts].split(":")[0] in made[name]
    assert "data.split.seed: protected seven, this branch twelve" in made["junit.xml"]
    assert 'skipped="1"' in made["junit.xml"]
    assert "Inconclusive: 1 of 15 findings is left to a person" in made["index.html"]
    assert "No measurement settles it" in made["report.md"]


def test_without_a_change_there_is_no_such_section_and_the_source_is_said() -> None:
    built = judged()
    assert changed(built.decision) is None
    made = files(built)
    assert "What this branch changes" not in made["index.html"] + made["report.md"]
    assert "refs/remotes/origin/main:release.yml at 4f1c4f1c4f" in made["index.html"]
    assert "working tree: release.yml as it lay there, protected by nothing" in files(chain("pass"))["index.html"]


def test_an_accepted_weakness_of_a_server_is_shown_to_the_reviewer() -> None:
    built = chain("pass")
    places = {"production": Environment(accept=("unauthenticated",))}
    made = files(replace(built, config=built.config.model_copy(update={"environments": places})))
    assert "Accepted of production&#39;s MLflow server" in made["index.html"]
    assert "unauthenticated: whoever reaches it can move what is released" in made["report.md"]
