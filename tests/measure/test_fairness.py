from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ci_lib.errors import BadInput
from ci_lib.measure import fairness
from ci_lib.measure.catalogue import CATALOGUE
from ci_lib.measure.fairness import DIFFERENCES
from ci_lib.measure.predictions import Predictions
from ci_lib.measurement import Measurement


def binary(scores: Any, threshold: float = 0.5) -> Predictions:
    return Predictions(task="binary", scores=np.asarray(scores, dtype=float), labels=("0", "1"), threshold=threshold)


def measured(
    truth: NDArray[Any],
    predictions: Predictions,
    attributes: dict[str, Any],
    confidence: float = 0.95,
    min_group: int = 30,
    min_positives: int = 10,
) -> list[Measurement]:
    return fairness.measure(
        truth, predictions, attributes,
        of="candidate", confidence=confidence, min_group=min_group, min_positives=min_positives,
    )  # fmt: skip


def by_name(found: Any, attribute: str = "who") -> dict[tuple[str, str], Any]:
    return {(one.metric, one.scope.group): one for one in found if one.scope.attribute == attribute}


def applicants(rows: int = 600, seed: int = 0, shares: tuple[float, ...] = (0.7, 0.2, 0.1)) -> tuple[Any, ...]:
    generator = np.random.default_rng(seed)
    who = generator.choice(["blue", "green", "red"], rows, p=shares)
    truth = (generator.random(rows) < 0.6).astype(np.int64)
    scores = np.clip(0.5 * generator.random(rows) + 0.3 * truth + 0.1 * (who == "blue"), 0, 1)
    return truth, binary(scores), who


def test_rates_and_differences_are_fairlearns() -> None:
    truth, predictions, who = applicants()
    decided = predictions.decisions
    frame = metrics.MetricFrame(
        metrics={
            "selection": metrics.selection_rate,
            "hits": metrics.true_positive_rate,
            "alarms": metrics.false_positive_rate,
        },
        y_true=truth, y_pred=decided, sensitive_features=who,
    ).by_group  # fmt: skip
    found = by_name(measured(truth, predictions, {"who": who}))
    for group in ("blue", "green", "red"):
        assert found["selection_rate", group].value == pytest.approx(frame.selection[group], abs=1e-12)
        assert found["base_rate", group].value == pytest.approx(truth[who == group].mean(), abs=1e-12)
    for group in ("green", "red"):
        gap = frame.loc[group] - frame.loc["blue"]
        expected = [
            gap.selection, frame.selection[group] / frame.selection["blue"], gap.hits, (gap.hits + gap.alarms) / 2
        ]  # fmt: skip
        assert [found[name, group].value for name in DIFFERENCES] == pytest.approx(expected, abs=1e-12)


def test_summary_numbers_of_two_groups_are_fairlearns() -> None:
    truth, predictions, who = applicants(shares=(0.7, 0.3, 0))
    found = by_name(measured(truth, predictions, {"who": who}))
    arguments = {"y_true": truth, "y_pred": predictions.decisions, "sensitive_features": who}
    parity, ratio, opportunity, _ = (found[name, "green"].value for name in DIFFERENCES)
    assert abs(parity) == pytest.approx(metrics.demographic_parity_difference(**arguments), abs=1e-12)
    assert ratio == pytest.approx(metrics.demographic_parity_ratio(**arguments), abs=1e-12)
    assert abs(opportunity) == pytest.approx(metrics.equal_opportunity_difference(**arguments), abs=1e-12)


def test_every_group_is_there_with_its_rows_and_held_against_the_largest() -> None:
    truth, predictions, who = applicants()
    found = by_name(measured(truth, predictions, {"who": who}))
    for name in DIFFERENCES:
        assert (name, "blue") not in found
        for group in ("green", "red"):
            one = found[name, group]
            assert (one.scope.reference, one.n) == ("blue", np.sum(who == group))
            assert one.low < one.value < one.high
            assert CATALOGUE[name].by_group


def test_scales_are_those_on_which_the_interval_is_symmetric() -> None:
    truth, predictions, who = applicants()
    found = by_name(measured(truth, predictions, {"who": who}))
    assert found["impact_ratio", "red"].scale == "log"
    assert found["selection_rate", "red"].scale == "logit"
    assert found["statistical_parity_difference", "red"].scale == "identity"


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    truth, predictions, who = applicants(seed=seed)
    order = np.random.default_rng(seed).permutation(len(truth))
    shuffled = measured(truth[order], binary(predictions.scores[order]), {"who": who[order]})
    assert shuffled == measured(truth, predictions, {"who": who})


def test_renaming_groups_changes_only_their_names() -> None:
    truth, predictions, who = applicants()
    names = {"blue": "z", "green": "y", "red": "x"}
    renamed = by_name(measured(truth, predictions, {"who": np.array([names[group] for group in who])}))
    for (metric, group), one in by_name(measured(truth, predictions, {"who": who})).items():
        other = renamed[metric, names[group]]
        assert (other.value, other.low, other.high, other.n) == (one.value, one.low, one.high, one.n)
        assert other.scope.reference == names.get(one.scope.reference, "")


def test_twice_the_rows_narrow_every_interval() -> None:
    truth, predictions, who = applicants()
    twice = by_name(measured(np.tile(truth, 2), binary(np.tile(predictions.scores, 2)), {"who": np.tile(who, 2)}))
    for key, one in by_name(measured(truth, predictions, {"who": who})).items():
        assert twice[key].value == pytest.approx(one.value, abs=1e-12)
        assert twice[key].high - twice[key].low < 0.8 * (one.high - one.low)


def test_of_equally_large_groups_the_first_by_name_is_the_reference() -> None:
    truth = np.tile([0, 1], 40)
    found = by_name(measured(truth, binary(truth), {"who": np.repeat(["b", "a"], 40)}))
    assert found["impact_ratio", "b"].scope.reference == "a"


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, ""])
def test_rows_without_a_value_are_a_group_but_never_the_reference(missing: Any) -> None:
    truth = np.tile([0, 1], 100)
    who = np.array([missing] * 120 + ["a"] * 40 + ["b"] * 40, dtype=object)
    found = by_name(measured(truth, binary(truth), {"who": who}))
    assert found["selection_rate", "missing"].n == 120
    assert found["impact_ratio", "missing"].scope.reference == "a"
    assert found["impact_ratio", "missing"].value == 1


def test_a_small_group_is_kept_and_not_assessable() -> None:
    truth, predictions, _ = applicants(rows=112)
    who = np.array(["big"] * 100 + ["small"] * 12)
    found = by_name(measured(truth, predictions, {"who": who}))
    for name in (*DIFFERENCES, "selection_rate", "base_rate"):
        one = found[name, "small"]
        assert (one.value, one.low, one.high, one.n) == (None, None, None, 12)
        assert one.note == "not assessable: 12 rows, 30 needed"


def test_a_small_reference_makes_all_not_assessable() -> None:
    truth, predictions, _ = applicants(rows=50)
    found = by_name(measured(truth, predictions, {"who": np.array(["a"] * 29 + ["b"] * 21)}))
    assert found["impact_ratio", "b"].note == "not assessable: 21 rows, 30 needed"
    found = by_name(measured(truth, predictions, {"who": np.array(["a"] * 29 + ["b"] * 21)}, min_group=25))
    found = by_name(measured(truth, predictions, {"who": np.array([""] * 29 + ["b"] * 21)}, min_group=25))
    assert found["impact_ratio", "missing"].note == "not assessable: the reference has 21 rows, 25 needed"


@pytest.mark.parametrize(
    ("outcomes", "metric", "note"),
    [
        ([1] * 9 + [0] * 31, "equal_opportunity_difference", "9 positives, 10 needed"),
        ([1] * 9 + [0] * 31, "average_odds_difference", "9 positives, 10 needed"),
        ([1] * 31 + [0] * 9, "average_odds_difference", "9 negatives, 10 needed"),
    ],
)
def test_rates_among_an_outcome_need_rows_of_that_outcome(outcomes: list[int], metric: str, note: str) -> None:
    truth = np.array([0, 1] * 50 + outcomes)
    who = np.array(["big"] * 100 + ["few"] * 40)
    found = by_name(measured(truth, binary(np.full(140, 0.7)), {"who": who}))
    assert found[metric, "few"].note == f"not assessable: {note}"
    assert found["statistical_parity_difference", "few"].value == 0


def test_positives_of_the_reference_count_too_even_where_none_are_asked_for() -> None:
    truth = np.array([0] * 100 + [0, 1] * 20)
    who = np.array(["big"] * 100 + ["few"] * 40)
    found = by_name(measured(truth, binary(np.full(140, 0.7)), {"who": who}, min_positives=0))
    note = "not assessable: the reference has 0 positives, 1 needed"
    assert found["equal_opportunity_difference", "few"].note == note


def test_one_group_only_is_not_assessable() -> None:
    truth, predictions, _ = applicants(rows=50)
    found = by_name(measured(truth, predictions, {"who": np.array(["all"] * 50)}))
    for name in DIFFERENCES:
        assert found[name, "all"].value is None
        assert found[name, "all"].note == "not assessable: 'all' is the only group"
    assert found["selection_rate", "all"].value is not None


def test_a_reference_without_a_positive_decision_has_no_ratio() -> None:
    truth = np.array([0, 1] * 40)
    who = np.repeat(["a", "b"], 40)
    found = by_name(measured(truth, binary(np.repeat([0.1, 0.9], 40)), {"who": who}))
    assert found["impact_ratio", "b"].note == "not assessable: the reference has no positive decision"
    assert found["statistical_parity_difference", "b"].value == 1


def test_a_group_without_a_positive_decision_has_ratio_0_with_room_above() -> None:
    truth = np.array([0, 1] * 40)
    who = np.repeat(["a", "b"], 40)
    one = by_name(measured(truth, binary(np.repeat([0.9, 0.1], 40)), {"who": who}))["impact_ratio", "b"]
    assert (one.value, one.low, one.scale) == (0, 0, "identity")
    assert 0.05 < one.high < 0.2


def test_all_selected_in_small_groups_is_not_certain_equality() -> None:
    truth = np.array([0, 1] * 30)
    found = by_name(measured(truth, binary(np.full(60, 0.9)), {"who": np.repeat(["a", "b"], 30)}))
    for name in DIFFERENCES:
        assert found[name, "b"].high - found[name, "b"].low > 0.1


def test_scores_that_are_not_finite_make_nothing_assessable() -> None:
    truth, predictions, who = applicants(rows=200)
    scores = np.where(np.arange(200) == 7, np.nan, predictions.scores)
    found = measured(truth, binary(scores), {"who": who})
    assert found
    for one in found:
        assert one.value is None
        assert one.note == "not assessable: 1 of 200 predictions are NaN or infinite"


def test_no_rows_are_not_assessable() -> None:
    found = measured(np.array([], dtype=int), binary([]), {"who": np.array([], dtype=str)})
    assert [(one.metric, one.value, one.note) for one in found] == [
        (name, None, "not assessable: no rows") for name in DIFFERENCES
    ]


def test_attributes_keep_their_order() -> None:
    truth, predictions, who = applicants(rows=100)
    found = measured(truth, predictions, {"z": who, "a": who})
    assert list(dict.fromkeys(one.scope.attribute for one in found)) == ["z", "a"]


def test_other_tasks_have_no_positive_decision() -> None:
    predictions = Predictions(task="regression", scores=np.zeros(3))
    assert measured(np.zeros(3), predictions, {"who": np.array(["a", "b", "b"])}) == []


def test_an_attribute_of_other_rows_is_refused() -> None:
    truth, predictions, who = applicants(rows=100)
    with pytest.raises(BadInput, match="'who' has 99 values for 100 rows"):
        measured(truth, predictions, {"who": who[:99]})


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("abc")), max_size=80))
def test_whatever_the_counts_an_interval_holds_its_value(rows: int) -> None:
    truth = np.array([row[0] for row in rows], dtype=np.int64)
    found = measured(
        truth, binary([row[1] for row in rows]), {"who": np.array([row[2] for row in rows], dtype=str)},
        min_group=1, min_positives=1,
    )  # fmt: skip
    for one in found:
        assert (one.value is None) == one.note.startswith("not assessable: ")
        assert one.value is None or one.low <= one.value <= one.high
