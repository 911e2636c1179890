"""Every measurement lands in exactly one table, but for what only repeats another."""

from dataclasses import fields
from itertools import chain as flat

import pytest
from doubles.records import chain, number

from ci_lib.evidence import Curve
from ci_lib.measurement import Measurement, Scope
from ci_lib.report.tables import Line, Tables, confusions, tables


def lines(built: Tables) -> list[Line]:
    return list(flat.from_iterable(getattr(built, field.name) for field in fields(Tables)))


def test_nothing_measured_is_left_out() -> None:
    built = chain()
    found = tables(built.dataset.measurements, built.evidence.measurements)
    cells = sum(1 + (line.dummy is not None) + (line.champion is not None) for line in lines(found))
    assert cells == len(built.dataset.measurements) + len(built.evidence.measurements)
    assert not found.other


@pytest.mark.parametrize(
    ("measurement", "section"),
    [
        (number("roc_auc", 0.7), "performance"),
        (number("roc_auc", 0.1, of="candidate - dummy"), "comparison"),
        (number("impact_ratio", 0.7, attribute="a", group="1", reference="0"), "fairness"),
        (number("accuracy", 0.7, attribute="a", group="1"), "fairness"),
        (number("permutation_importance", 0.7, feature="x"), "importance"),
        (number("leak_score", 0.7, feature="x", of="data"), "data"),
        (number("latency_p50_ms", 0.7), "operations"),
        (number("wasserstein_distance", 0.7, feature="x", of="batch"), "other"),
        (number("nobody_knows", 0.7), "other"),
        (number("accuracy", 0.7, feature="x"), "other"),
    ],
)
def test_where_a_measurement_goes(measurement: Measurement, section: str) -> None:
    found = tables((), (measurement,))
    assert len(getattr(found, section)) == 1
    assert len(lines(found)) == 1


def test_a_second_measurement_of_the_same_cell_is_not_lost() -> None:
    found = tables((), (number("accuracy", 0.7), number("accuracy", 0.8)))
    assert [line.shown.value for line in found.performance] == ["70.0 %"]
    assert [line.shown.value for line in found.other] == ["80.0 %"]


def test_candidate_champion_and_dummy_stand_side_by_side() -> None:
    built = chain()
    auc = tables((), built.evidence.measurements).performance[0]
    assert (auc.name, auc.shown.value) == ("ROC AUC", "0.752")
    assert auc.champion
    assert auc.dummy
    assert (auc.champion.value, auc.dummy.value) == ("0.748", "0.500")


def test_a_metric_that_only_the_dummy_has_says_so() -> None:
    line = tables((), (number("accuracy", 0.7, of="dummy"),)).performance[0]
    assert (line.shown.value, line.shown.note) == ("not assessable", "not measured")


def test_one_metric_stands_together() -> None:
    names = ("impact_ratio", "statistical_parity_difference", "impact_ratio")
    found = tables((), tuple(number(name, 0.1, attribute="a", group=str(place)) for place, name in enumerate(names)))
    assert [line.about for line in found.fairness] == ["a=0", "a=2", "a=1"]


def test_a_confusion_matrix_is_a_table_and_what_is_no_square_is_none() -> None:
    scope = Scope(of="champion")
    good = Curve(name="confusion", scope=scope, x=(0, 1, 2, 3), y=(5, 1000, 7, 8), labels=("no", "yes"))
    bad = good.model_copy(update={"y": (1.0, 2.0)})
    (found,) = confusions((good, bad, good.model_copy(update={"name": "roc"}), good.model_copy(update={"labels": ()})))
    assert (found.of, found.counts) == ("champion", (("5", "1,000"), ("7", "8")))


def test_importance_is_sorted_by_size_and_what_is_not_assessable_comes_last() -> None:
    found = tables((), (
        number("permutation_importance", None, feature="none"),
        number("permutation_importance", 0.1, feature="small"),
        number("permutation_importance", 0.9, feature="big"),
    ))  # fmt: skip
    assert [line.about for line in found.importance] == ["big", "small", "none"]


def test_a_group_of_the_champion_says_whose_it_is() -> None:
    found = tables((), (number("impact_ratio", 0.7, of="champion", attribute="a", group="1", reference="0"),))
    assert found.fairness[0].about == "a=1 against a=0 (champion)"


def test_a_base_rate_is_not_repeated_for_the_champion() -> None:
    about = {"attribute": "a", "group": "1"}
    found = tables((), [number("base_rate", 0.7, **about), number("base_rate", 0.7, of="champion", **about)])
    assert [line.about for line in lines(found)] == ["a=1"]
