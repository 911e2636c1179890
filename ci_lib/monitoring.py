"""What is watched after a deploy: the released bytes still answer as they did, and new rows still look the same."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ci_lib import assessment, champion, encoding, mlmodel, reference
from ci_lib.columns import groups
from ci_lib.config import Config, Rule
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput
from ci_lib.evidence import Evidence
from ci_lib.findings import Finding, judge_rules
from ci_lib.job import Job
from ci_lib.measure import drift, fairness, performance
from ci_lib.measurement import Measurement, Scope
from ci_lib.probe.children import Children
from ci_lib.probe.golden import mismatches
from ci_lib.probe.run import Probe, cut_off, own_time
from ci_lib.production import Production
from ci_lib.release import Release

REPEATED = Rule(metric="golden_mismatches", at_most=0)
"""Asked whenever monitor runs."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One look at production."""

    release: Release
    findings: tuple[Finding, ...]
    measurements: tuple[Measurement, ...]


def watch(job: Job, production: Production, batch: pd.DataFrame | None, children: Children) -> Watched:
    """Resolve the champion as a consumer would, check its bytes, repeat its predictions, and look at a batch.

    Args:
        job: the stage.
        production: what is watched.
        batch: new rows, with or without the target; None looks at the model only.
        children: the process that loads the model.

    Raises:
        BadInput: nothing was released yet, or the batch lacks a column.
        Refused: alias, bytes or records are not what the ledger says.
    """
    head = champion.resolve(production)
    golden = champion.golden(production, head)
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        root = Path(scratch)
        dataset, evidence = champion.records(production, head, root / "records")
        child = children.take("champion")
        model = production.fetch(head, children.models / "champion")
        config = _as_released(job.config, evidence)
        probe = Probe(config=config, env=job.env, scratch=child.scratch, child=child)
        rows = None if batch is None else _features(batch, dataset, model)
        probed = probe.ask(model, dataset, rows=rows, golden=golden.inputs)
    for line in (own_time([probed.answer]), *cut_off([probed])):
        job.console.say(f"   {line}")
    found = [_repeated(mismatches(golden, probed.answer.golden), len(golden.outputs))]
    if batch is not None and rows is not None and probed.scores is not None:
        found += reference.drift(
            evidence.reference, rows, drift.measure, seed=assessment.SEED, confidence=job.config.policy.confidence
        )
        found += _quality(config, dataset, batch, probed.scores)
    level = job.config.policy.confidence
    findings = (
        *judge_rules([REPEATED], found, confidence=level, champion=head, of="champion"),
        *judge_rules(job.config.monitor.rules, found, confidence=level, champion=head, of="batch"),
    )
    return Watched(release=head, findings=findings, measurements=tuple(found))


def _as_released(config: Config, evidence: Evidence) -> Config:
    """Return the config with what the champion was judged by: release.yml may be about the next candidate already."""
    threshold = config.threshold if evidence.threshold is None else evidence.threshold
    return config.model_copy(update={"task": evidence.task, "threshold": threshold})


def _features(batch: pd.DataFrame, dataset: Dataset, model: Path) -> pd.DataFrame:
    """Return the columns that the model sees.

    Raises:
        BadInput: the batch has no rows, or lacks one.
    """
    names = list(mlmodel.read(model).inputs or dataset.features)
    missing = [name for name in names if name not in batch.columns]
    if missing or not len(batch):
        what = f"the batch lacks {', '.join(map(repr, missing))}" if missing else "the batch has no rows"
        raise BadInput(what, "give rows with the columns that the model was trained on")
    return batch[names]


def _repeated(count: int, rows: int) -> Measurement:
    return Measurement(
        metric="golden_mismatches", scope=Scope(of="champion"), value=float(count), n=rows, method="count"
    )  # fmt: skip


def _quality(config: Config, dataset: Dataset, batch: pd.DataFrame, scores: assessment.Scores) -> list[Measurement]:
    """Measure what the Evidence measured, on the rows whose outcome is known by now."""
    if dataset.target not in batch.columns:
        return []
    known = batch[dataset.target].notna().to_numpy()
    if not known.any():
        return []
    rows = batch[known]
    truth = encoding.target(rows[dataset.target], dataset)
    made = assessment.predictions(config, assessment.ordered(dataset.labels, dataset.positive), scores[known])
    found = performance.measure(
        truth, made, of="batch", confidence=config.policy.confidence, seed=assessment.SEED
    )  # fmt: skip
    attributes = [name for name in dataset.sensitive if name in rows.columns]
    if config.task == "binary" and attributes:
        grouped = encoding.attributes(sensitive_groups(rows, attributes))
        found += fairness.measure(
            truth, made, grouped, of="batch", confidence=config.policy.confidence, min_group=config.policy.min_group
        )  # fmt: skip
    return found


def sensitive_groups(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return sensitive columns as text groups, the same way as `prepare`."""
    return pd.DataFrame({name: groups(rows[name]) for name in names}, index=rows.index)
