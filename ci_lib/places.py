"""Who fills which place: so many approvals of each role, and nobody in two places.

A person may have several roles, so whoever counts for the one or the other is a matching of people and places. It is
found by augmenting paths (Kuhn 1955, Berge 1957): there are few people, and the largest matching is exact.
"""

from collections.abc import Collection, Sequence

ANYBODY = ""
"""The role of every approver where the policy has no roles."""


def fill(places: Sequence[str], people: Sequence[Collection[str]]) -> dict[int, int]:
    """Fill as many places as can be, each with a person of its own.

    Args:
        places: the role that each place asks for; a role that needs two people is there twice.
        people: the roles of each person.

    Returns:
        Place -> person, by their positions.
    """
    taken: dict[int, int] = {}

    def seat(place: int, asked: set[int]) -> bool:
        for person, roles in enumerate(people):
            if places[place] not in roles or person in asked:
                continue
            asked.add(person)
            if person not in taken or seat(taken[person], asked):  # whoever sits there may fit elsewhere
                taken[person] = place
                return True
        return False

    for place in range(len(places)):
        seat(place, set())
    return {place: person for person, place in taken.items()}


def would_do(role: str, places: Sequence[str], people: Sequence[Collection[str]]) -> set[str]:
    """Return the roles of which one more person would let a free place of a role be filled.

    That is the role itself, and each role whose place is held by somebody who could move up.
    """
    filled = fill(places, people)
    found, todo = {role}, [role]
    while todo:
        wanted = todo.pop()
        more = {places[place] for place, person in filled.items() if wanted in people[person]} - found
        found |= more
        todo += sorted(more)
    return found
