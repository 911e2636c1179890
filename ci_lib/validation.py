"""Validate's work: fetch the models, have child processes score the holdout, measure, put the evidence together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ci_lib import assessment, champion, encoding, frames, manifest, mlmodel, reference
from ci_lib.candidate import Candidate
from ci_lib.dataset import Dataset
from ci_lib.errors import BadInput, Refused
from ci_lib.evidence import Curve, Evidence, Golden, Profile
from ci_lib.job import Job
from ci_lib.measure import curves, drift
from ci_lib.measure.intervals import values_needed
from ci_lib.measurement import Measurement, Scope
from ci_lib.probe.children import Children
from ci_lib.probe.golden import mismatches
from ci_lib.probe.run import Probe, Probed, cut_off, left_open, own_time
from ci_lib.production import Production, open_production
from ci_lib.release import Release

GOLDEN_ROWS = 10
SINGLE_ROWS = 400
"""Rows that are timed one by one, and more where the 99th percentile's interval needs more: 368 at 95 %."""
SHUFFLES = 10


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that becomes evidence."""

    measurements: tuple[Measurement, ...]
    curves: tuple[Curve, ...]
    reference: tuple[Profile, ...]


def validate(job: Job, dataset: Dataset, candidate: Candidate, children: Children) -> Evidence:
    """Measure the candidate on the holdout, beside the champion and a dummy.

    Args:
        job: the stage.
        dataset: what `prepare` wrote.
        candidate: what `train` or `adopt` wrote.
        children: the processes that load the models, each of them once.

    Raises:
        Refused: rows or model files are not those that the records name; a format the policy does not allow.
        BadInput: the model does not load or predict.
    """
    if candidate.dataset != dataset.digest():
        message = "candidate.json was trained on another dataset than dataset.json"
        raise Refused(message, "ml-release train")
    rows = frames.load_split(job.chain, dataset, "holdout")
    production = open_production(job)
    head = production.ledger.head()
    model = _fetch(job, candidate, children.models / "candidate")
    probed = _score(job, dataset, model, rows, children)
    golden = Golden(inputs=_golden_inputs(frames.features(rows, dataset)), outputs=probed.answer.golden)
    old = _champion(job, dataset, production, head, rows, children) if head else None
    # Loaded once more while this process measures: nothing else is timed then, and there are two cores as a rule.
    repeat = _probe(job, children, "again").begin(model, dataset, golden=golden.inputs)
    measured = _measure(job, dataset, rows, probed, _scores(old, "champion") if old else None)
    with job.console.step("wait for the golden predictions of a fresh process"):
        again = repeat()
    asked = [each for each in (probed, again, old) if each]
    for line in (own_time(each.answer for each in asked), *cut_off(asked)):
        job.console.say(f"   {line}")
    return Evidence(
        model=job.config.model,
        task=job.config.task,
        dataset=dataset.digest(),
        candidate=candidate.digest(),
        manifest=candidate.manifest.digest(),
        champion=champion.compared(head, champion.trained_from(production, head)) if head else None,
        threshold=job.config.threshold if job.config.task == "binary" else None,
        measurements=(
            *measured.measurements,
            *assessment.operations(probed.answer, again.answer, candidate.manifest.size, job.config.policy.confidence),
            _repeated(golden, again),
            _uses(job, dataset, candidate),
        ),
        golden=golden,
        left_open=left_open(asked),
        curves=measured.curves,
        reference=measured.reference,
    )


def _uses(job: Job, dataset: Dataset, candidate: Candidate) -> Measurement:
    """Count the other candidates that these holdout rows have judged: each look makes the next verdict kinder.

    A run is marked when it is judged; candidates that were adopted from other experiments are not counted.
    """
    registry = job.open_registry(job.registry_uri())
    mark = {"ml-release.holdout": dataset.holdout.sha256}
    count = registry.count_runs(registry.experiment(job.config.model), mark, other_than=candidate.run_id)
    if candidate.run_id is not None:
        registry.tag_run(candidate.run_id, mark)
    return Measurement(
        metric="holdout_uses", scope=Scope(of="data"), value=float(count), n=dataset.holdout.rows, method="count"
    )


def _fetch(job: Job, candidate: Candidate, into: Path) -> Path:
    """Download the candidate and hold its bytes against the record."""
    registry = job.open_registry(job.registry_uri())
    try:
        model = registry.download(candidate.model_uri, into)
    except Refused as error:
        message = f"the candidate's model {candidate.model_uri} is gone: {error.what}"
        raise Refused(message, "ml-release train") from error
    if changed := manifest.difference(candidate.manifest, manifest.scan(model)):
        message = f"{candidate.model_uri} is no longer what was trained: {changed}"
        raise Refused(message, "find out who changed it, then ml-release train")
    return model


def _score(job: Job, dataset: Dataset, model: Path, rows: pd.DataFrame, children: Children) -> Probed:
    """Score the holdout with the candidate, time it, and shuffle its columns."""
    probe = _probe(job, children, "candidate")
    features = frames.features(rows, dataset)
    with job.console.step(f"score {len(rows):,} holdout rows with the candidate, in a process of its own"):
        return probe.ask(
            model,
            dataset,
            rows=features,
            truth=encoding.target(frames.target(rows, dataset), dataset).astype(float),
            golden=_golden_inputs(features),
            single_rows=max(SINGLE_ROWS, values_needed(0.99, job.config.policy.confidence)),
            shuffles=SHUFFLES,
        )


def _champion(
    job: Job, dataset: Dataset, production: Production, head: Release, rows: pd.DataFrame, children: Children
) -> Probed:
    """Score the same rows with the champion, whose features may be others than the candidate's."""
    child = children.take("champion", beside="candidate")
    probe = Probe(config=job.config, env=job.env, scratch=child.scratch, child=child)
    model = production.fetch(head, children.models / "champion")
    names = mlmodel.read(model).inputs
    missing = [name for name in names if name not in rows.columns]
    if missing:
        message = (
            f"the champion (release {head.number}) needs columns that the data no longer have: {', '.join(missing)}"
        )
        raise BadInput(message, "keep them in data.source; data.drop hides them from the candidate all the same")
    with job.console.step(f"score the same rows with the champion, release {head.number}"):
        return probe.ask(model, dataset, rows=rows[list(names)] if names else frames.features(rows, dataset))


def _probe(job: Job, children: Children, name: str) -> Probe:
    child = children.take(name)
    return Probe(config=job.config, env=job.env, scratch=child.scratch, child=child)


def _scores(probed: Probed, whose: str) -> NDArray[Any]:
    if probed.scores is None:
        message = f"the {whose}'s scores were not written"
        raise BadInput(message, "ml-release validate --debug")
    return probed.scores


def _measure(
    job: Job,
    dataset: Dataset,
    rows: pd.DataFrame,
    probed: Probed,
    champion_scores: NDArray[Any] | None,
) -> Measured:
    train = frames.load_split(job.chain, dataset, "train")
    holdout = assessment.Holdout(
        truth=encoding.target(frames.target(rows, dataset), dataset),
        labels=assessment.ordered(dataset.labels, dataset.positive),
        attributes=encoding.attributes(frames.sensitive(rows, dataset)),
        train_truth=encoding.target(frames.target(train, dataset), dataset),
    )
    scores = _scores(probed, "candidate")
    confidence = job.config.policy.confidence
    with job.console.step("measure"):
        found = assessment.assess(job.config, holdout, scores, champion_scores)
        found += assessment.importance(probed.answer.importance, confidence)
        made = assessment.predictions(job.config, holdout.labels, scores)
        drawn = list(curves.points(holdout.truth, made, of="candidate"))
        if champion_scores is not None:
            old = assessment.predictions(job.config, holdout.labels, champion_scores)
            drawn += curves.points(holdout.truth, old, of="champion")
    return Measured(
        measurements=tuple(found),
        curves=tuple(drawn),
        reference=reference.profiles(_all_features(train, rows, dataset), dataset, drift.profile),
    )


def _all_features(train: pd.DataFrame, holdout: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return the features of all rows known at release: what later batches are held against."""
    return pd.concat([frames.features(train, dataset), frames.features(holdout, dataset)], ignore_index=True)


def _golden_inputs(features: pd.DataFrame) -> str:
    return str(features.head(GOLDEN_ROWS).to_json(orient="split", index=False, double_precision=15))


def _repeated(golden: Golden, again: Probed) -> Measurement:
    return Measurement(
        metric="golden_mismatches",
        scope=Scope(of="candidate"),
        value=float(mismatches(golden, again.answer.golden)),
        n=len(golden.outputs),
        method="count",
    )
