"""Wrong input by the thousand, each from a seed: release.yml grown from its schema, and bytes of good files turned."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from ci_lib.schema import json_schema

Tree = Any


def seeded(seed: int) -> Random:
    """Return a generator that gives the same each time."""
    return Random(seed)  # noqa: S311 -- nothing here is secret


@dataclass(frozen=True)
class Raw:
    """Text that is written as it stands, where a value belongs."""

    text: str


SCALARS = (
    ".nan", "-.NaN", ".inf", "-.inf", "+.Inf", "1e999", "-1e999", "1e-999", "9" * 30, "-" + "9" * 39, "9" * 5_000,
    "0x7f", "0o17", "1_000", "0b1", "1:30", "NaN", "Infinity", "null", "~", "", "true", "yes", "0", "-0.0", "-1", "0.5",
    "1e308", "5e-324", '""', "''", "[]", "{}", "[[]]", "[null]", "{a: b}", "{'': ''}", "2001-99-99", "2026-11-24",
    "2026-11-24T00:00:00Z", "!!int ''", "!!float x", "!!python/object/apply:os.system ['true']", "!!binary '?'",
    "!!timestamp 1", "!foo bar", "!!set {a}", "&a [*a]", "*missing", "&x 1", "{<<: {a: 1}}", "{<<: *a}", "? [a]",
    "{[a]: b}", "{{a: b}: c}", "|\n  text", ">-\n  text", '"\\0"', '"\\ud800"', '"\\Uffffffff"', '"\\x1b[31m"', '"\\q"',
    '"\u202e"', "'\u2028'", "\ufeff", "'@all'", "%x", "`x`", "@x", "\t1", "- - - -",
    '"a\\nb"', '"\\x85/close"', ": :", "[1, 2", "}", "'", "# x",
    "--- 1", "...", "7 days", "0 days", "1 fortnight", "99999999 weeks", "-1 day", "champion", "dummy", "roc_auc",
    "[roc_auc]", "/dev/zero", "../../etc/passwd", "http://a:b@c", "sqlite:////", "os:system",
)  # fmt: skip
"""What stands in place of a value: each is one that some YAML reader or some comparison stumbles over."""


def deep(rng: Random) -> str:
    """Nest brackets, from a few to more than any stack holds."""
    depth = rng.choice((5, 19, 21, 200, 5_000))
    opening, closing = rng.choice((("[", "]"), ("{a: ", "}")))
    return opening * depth + "1" + closing * depth


def text(rng: Random) -> str:
    """Return a text of odd characters, in YAML's double quotes."""
    signs = "".join(
        chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xA0, 0xD800)))) for _ in range(rng.choice((1, 9, 300)))
    )
    return json.dumps(signs, ensure_ascii=rng.random() < 0.5)


def value(rng: Random) -> Tree:
    """Return one wrong value, or at least an odd one."""
    makers: tuple[Callable[[Random], str], ...] = (
        lambda rng: rng.choice(SCALARS), lambda rng: rng.choice(SCALARS), lambda rng: rng.choice(SCALARS), deep, text,
        lambda rng: str(rng.randrange(-(10**rng.randrange(1, 40)), 10**20)),
        lambda rng: repr(rng.gauss(0, 10 ** rng.randrange(9))),
    )  # fmt: skip
    return Raw(rng.choice(makers)(rng))


class Grower:
    """Makes wrong release.yml files out of a good one."""

    def __init__(self, good: dict[str, Tree]) -> None:
        self.good = good
        self.schema = json_schema()

    def document(self, rng: Random) -> str:
        """Return the text of a file with one to four things wrong."""
        tree = json.loads(json.dumps(self.good))
        for _ in range(rng.choice((1, 1, 2, 4))):
            tree = self._wrong(tree, rng)
        return written(tree)

    def _wrong(self, tree: Tree, rng: Random) -> Tree:
        if rng.random() < 0.4:
            return self._set(tree, self._path(rng), rng)
        return turned(tree, rng)

    def _path(self, rng: Random) -> list[str]:
        """Walk the schema down to some key."""
        path, at = [], self.schema
        while True:
            at = self._meant(at, rng)
            names = sorted(at.get("properties", {}))
            if not names or (path and rng.random() < 0.2):
                return path
            path.append(rng.choice(names))
            at = at["properties"][path[-1]]

    def _meant(self, at: dict[str, Any], rng: Random) -> dict[str, Any]:
        while "$ref" in at or "anyOf" in at or "items" in at:
            if "$ref" in at:
                at = self.schema["$defs"][at["$ref"].rpartition("/")[2]]
            else:
                at = rng.choice(at["anyOf"]) if "anyOf" in at else at["items"]
        return at

    def _set(self, tree: Tree, path: list[str], rng: Random) -> Tree:
        if not path or not isinstance(tree, (dict, list)):
            return value(rng)
        if isinstance(tree, list):
            return [self._set(each, path, rng) for each in tree] or [value(rng)]
        return {**tree, path[0]: self._set(tree.get(path[0], {}), path[1:], rng)}


def turned(tree: Tree, rng: Random) -> Tree:
    """Change one place of a tree: another value, a key less, a key twice, a misspelt or merged one."""
    if not isinstance(tree, (dict, list)) or not tree or rng.random() < 0.1:
        return value(rng)
    if isinstance(tree, list):
        place = rng.randrange(len(tree))
        return [turned(each, rng) if index == place else each for index, each in enumerate(tree)] + (
            [tree[place]] if rng.random() < 0.1 else []
        )
    key = rng.choice(sorted(map(str, tree)))
    if key not in tree or rng.random() < 0.5:
        return {name: turned(each, rng) if name == key else each for name, each in tree.items()}
    return _other_key(tree, key, rng)


KEYS = ("<<", "&a b", "*a", "? x", "!!str a", "[a]", "''", '"\\0"', "\ufeff", "'\u202e'", '"a\\n/close"', '"\\e[31m"')


def _other_key(tree: dict[Any, Tree], key: str, rng: Random) -> Tree:
    without = {name: each for name, each in tree.items() if name != key}
    others: tuple[dict[Any, Tree], ...] = (
        without,
        {**tree, Raw(json.dumps(key)): tree[key]},  # twice
        {**without, key[1:] + key[:1]: tree[key]},
        {**tree, Raw(rng.choice(KEYS)): tree[key]},
        {**tree, "x" * rng.choice((1, 200, 70_000)): value(rng)},
    )
    return rng.choice(others)


def written(tree: Tree, indent: int = 0) -> str:
    """Write a tree as YAML, raw text as it stands."""
    if isinstance(tree, Raw):
        return tree.text
    pad = "\n" + " " * indent
    if isinstance(tree, dict) and tree:
        return "".join(f"{pad}{_key(key)}: {written(each, indent + 2)}" for key, each in tree.items())
    if isinstance(tree, list) and tree:
        return "".join(f"{pad}- {written(each, indent + 2)}" for each in tree)
    return json.dumps(tree, ensure_ascii=False)


def _key(key: object) -> str:
    return key.text if isinstance(key, Raw) else json.dumps(key, ensure_ascii=False)


PIECES = (
    b"\n",
    b"\t",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"!!",
    b"<<: ",
    b"\0",
    b"\xff",
    b"'",
    b'"',
    b"{",
    b"[",
    b"%",
    b"\xc2\x85",
    b"NaN",
    b"1e999",
    b"null",
    b"\\ud800",
)


def bytes_turned(data: bytes, rng: Random) -> bytes:
    """Turn bytes as a broken disk, editor or attacker would: flip, cut, repeat, insert, swap."""
    turned_bytes = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(turned_bytes) + 1)
        end = min(len(turned_bytes), at + rng.choice((1, 2, 10, 100)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(turned_bytes):
            turned_bytes[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del turned_bytes[at:end]
        elif kind == 2:
            turned_bytes[at:at] = turned_bytes[at:end]
        elif kind == 3:
            turned_bytes[at:at] = rng.choice(PIECES)
        elif kind == 4:
            del turned_bytes[at:]
        else:
            turned_bytes[at:end] = rng.randbytes(end - at)
    return bytes(turned_bytes)
