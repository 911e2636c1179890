"""Answers are held against what the CI system says of the authors; when it says nothing, that is no answer's fault."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from doubles.small_chain import AUTHOR, LocalCI, World

from ci_lib import answers
from ci_lib.candidate import Person
from ci_lib.errors import Refused


@dataclass
class Historian(LocalCI):
    """A CI system that is asked who wrote what."""

    silent: bool = False
    asked: int = 0

    def authors(self, since: str | None = None, until: str | None = None) -> Sequence[Person]:
        del since, until
        self.asked += 1
        if self.silent:
            message = "nobody says who wrote it"
            raise Refused(message, "give the job a token")
        return (AUTHOR,)


def test_authors_are_asked_for_once_whatever_number_of_answers_lies_there(world: World) -> None:
    made = world.train("A")
    world.approve(made)
    world.reject(made)
    world.ci = historian = Historian()
    assert {each.decision for each in answers.valid(world.job(), made)} == {"approved", "rejected"}
    assert historian.asked == 1


def test_nobody_is_asked_where_no_answer_lies(world: World) -> None:
    made = world.train("A")
    world.ci = historian = Historian()
    assert answers.valid(world.job(), made) == ()
    assert answers.no_meanwhile(world.job(), made) is None
    assert historian.asked == 0


def test_no_answer_is_invalid_because_the_system_does_not_say_who_wrote_it(world: World) -> None:
    """The gate removes invalid answers."""
    made = world.train("A")
    world.approve(made)
    world.ci = Historian(silent=True)
    with pytest.raises(Refused, match="nobody says who wrote it"):
        answers.valid(world.job(), made)


def test_a_no_is_not_overheard_because_the_system_does_not_say_who_wrote_it(world: World) -> None:
    made = world.train("A")
    world.reject(made)
    world.ci = Historian(silent=True)
    with pytest.raises(Refused, match="nobody says who wrote it"):
        answers.no_meanwhile(world.job(), made)
