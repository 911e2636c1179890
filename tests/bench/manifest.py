"""What it costs to hash a model, beside `sha256sum` on the same files, read before so that neither waits for the disk.

Run by `make bench`. One file of 1 GiB, and the same bytes in 1,024 files; each contender several times in turn, the
best of each counts. `scan` runs in a process of its own, its start and imports included, as `sha256sum`'s are.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

GIB = 1 << 30
TURNS = 3
LIMIT = 2.0
SCAN = "import sys; from pathlib import Path; from ci_lib.manifest import scan; print(scan(Path(sys.argv[1])).size)"


def main() -> int:
    """Print a line for each way to cut the bytes; 1 when one is over the limit."""
    over = False
    for files in (1, 1024):
        with tempfile.TemporaryDirectory(prefix="ml-release-bench-") as scratch:
            root = Path(scratch)
            fill(root, files)
            ratio = best([sys.executable, "-c", SCAN, str(root)], ["sha256sum", *map(str, sorted(root.iterdir()))])
        over |= ratio > LIMIT
        print(f"1 GiB in {files:>5,} files: manifest {ratio:.2f} x sha256sum (limit {LIMIT:g} x)")
    return int(over)


def fill(root: Path, files: int) -> None:
    """Write the bytes: zeros hash as slowly as anything."""
    block = bytes(GIB // files)
    for number in range(files):
        (root / f"part-{number:04d}.bin").write_bytes(block)


def best(ours: list[str], theirs: list[str]) -> float:
    """Return the ratio of the two commands' best times, run in turn."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(TURNS):
        for contender, command in enumerate((ours, theirs)):
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[contender].append(time.perf_counter() - started)
    return min(seconds[0]) / min(seconds[1])


if __name__ == "__main__":
    sys.exit(main())
