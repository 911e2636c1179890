"""Validate's work: fetch the models, have child processes score the holdout, measure, put the evidence together."""

import tempfile
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
from ci_lib.measurement import Measurement, Scope
from ci_lib.probe.golden import mismatches
from ci_lib.probe.run import Probe, Probed
from ci_lib.production import Production, open_production
from ci_lib.release import Release

GOLDEN_ROWS = 10
SINGLE_ROWS = 400
"""368 are needed for both ends of a 95 % interval of the 99th percentile."""
SHUFFLES = 10


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All that becomes evidence."""

    measurements: tuple[Measurement, ...]
    curves: tuple[Curve, ...]
    reference: tuple[Profile, ...]


def validate(job: Job, dataset: Dataset, candidate: Candidate) -> Evidence:
    """Measure the candidate on the holdout, beside the champion and a dummy.

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
    with tempfile.TemporaryDirectory(prefix="ml-release-") as scratch:
        root = Path(scratch)
        model = _fetch(job, candidate, root / "candidate")
        probed = _score(job, dataset, model, rows, root)
        golden = Golden(inputs=_golden_inputs(frames.features(rows, dataset)), outputs=probed.answer.golden)
        repeated = _repeated(job, dataset, model, golden, root)
        scores = _champion(job, dataset, production, head, rows, root) if head else None
    measured = _measure(job, dataset, candidate, rows, probed, scores)
    return Evidence(
        model=job.config.model,
        task=job.config.task,
        dataset=dataset.digest(),
        candidate=candidate.digest(),
        manifest=candidate.manifest.digest(),
        champion=champion.compared(head) if head else None,
        threshold=job.config.threshold if job.config.task == "binary" else None,
        measurements=(*measured.measurements, repeated),
        golden=golden,
        curves=measured.curves,
        reference=measured.reference,
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


def _score(job: Job, dataset: Dataset, model: Path, rows: pd.DataFrame, scratch: Path) -> Probed:
    """Score the holdout with the candidate, time it, and shuffle its columns."""
    probe = Probe(config=job.config, env=job.env, scratch=_folder(scratch / "candidate-probe"))
    features = frames.features(rows, dataset)
    with job.console.step(f"score {len(rows):,} holdout rows with the candidate, in a process of its own"):
        return probe.ask(
            model,
            dataset,
            rows=features,
            truth=encoding.target(frames.target(rows, dataset), dataset).astype(float),
            golden=_golden_inputs(features),
            single_rows=SINGLE_ROWS,
            shuffles=SHUFFLES,
        )


def _champion(
    job: Job, dataset: Dataset, production: Production, head: Release, rows: pd.DataFrame, scratch: Path
) -> NDArray[Any]:
    """Score the same rows with the champion, whose features may be others than the candidate's."""
    model = production.fetch(head, scratch / "champion")
    names = mlmodel.read(model).inputs
    missing = [name for name in names if name not in rows.columns]
    if missing:
        message = (
            f"the champion (release {head.number}) needs columns that the data no longer have: {', '.join(missing)}"
        )
        raise BadInput(message, "keep them in data.source; data.drop hides them from the candidate all the same")
    probe = Probe(config=job.config, env=job.env, scratch=_folder(scratch / "champion-probe"))
    with job.console.step(f"score the same rows with the champion, release {head.number}"):
        scores = probe.ask(model, dataset, rows=rows[list(names)] if names else frames.features(rows, dataset)).scores
    if scores is None:
        message = "the champion's scores were not written"
        raise BadInput(message, "ml-release validate --debug")
    return scores


def _measure(
    job: Job,
    dataset: Dataset,
    candidate: Candidate,
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
    if probed.scores is None:
        message = "the candidate's scores were not written"
        raise BadInput(message, "ml-release validate --debug")
    confidence = job.config.policy.confidence
    with job.console.step("measure"):
        found = assessment.assess(job.config, holdout, probed.scores, champion_scores)
        found += assessment.operations(probed.answer, candidate.manifest.size, confidence)
        found += assessment.importance(probed.answer.importance, confidence)
        made = assessment.predictions(job.config, holdout.labels, probed.scores)
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


def _repeated(job: Job, dataset: Dataset, model: Path, golden: Golden, scratch: Path) -> Measurement:
    """Load the model once more, in a fresh process, and count the golden predictions that it does not repeat."""
    probe = Probe(config=job.config, env=job.env, scratch=_folder(scratch / "again"))
    with job.console.step("load it once more and repeat the golden predictions"):
        again = probe.ask(model, dataset, golden=golden.inputs)
    return Measurement(
        metric="golden_mismatches",
        scope=Scope(of="candidate"),
        value=float(mismatches(golden, again.answer.golden)),
        n=len(golden.outputs),
        method="count",
    )


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
