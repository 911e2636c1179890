"""Who is who: when two names may be one person. Case, width, spacing and invisible characters make nobody another."""

import re
import unicodedata
from collections.abc import Iterable

from ci_lib.candidate import Person

MAIL = re.compile(r"^(?P<name>.*?)\s*<(?P<mail>[^<>]+)>\s*$")


def fold(name: str) -> str:
    """Return a name without what the eye does not see: case, width, spacing, invisible characters."""
    seen = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen.casefold()).split())


def identities(person: Person) -> set[str]:
    """Return what a person may be known by: the id, and name and mail address of a ``Name <mail>`` form, all folded."""
    known = {person.id}
    if found := MAIL.match(person.id):
        known |= {found["name"], found["mail"]}
    return {folded for name in known if (folded := fold(name))}


def may_be_same(one: Person, other: Person) -> bool:
    """Say whether two share an id, a name or a mail address, or one is called as the other's mail address begins."""
    first, second = identities(one), identities(other)
    return bool(first & second or _mailboxes(first) & second or first & _mailboxes(second))


def _mailboxes(names: set[str]) -> set[str]:
    """Return what stands before the @ of mail addresses, and its parts: ``1234+ana@users.noreply.example`` is ana's."""
    local = {name.partition("@")[0] for name in names if "@" in name and "<" not in name}
    return {part for name in local for part in (name, *name.split("+")) if part}


def distinct(people: Iterable[Person]) -> tuple[tuple[Person, ...], ...]:
    """Group what may be one and the same person: as many groups as there certainly are people."""
    groups: list[list[Person]] = []
    for person in people:
        known = [group for group in groups if any(may_be_same(person, other) for other in group)]
        groups = [*(group for group in groups if group not in known), [*(p for group in known for p in group), person]]
    return tuple(tuple(group) for group in groups)
