"""YAML text -> plain values with lines; nothing that YAML can do beyond that is let in."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_lib.document import Broken, Document, parse, scalar


def test_values_and_the_line_of_each_key_and_item() -> None:
    found = parse("a: 1\nb:\n  - x\n  - {c: true}\n")
    assert found.value == {"a": 1, "b": ["x", {"c": True}]}
    assert found.lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4}
    assert found.odd == ()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("2001-99-99", "2001-99-99"),
        ("1_000", "1_000"),
        ("012", 12),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("~", None),
        ("", None),
        ("FALSE", False),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("1e", "1e"),
    ],
)
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_nan_is_read_as_nan_so_that_it_can_be_refused() -> None:
    assert math.isnan(scalar(".nan"))


def test_quoted_and_block_scalars_are_text() -> None:
    assert parse("a: '1'\nb: |\n  true\n").value == {"a": "1", "b": "true\n"}


def test_duplicate_keys_are_named_with_both_lines() -> None:
    found = parse("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert found.value == {"a": 1, "b": {"c": 1}}
    assert found.odd == (
        (("b", "c"), 2, "the same key stands in line 2 already"),
        (("a",), 3, "the same key stands in line 1 already"),
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x 1", 1, "anchors and aliases"),
        ("a: 1\nb: *x", 2, "anchors and aliases"),
        ("&a [*a]", 1, "anchors and aliases"),
        ("&a {b: 1}", 1, "anchors and aliases"),
        ("a: !!int ''", 1, "tags"),
        ("a: !!python/object/apply:os.system [ls]", 1, "tags"),
        ("!!map {a: 1}", 1, "tags"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ("- " * 2000, 1, "nested deeper"),
        ("[" * 5000, 1, "nested deeper"),
        ("? [1, 2]\n: 3", 1, "a key must be plain text"),
        ("{{a: 1}: 2}", 1, "a key must be plain text"),
        ('a: "\\ud800"', 1, "cannot be written as text"),
        ('"\\0": 1', 1, "cannot be written as text"),
        ('a: "\\Uffffffff"', 1, "gave up"),
        ("a: " + "9" * 41, 1, "a number this long"),
        ("a:\n\t- b", 2, "a tab cannot indent"),
        ("a: b: c", 1, "mapping values are not allowed here"),
        ("a: [1, 2", 1, "the end of the file"),
        ("\x00", 1, "unacceptable character"),
        ("%YAML 9.9\n---\na: 1", 1, "incompatible YAML document"),
        ("[" + "1," * 20_001 + "]", 1, "more than 20,000 values"),
    ],
)
def test_what_is_refused_is_refused_in_one_sentence_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Broken) as caught:
        parse(text)
    assert words in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.line == line


def test_an_empty_file_is_none() -> None:
    assert parse("").value is None
    assert parse("# nothing\n").value is None


@given(st.text(st.characters(codec="utf-8"), max_size=60) | st.text("-:[]{}?&*!|>'\"%@`#, \n\tab01.~\\x", max_size=60))
def test_any_text_gives_values_or_broken(text: str) -> None:
    found = parsed_or_broken(text)
    if isinstance(found, Broken):
        assert found.what
        assert found.line >= 1
    else:
        assert () in found.lines or found.value is None


def parsed_or_broken(text: str) -> Document | Broken:
    try:
        return parse(text)
    except Broken as error:
        return error
