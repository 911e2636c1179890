"""Who may speak to the signoff page."""

import itertools

import pytest

from ci_lib.signoff.door import Door, host_is_ours, origin_is_ours


def door() -> Door:
    numbers = itertools.count()
    return Door(lambda: f"secret-{next(numbers)}")


def test_a_link_lets_one_browser_in_and_a_new_one_takes_its_place() -> None:
    it = door()
    first = it.link
    assert it.enter(first)
    assert not it.enter(first)
    assert it.was_spent(first)
    assert it.enter(it.link)


@pytest.mark.parametrize("token", ["", "secret", "é", "secret-99"])
def test_a_guess_does_not(token: str) -> None:
    it = door()
    assert not it.enter(token)
    assert not it.was_spent(token)


def test_the_cookie_is_checked() -> None:
    it = door()
    assert it.knows(f"a,b=1; name={it.session}; é[=", "name")
    assert not it.knows(f"other={it.session}", "name")
    assert not it.knows("name=", "name")
    assert not it.knows("", "name")
    assert not it.knows("\x01=;;[", "name")


def test_the_three_secrets_are_not_each_other() -> None:
    it = door()
    assert not it.trusts(it.session)
    assert not it.knows(f"name={it.csrf}", "name")
    assert it.trusts(it.csrf)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8000", True), ("localhost:9", True), ("LOCALHOST", True), ("127.0.0.1", True),
        ("evil.example:8000", False), ("127.0.0.1.evil.example", False), ("evil.example#127.0.0.1", False), ("", False),
        ("[::1", False), ("user@evil.example", False),
    ],
)  # fmt: skip
def test_only_names_that_no_outsider_can_point_here(host: str, ours: bool) -> None:
    assert host_is_ours(host) is ours


def test_an_answer_comes_from_the_page_itself() -> None:
    assert origin_is_ours("http://127.0.0.1:8000", "127.0.0.1:8000")
    assert origin_is_ours(None, "127.0.0.1:8000")
    assert not origin_is_ours("http://127.0.0.1:9000", "127.0.0.1:8000")
    assert not origin_is_ours("null", "127.0.0.1:8000")
    assert not origin_is_ours("https://evil.example", "127.0.0.1:8000")
