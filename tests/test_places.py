"""Places and people: as many as can be are filled, held against trying every way."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from ci_lib.places import fill, would_do

ROLES = st.sampled_from("abcd")
PLACES = st.lists(ROLES, max_size=5)
PEOPLE = st.lists(st.sets(ROLES), max_size=5)


def most(places: list[str], people: list[set[str]]) -> int:
    """Try every order of the people (and of empty chairs) and count the places that are filled."""
    chairs: list[set[str]] = [*people, *(set() for _ in places)]
    return max(
        sum(role in sitting for role, sitting in zip(places, order, strict=True))
        for order in permutations(chairs, len(places))
    )


@given(PLACES.filter(lambda places: len(places) < 5), PEOPLE.filter(lambda people: len(people) < 5))
def test_as_many_places_are_filled_as_can_be_by_any_seating(places: list[str], people: list[set[str]]) -> None:
    assert len(fill(places, people)) == most(places, people)


@given(PLACES, PEOPLE)
def test_nobody_fills_two_places_and_each_has_the_role_of_the_place(places: list[str], people: list[set[str]]) -> None:
    filled = fill(places, people)
    assert len(set(filled.values())) == len(filled)
    assert all(places[place] in people[person] for place, person in filled.items())


@given(PLACES, PEOPLE, ROLES)
def test_one_more_person_helps_exactly_with_a_role_that_would_do(
    places: list[str], people: list[set[str]], role: str
) -> None:
    filled = fill(places, people)
    free = {places[place] for place in range(len(places)) if place not in filled}
    helps = any(role in would_do(wanted, places, people) for wanted in free)
    assert helps == (len(fill(places, [*people, {role}])) > len(filled))


def test_who_has_two_roles_makes_room_for_who_has_one() -> None:
    assert fill(["ds", "risk"], [{"ds", "risk"}, {"ds"}]) == {0: 1, 1: 0}
    assert fill(["ds", "ds"], [{"ds"}]) == {0: 0}
    assert fill([], [{"ds"}]) == {}


def test_a_chain_of_people_who_could_move_up_is_followed_on_every_branch() -> None:
    people = [{"a", "b"}, {"a", "c"}, {"b", "d"}]
    assert would_do("a", ["b", "c", "d", "a"], people) == {"a", "b", "c", "d"}
