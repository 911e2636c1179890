"""What `ml-release --help` costs, as a multiple of a Python that does nothing. Run by `make bench`.

The limit is 5: a person who asks for help waits for argparse, not for MLflow.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = str(Path(sys.executable).parent / "ml-release")
TURNS = 15
LIMIT = 5.0

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "ml-release --help": [PROGRAM, "--help"],
    "ml-release --version": [PROGRAM, "--version"],
    "ml-release metrics": [PROGRAM, "metrics"],
    "ml-release schema": [PROGRAM, "schema"],
}


def main() -> int:
    """Print the ratios of medians; the commands take turns, so that a busy moment meets them all."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(TURNS):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    yardstick = statistics.median(seconds["python -c pass"])
    for name, found in seconds.items():
        ratio = statistics.median(found) / yardstick
        limit = f"  (limit {LIMIT:g})" if name == "ml-release --help" else ""
        print(f"{name:<22} {ratio:5.1f} x{limit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
