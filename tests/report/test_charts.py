"""The drawings: what is drawn, that it may stand in a page, that it is the same bytes each time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.markup import xml
from doubles.records import chain, number

from ci_lib.evidence import Curve
from ci_lib.measurement import Measurement, Scope
from ci_lib.report import svg
from ci_lib.report.charts import MOST_ROWS, Chart, charts

DECISION = chain().decision
CANDIDATE = Scope(of="candidate")


def drawn(*curves: Curve) -> tuple[Chart, ...]:
    return charts((), curves, DECISION)


def words(chart: Chart) -> str:
    return " ".join(xml(chart.svg).itertext())


def test_what_the_evidence_has_points_for_is_drawn() -> None:
    built = chain()
    titles = [chart.title for chart in charts(built.evidence.measurements, built.evidence.curves, built.decision)]
    assert titles == [
        "ROC curve", "Calibration", "Scores by outcome, candidate", "Impact ratio", "Equal opportunity difference",
        "Statistical parity difference", "Loss when one column is shuffled",
    ]  # fmt: skip


def test_without_points_nothing_is_drawn() -> None:
    assert drawn() == ()
    assert drawn(Curve(name="roc", scope=CANDIDATE, x=(), y=())) == ()
    assert charts((number("impact_ratio", None, attribute="a", group="1"),), (), DECISION) == ()


def test_a_drawing_may_stand_in_a_page() -> None:
    built = chain()
    ids: list[str] = []
    for chart in charts(built.evidence.measurements, built.evidence.curves, built.decision):
        root = xml(chart.svg)
        assert {element.tag for element in root.iter()} <= {
            "svg", "title", "desc", "g", "path", "text", "use", "defs", "clipPath", "rect",
        }  # fmt: skip
        for element in root.iter():
            assert "style" not in element.attrib, "blocked by a strict Content-Security-Policy"
            assert element.attrib.get("href", "#").startswith("#")
        ids += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        assert root.attrib["aria-labelledby"].split() == [root[0].attrib["id"], root[1].attrib["id"]]
        assert (root[0].tag, root[1].tag) == ("title", "desc")
        assert "#000000" not in chart.svg, "ink follows the page"
    assert len(ids) == len(set(ids))


def test_references_within_a_drawing_hold() -> None:
    for chart in charts(chain().evidence.measurements, chain().evidence.curves, DECISION):
        root = xml(chart.svg)
        ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
        for element in root.iter():
            for key, value in element.attrib.items():
                if key == "href":
                    assert value[1:] in ids
                if value.startswith("url("):
                    assert value[5:-1] in ids


@pytest.mark.parametrize(
    ("curve", "says"),
    [
        (Curve(name="precision_recall", scope=CANDIDATE, x=(0.0, 1.0), y=(1.0, 0.5)), "precision against recall"),
        (Curve(name="residuals", scope=CANDIDATE, x=(1.0, 2.0), y=(0.1, -0.2)), "0 is exact"),
        (Curve(name="score_histogram", scope=CANDIDATE, x=(0.0, 0.5, 1.0), y=(3.0, 4.0), labels=("paid",)), "paid"),
        (Curve(name="score_histogram", scope=CANDIDATE, x=(0.2, 0.8, 0.2, 0.8), y=(1.0, 2.0, 3.0, 4.0),
               labels=("no", "no", "yes", "yes")), "outcome no, outcome yes"),
        (Curve(name="score_histogram", scope=CANDIDATE, x=(0.2, 0.8), y=(0.0, 0.0)), "candidate"),
    ],
)  # fmt: skip
def test_each_kind_of_curve(curve: Curve, says: str) -> None:
    (chart,) = drawn(curve)
    assert chart.section == "performance"
    assert says in words(chart)


def test_a_forest_says_what_the_policy_allows() -> None:
    built = chain()
    forest = next(c for c in charts(built.evidence.measurements, (), built.decision) if c.title == "Impact ratio")
    assert "shaded: at least 0.8, which the policy allows" in words(forest)
    assert "black=1 (n 79)" in words(forest)


def test_a_forest_without_a_rule_shades_nothing() -> None:
    (forest,) = charts(
        (number("impact_ratio", 0.9, attribute="a", group="1"),), (), DECISION.model_copy(update={"findings": ()})
    )
    assert "policy" not in words(forest)


def test_a_forest_with_many_rows_shows_the_first_and_says_so() -> None:
    many = tuple(number("permutation_importance", 1.0 / place, feature=f"f{place}") for place in range(1, 60))
    (forest,) = charts(many, (), DECISION)
    assert f"{MOST_ROWS} of 59" in words(forest)
    assert "f40" in words(forest)
    assert "f41" not in words(forest)


@pytest.mark.parametrize("name", ["$x_{1", "漢字", "שלום", "\x00\x1b\ud800\ufffe", "<&>\"'", "a" * 500, "", "🏳️‍🌈"])
def test_any_name_can_be_drawn(name: str) -> None:
    (chart,) = charts((number("permutation_importance", 0.1, feature=name),), (), DECISION)
    xml(chart.svg)


@pytest.mark.parametrize("value", [0.0, 1e-300, -1e300, 1e12])
def test_any_value_can_be_drawn(value: float) -> None:
    (chart,) = charts((number("permutation_importance", value, feature="x"),), (), DECISION)
    xml(chart.svg)


def test_a_font_keeps_its_size_only() -> None:
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><style>*{}</style><metadata/>'
        "<text style=\"font: bold 12.5px 'DejaVu Sans'; fill: #000000;\">x</text>"
        '<text style="font: serif">y</text></svg>'
    )
    found = svg.inline(text, name="n", title="t", description="d")
    assert '<text font-size="12.5" fill="currentColor">x</text><text font-size="10">y</text>' in found
    assert "DejaVu" not in found


SCRIPT = """
import sys; sys.path.insert(0, "tests")
from ci_lib import report
from ci_lib.record import digest
from doubles.markup import xml
from doubles.records import chain
c = chain()
files = report.render(c.config, c.dataset, c.candidate, c.evidence, c.decision, history=c.history)
print(*(f"{name} {digest(data)}" for name, data in sorted(files.items())), sep="\\n")
"""


def test_the_same_records_give_the_same_bytes_in_another_process_and_with_another_matplotlibrc(tmp_path: Path) -> None:
    custom = tmp_path / "matplotlibrc"
    custom.write_text("font.size: 30\nsvg.fonttype: path\naxes.grid: True\n", encoding="utf-8")
    root = Path(__file__).parents[2]
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            cwd=root,
            env={**os.environ, **more},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for more in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "MATPLOTLIBRC": str(custom), "TZ": "Asia/Tokyo"})
    ]
    assert found[0] == found[1]
    assert "index.html sha256:" in found[0]


def test_what_draws_nothing_yet_does_not_pay_for_matplotlib() -> None:
    code = "import sys, ci_lib.report, ci_lib.signoff; print(*{m.partition('.')[0] for m in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "jinja2" in found.stdout.split()
    assert {"matplotlib", "numpy", "mlflow", "pandas", "rich"}.isdisjoint(found.stdout.split())


def test_what_is_not_assessable_is_left_out_of_the_drawing() -> None:
    measured: tuple[Measurement, ...] = (
        number("impact_ratio", 0.9, 0.8, 1.0, attribute="a", group="1"),
        number("impact_ratio", None, attribute="a", group="tiny"),
    )
    (forest,) = charts(measured, (), DECISION)
    assert "tiny" not in words(forest)
