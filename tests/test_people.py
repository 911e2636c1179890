"""Two names, one person."""

import pytest

from ci_lib.candidate import Person
from ci_lib.people import distinct, identities


def person(name: str) -> Person:
    return Person(id=name, known_from="gitlab")


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        (["ana", "ANA", "ana "], 1),
        (["Ana <a@x.org>", "a@x.org"], 1),
        (["Ana <a@x.org>", "Ben <b@x.org>", "a@x.org"], 2),
        (["ana", "b@x.org", "Ana <b@x.org>"], 1),  # the third shows that the first two are one
        (["ana", "ben"], 2),
        (["ana", "Ana Lopez <ana@x.org>"], 1),
        (["ana@x.org", "ana@y.org"], 2),
        (["ana lopez", "ana  lopez"], 1),
        (["a\u200bna", "ana"], 1),
    ],
)
def test_people_who_share_a_name_or_an_address_count_once(names: list[str], count: int) -> None:
    groups = distinct(person(name) for name in names)
    assert len(groups) == count
    assert sorted(one.id for group in groups for one in group) == sorted(names)


def test_a_person_without_a_name_is_nobody_else() -> None:
    assert identities(person("<a@x.org>")) == {"<a@x.org>", "a@x.org"}
    assert identities(person(" ")) == set()
