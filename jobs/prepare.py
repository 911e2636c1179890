"""Read the rows, divide them into train and holdout, and say what is suspicious about them."""

from ci_lib.console import Console
from ci_lib.dataset import Dataset
from ci_lib.errors import Exit
from ci_lib.frames import store
from ci_lib.job import Job
from ci_lib.measure.catalogue import LEAK_LIFT_LIMIT, LEAK_SCORE_LIMIT
from ci_lib.preparing import prepare


def main(job: Job) -> int:
    """Write the Dataset record and, beside it, the rows of both sides."""
    prepared = prepare(job.config, job.project)
    dataset = prepared.dataset
    store(prepared.train, job.chain / dataset.train.file)
    store(prepared.holdout, job.chain / dataset.holdout.file)
    dataset.write(job.chain / "dataset.json")  # last: where it stands, the rows it names stand too
    _say(job.console, dataset)
    job.console.say(f"written: {job.chain / 'dataset.json'}")
    return Exit.DONE


def _say(console: Console, dataset: Dataset) -> None:
    """Sum the record up in a few lines."""
    console.say(f"{dataset.train.rows:,} rows to train on, {dataset.holdout.rows:,} held out ({dataset.split})")
    console.say(f"{len(dataset.features)} features, target {dataset.target}{_balance(dataset)}")
    for each in dataset.measurements:
        limit = {"leak_score": LEAK_SCORE_LIMIT, "leak_lift": LEAK_LIFT_LIMIT}.get(each.metric)
        if limit is not None and each.value is not None and each.value > limit:
            why = f" ({each.note})" if each.note else ""
            console.say(
                f"leak suspect: {each.scope.feature}, {each.metric} {each.value:.2f}{why}: "
                "is it known before the outcome? If not, list it under data.drop"
            )
        if each.metric in ("overlap_rows", "duplicate_rows", "constant_columns") and each.value:
            what = each.metric.replace("_", " ")
            console.say(f"{what}: {each.value:g}{f' ({each.note})' if each.note else ''}")


def _balance(dataset: Dataset) -> str:
    if not dataset.labels:
        return ""
    shares = [f"{label} {(dataset.train.balance.get(label, 0)) / dataset.train.rows:.1%}" for label in dataset.labels]
    counted = f", {dataset.positive} counts as positive" if dataset.positive is not None else ""
    return f": {', '.join(shares[:5])}{', …' if len(shares) > 5 else ''}{counted}"  # noqa: PLR2004
