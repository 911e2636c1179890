"""Imports run one way. Read from the sources with `ast`, so an import inside a function counts as well."""

import ast
from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

RECORDS = {
    "measurement",
    "dataset",
    "candidate",
    "evidence",
    "findings",
    "decision",
    "approval",
    "release",
    "config",
    "judge",
    "source",
}
CORE = {"errors", "files", "record", "manifest", "measure", "formats", "trusted", "duration", "places", *RECORDS}
EDGES = {"ci", "registry", "ledger", "report"}
PRIVILEGED = ("approve", "deploy", "rollback")
LIGHT = ("config", "approval", "decision", "release", "starter", "doctor", "job")
HEAVY = {"numpy", "pandas", "scipy", "sklearn", "skops", "matplotlib", "pyarrow"}


def sources() -> dict[str, Path]:
    """Module name -> file, with jobs/ where it lives once installed."""
    found = {}
    for folder, package in (("ci_lib", "ci_lib"), ("jobs", "ci_lib.jobs")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join((package, *parts)).removesuffix(".__init__")] = path
    return found


def statements(node: ast.AST, *, deep: bool) -> Iterator[ast.stmt]:
    """Yield the import statements, without those for the type checker; with `deep`, those inside functions too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif deep or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from statements(child, deep=deep)


def names(statement: ast.stmt) -> Iterator[str]:
    """Yield the full name of each thing that a statement imports, e.g. ``ci_lib.errors.BadInput``."""
    source = f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (source + alias.name for alias in statement.names)


def imports(path: Path, *, deep: bool) -> set[str]:
    """Everything that a file imports."""
    found = statements(ast.parse(path.read_text()), deep=deep)
    return {name for statement in found for name in names(statement)}


def graph(*, deep: bool = True) -> dict[str, set[str]]:
    """Module -> our modules that it imports."""
    modules = sources()
    return {
        name: {module_of(thing, modules) for thing in imports(path, deep=deep)} - {name, "", "ci_lib"}
        for name, path in modules.items()
    }


def module_of(name: str, modules: Collection[str]) -> str:
    """Return the module of ours that a full name lies in, which may be the name itself; empty when it is not ours."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def room(module: str) -> str:
    """First part of a module's name below ci_lib."""
    return (module + ".").split(".")[1]


def closure(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """Everything that is imported when `start` is."""
    seen: set[str] = set()
    todo = {start}
    while todo:
        seen |= todo
        todo = set().union(*(edges[module] for module in todo)) - seen
    return seen


def test_no_module_imports_itself_through_others() -> None:
    order = list(TopologicalSorter(graph()).static_order())  # raises CycleError, with the cycle
    assert set(order) == sources().keys()


def test_the_core_imports_only_the_core() -> None:
    wrong = {
        f"{module} -> {other}"
        for module, others in graph().items()
        for other in others
        if room(module) in CORE and room(other) not in CORE
    }
    assert wrong == set()


@pytest.mark.parametrize("top", ["cli", "jobs"])
def test_only_the_top_imports_the_top(top: str) -> None:
    wrong = {
        f"{module} -> {other}"
        for module, others in graph().items()
        for other in others
        if room(other) == top and room(module) not in {"cli", "jobs", "__main__"}
    }
    assert wrong == set()


def test_errors_and_measure_stand_at_the_bottom() -> None:
    edges = graph()
    assert edges["ci_lib.errors"] == set()
    below = {"ci_lib.measure", *(f"ci_lib.{name}" for name in ("errors", "record", "measurement", "evidence"))}
    wrong = {
        f"{module} -> {other}"
        for module, others in edges.items()
        for other in others
        if room(module) == "measure" and room(other) != "measure" and other not in below
    }
    assert wrong == set()


def test_jobs_do_not_import_each_other() -> None:
    wrong = {f"{a} -> {b}" for a, others in graph().items() for b in others if room(a) == room(b) == "jobs"}
    assert wrong - {f"{job} -> ci_lib.jobs" for job in sources()} == set()


def test_what_holds_the_keys_imports_nothing_heavy() -> None:
    edges, files = graph(deep=False), sources()
    privileged = [name for name in (f"ci_lib.jobs.{stage}" for stage in PRIVILEGED) if name in files]
    found = {
        f"{start}: {module} imports {name}"
        for start in [*(f"ci_lib.{name}" for name in LIGHT), *privileged]
        for module in closure(start, edges)
        for name in imports(files[module], deep=False)
        if name.split(".")[0] in HEAVY
    }
    assert found == set()


def test_the_reader_of_imports_sees_what_python_would(tmp_path: Path) -> None:
    """The tests above rest on it."""
    source = tmp_path / "example.py"
    source.write_text(
        "import a\nfrom b import c\nif TYPE_CHECKING:\n    import d\n"
        "try:\n    import e\nexcept ImportError:\n    pass\n"
        "def f():\n    import g.h\n"
    )
    assert imports(source, deep=False) == {"a", "b.c", "e"}
    assert imports(source, deep=True) == {"a", "b.c", "e", "g.h"}
