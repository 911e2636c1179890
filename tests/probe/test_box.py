"""What a model that runs code can do in the process that loads it: real models, real children, one sentence each."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from doubles.evil import pickling, saved
from doubles.records import chain

from ci_lib.errors import BadInput
from ci_lib.probe import box, limits, watch
from ci_lib.probe.run import Probe, Probed, cut_off, left_open


class Cell:
    """Where models are tried."""

    def __init__(self, root: Path, rows: pd.DataFrame) -> None:
        self.root, self.rows = root, rows
        self.env = {**os.environ, "ML_RELEASE_MODEL_MEMORY_MB": "1500"}

    @property
    def model(self) -> Path:
        return self.root / "models" / "evil"

    def tries(self, code: str, seconds: float = 60) -> Probed:
        saved(code, self.rows, self.model)
        config = pickling(chain().config)
        probe = Probe(config=config, env=self.env, scratch=self.root / "scratch", seconds=seconds)
        probe.scratch.mkdir()
        return probe.ask(self.model, chain().dataset, rows=self.rows)

    def left(self) -> list[str]:
        """Return processes that have this directory in their command line and stay: hundreds take a moment to die."""
        until = time.monotonic() + 20
        while (found := self._now()) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _now(self) -> list[str]:
        return [
            entry.name
            for entry in Path("/proc").glob("[0-9]*")
            if str(self.root).encode() in command_line(entry) and int(entry.name) != os.getpid()
        ]


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def cell(tmp_path: Path, rows: pd.DataFrame) -> Cell:
    return Cell(tmp_path, rows)


MEMORY = "held = []\nwhile True: held.append(bytearray(1 << 26))"
SHARED = "import mmap\nheld = []\nwhile True: held.append(mmap.mmap(-1, 1 << 30))"
FORKS = "import os, time\nwhile True:\n    if not os.fork(): time.sleep(60); os._exit(0)"
FILES = "import os\nfor n in range(10**9): os.close(os.open(f'f{n}', os.O_CREAT | os.O_WRONLY))"
ONE_FILE = "open('big', 'wb').truncate(1 << 31)"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        pytest.param(MEMORY, r"MemoryError: .* a model may have 1,573 MB of memory here", id="memory"),
        pytest.param(SHARED, "a model may have no more memory here", id="shared memory"),
        pytest.param(FORKS, "started more than 256 processes", id="fork bomb"),
        pytest.param(FILES, "made more than 20,000 files in its directory, and was stopped", id="disk, many files"),
        pytest.param(ONE_FILE, "File too large.* a model may write files of 1,024 MiB here", id="disk, one file"),
        pytest.param("while True: pass", "did not answer within 6 s", id="endless loop"),
    ],
)
def test_a_model_that_takes_too_much_ends_in_one_sentence(cell: Cell, code: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        cell.tries(code, seconds=6 if "pass" in code else 60)
    assert cell.left() == []


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that only its owner can read, whom the child runs as."""
    path = tmp_path / "home" / ".aws" / "credentials"
    path.parent.mkdir(parents=True)
    path.write_text("canary")
    path.chmod(0o600)
    return path


TRIES = """
tries = {tries!r}
found = []
for each in tries:
    try:
        exec(each, {{}})
        found.append("DONE " + each)
    except OSError as error:
        found.append(type(error).__name__ + " " + str(error.errno))
raise ValueError(sorted(set(found)))
"""
"""Many things that one model tries, and how each ended."""

OTHERS = (
    "open({secret!r}).read()",
    "import os; os.listdir(os.path.dirname({secret!r}))",
    "open('/etc/shadow').read()",
    "open('/proc/{parent}/environ').read()",
    "open('/proc/{parent}/cmdline').read()",
    "open('/proc/1/environ').read()",
    "open('/proc/self/root' + {secret!r}).read()",
    "import os; os.path.exists('mine') or os.symlink({secret!r}, 'mine'); open('mine').read()",
    "open({elsewhere!r}, 'w')",
    "open({model!r} + '/MLmodel', 'a')",
    "import os; os.unlink({model!r} + '/MLmodel')",
    "open('/dev/shm/evil{parent}', 'w')",
    "import os; os.mkdir('/tmp/evil{parent}')",
)


def test_a_model_reads_and_writes_nothing_of_others(cell: Cell, secret: Path) -> None:
    names = {"secret": str(secret), "parent": os.getpid(), "elsewhere": str(cell.root / "new")}
    tries = [each.format(**names, model=str(cell.model)) for each in OTHERS]
    with pytest.raises(BadInput, match=rf"ValueError: \['PermissionError {errno.EACCES}'\]"):
        cell.tries(TRIES.format(tries=tries))
    assert not (cell.root / "new").exists()
    assert not [path for where in ("/dev/shm", "/tmp") if (path := Path(where, f"evil{os.getpid()}")).exists()]  # noqa: S108 -- what it tries


def test_a_model_is_told_that_it_may_not_read(cell: Cell, secret: Path) -> None:
    with pytest.raises(BadInput, match=r"PermissionError: .*: a model sees its own files and Python's here, no others"):
        cell.tries(f"open({str(secret)!r})")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A server on this machine that must not hear anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


CALLS = (
    "import socket; socket.create_connection(('127.0.0.1', {port}))",
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "import socket; socket.socket(socket.AF_INET6, socket.SOCK_STREAM)",
    "import socket; socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "import socket; socket.create_server(('127.0.0.1', 0))",
)


def test_a_model_has_no_network(cell: Cell, listening: socket.socket) -> None:
    tries = [each.format(port=listening.getsockname()[1]) for each in CALLS]
    with pytest.raises(BadInput, match=rf"ValueError: \['OSError {errno.ENETUNREACH}'\]"):
        cell.tries(TRIES.format(tries=tries))
    with pytest.raises(BlockingIOError):
        listening.accept()


def test_a_model_is_told_that_it_has_no_network(cell: Cell) -> None:
    with pytest.raises(BadInput, match=r"Network is unreachable .*: a model has no network here"):
        cell.tries("import urllib.request as u, socket; socket.create_connection(('127.0.0.1', 9))")


def test_a_model_cannot_signal_its_parent(cell: Cell) -> None:
    with pytest.raises(BadInput, match=r"(ProcessLookupError|PermissionError)"):
        cell.tries(f"import os; os.kill({os.getpid()}, 0)")


DAEMON = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        while True: time.sleep(1)
    os._exit(0)
"""


def test_what_a_model_starts_ends_with_it(cell: Cell) -> None:
    probed = cell.tries(DAEMON)
    assert cell.left() == [] or any("namespaces" in line for line in probed.left_open)


def test_a_model_has_no_more_rights_than_limits_and_flags_say(cell: Cell) -> None:
    code = (
        "import os, resource as r, ctypes\n"
        "names = 'CORE', 'FSIZE', 'NOFILE', 'DATA'\n"
        "raise ValueError([r.getrlimit(getattr(r, 'RLIMIT_' + n))[1] for n in names]"
        " + [ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), oct(os.umask(0)), r.getrlimit(r.RLIMIT_CPU)[1] < 10**6])"
    )
    with pytest.raises(BadInput) as caught:
        cell.tries(code)
    assert f"[0, {1 << 30}, 1024, {1500 << 20}, 1, '0o77', True]" in str(caught.value)


def test_what_the_machine_does_not_let_us_cut_off_is_said_once(cell: Cell) -> None:
    probed = cell.tries("")
    known = ("network and other processes not cut off", "files of others not hidden", "sockets not closed")
    assert all(line.startswith(known) for line in probed.left_open)
    twice = [Probed(answer=probed.answer, scores=None, left_open=("sockets not closed: x",))] * 2
    assert left_open(twice) == ("sockets not closed: x",)
    assert cut_off(twice) == ("the process that loads the model: sockets not closed: x",)


PARENT = """
import sys, time
from pathlib import Path
import pandas as pd
from doubles.evil import pickling
from doubles.records import chain
from ci_lib.probe.run import Probe
root = Path(sys.argv[1])
probe = Probe(config=pickling(chain().config), env={}, scratch=root / "scratch", seconds=600)
probe.scratch.mkdir()
finish = probe.begin(root / "models" / "evil", chain().dataset, rows=pd.DataFrame({"a": [1.0]}))
while not (probe.scratch / "here").exists():
    time.sleep(0.05)
print("started", flush=True)
finish()
"""


def test_a_parent_that_is_killed_leaves_no_child(cell: Cell) -> None:
    saved("import time; open('here', 'w').close(); time.sleep(600)", cell.rows, cell.model)
    doubles = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(cell.root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": doubles},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        inside = [path for path in Path("/proc").glob("[0-9]*") if lives_in(path, cell.root)]
        assert len(inside) >= 2  # the starter, and who loads the model
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 20
    while any(lives_in(path, cell.root) for path in inside) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [path for path in inside if lives_in(path, cell.root)]


def lives_in(process: Path, root: Path) -> bool:
    return any(path_is(process / "cwd", root / name) for name in ("scratch", "scratch.starter"))


def path_is(link: Path, target: Path) -> bool:
    try:
        return link.readlink() == target
    except OSError:
        return False


# ---- what is said, and machines that refuse


@pytest.mark.parametrize("given", ["0", "-1", "1e3", "lots", "١", "9" * 30, "1.5"])
def test_an_amount_of_memory_that_is_no_number_is_bad_input(given: str) -> None:
    with pytest.raises(BadInput, match="which is no whole number above 0"):
        limits.memory({limits.MEMORY: given})


def test_a_model_may_have_the_machines_memory_unless_told_otherwise() -> None:
    assert 0 < limits.memory({}) <= limits.USUAL_MEMORY
    assert limits.memory({limits.MEMORY: "2000"}) == 2000 << 20


def test_an_error_of_the_models_own_is_not_explained_by_our_limits() -> None:
    assert limits.explain(ValueError("x")) == ""
    assert limits.explain(FileNotFoundError(errno.ENOENT, "x")) == ""
    assert "machine has" in limits.explain(MemoryError())


class Refusing:
    """A kernel that refuses everything, or everything but some calls."""

    def __init__(self, *granted: int) -> None:
        self.granted = granted
        self.asked: list[int] = []

    def prctl(self, *arguments: Any) -> int:
        return self._answer(arguments[0])

    def unshare(self, flags: int) -> int:
        return self._answer(flags)

    def syscall(self, *arguments: Any) -> int:
        return self._answer(arguments[0])

    def _answer(self, what: int) -> int:
        self.asked.append(what)
        return 1 if what in self.granted and what >= 400 else 0 if what in self.granted else -1


def test_a_kernel_that_refuses_is_quoted_layer_by_layer(tmp_path: Path) -> None:
    refused = box.shut(Refusing(), tmp_path, [])
    assert [line.split(":")[0] for line in refused] == [
        "new privileges not ruled out",
        "files of others not hidden",
        "sockets not closed",
    ]
    assert box.apart(Refusing())


def test_a_machine_that_is_no_linux_says_so(tmp_path: Path) -> None:
    (line,) = box.shut(None, tmp_path, [])
    assert line.startswith("network not cut off, files of others not hidden")
    assert box.apart(None).endswith("has none")
    box.die_with_parent(None)


def test_a_directory_is_measured_in_blocks_and_files(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "big").write_bytes(b"x" * 3_000_000)
    os.truncate(tmp_path / "a" / "big", 1 << 40)
    (tmp_path / "link").symlink_to("/")
    watch.look(os.getpid(), tmp_path, most=10_000)
    with pytest.raises(watch.TooMuch, match="wrote more than 2 MiB"):
        watch.look(os.getpid(), tmp_path, disk=2 << 20, most=10_000)
    with pytest.raises(watch.TooMuch, match="more than 2 files"):
        watch.look(os.getpid(), tmp_path, most_files=2, most=10_000)
    with pytest.raises(watch.TooMuch, match="more than 0 processes"):
        watch.look(os.getsid(0), tmp_path, most=0)


def test_a_directory_or_process_that_is_gone_uses_nothing(tmp_path: Path) -> None:
    assert watch.used(tmp_path / "gone", 1, 1) == (0, 0)
    assert watch.processes(1 << 22) == 0
