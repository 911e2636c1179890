"""Deploy, roll back and look, in a process where pandas, NumPy, SciPy, scikit-learn and matplotlib cannot be imported.

Run as ``python light_job.py PROJECT ADDRESS``, it stands for a CI job that installed `ml-release-core`.
"""

import sys

HEAVY = ("pandas", "numpy", "scipy", "sklearn", "matplotlib", "sqlalchemy", "pyarrow")
sys.modules.update(dict.fromkeys(HEAVY))  # type: ignore[arg-type]  # None makes an import fail

from pathlib import Path  # noqa: E402 -- nothing may be imported before the line above

from ci_lib.jobs import deploy, rollback  # noqa: E402
from doubles.small_chain import World, config, decide  # noqa: E402

from ci_lib import audit, history, resolve, status  # noqa: E402
from ci_lib.champion import resolve as champion  # noqa: E402
from ci_lib.production import open_production  # noqa: E402
from ci_lib.registry import Registry  # noqa: E402


def main(project: Path, address: str) -> None:
    """Print the exit codes of a deploy of what waits in the project, of a rollback and of each look at it."""
    world = World(project=project, open_registry=lambda uri: Registry(uri, project), config=config(registry=address))
    lines = [f"deploy {deploy.main(world.job(), decide=decide)}", f"rollback {rollback.main(world.job(reason='bad'))}"]
    looks = {"status": status, "history": history, "audit": audit, "resolve": resolve}
    lines += [f"{name} {look.main(world.job(download=None))}" for name, look in looks.items()]
    release = champion(open_production(world.job()))
    lines += [
        f"release {release.number} restores {release.restores}",
        f"imported {sorted(name for name in HEAVY if sys.modules.get(name))}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
