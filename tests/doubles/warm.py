"""A process that has imported MLflow and forks a child for each task.

Importing MLflow costs two seconds, forking a few milliseconds. pytest itself is no process to fork from: it has threads
(pytest-xdist), open databases and a tracer. This one has imported everything, and has
gone through everything once in a registry that nobody else uses (MLflow leaves idle threads there that wait for more).

Run as ``python -m doubles.warm FD DIRECTORY``, it takes tasks from a socket; each comes with a pipe for its answer.
"""

import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Self

TESTS = Path(__file__).parents[1]
LONGEST = 100_000
"""Bytes of a pickled task."""
SECONDS = 300.0
"""No child takes so long."""
PRELOADED = (
    "ci_lib.jobs.approve", "ci_lib.jobs.deploy", "ci_lib.jobs.rollback", "ci_lib.audit", "ci_lib.registry",
    "doubles.small_chain", "mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.artifact.local_artifact_repo", "mlflow.store.artifact.mlflow_artifacts_repo", "psycopg2",
)  # fmt: skip


class Died:
    """What `Child.result` gives for a child that was killed."""


class Child:
    """A task that runs."""

    def __init__(self, answer: int) -> None:
        self._answer = answer
        self.pid = int.from_bytes(os.read(answer, 8), "big")

    def result(self) -> Any:
        """Wait for the end; what the task returned, or `Died`.

        Raises:
            AssertionError: the task raised, or did not end; with its traceback.
        """
        data = b""
        with os.fdopen(self._answer, "rb", buffering=0) as pipe:
            while True:
                if not select.select([pipe], [], [], SECONDS)[0]:
                    os.kill(self.pid, signal.SIGKILL)
                    message = f"the child did not end within {SECONDS:.0f} s"
                    raise AssertionError(message)
                part = pipe.read(1 << 16)
                if not part:
                    break
                data += part
        if not data:
            return Died
        raised, value = pickle.loads(data)
        if raised:
            raise AssertionError(value)
        return value


class Warm:
    """Starts tasks in forked children.

    Args:
        directory: with an empty MLflow database, ``mlflow.db``, to warm up in.
    """

    def __init__(self, directory: Path) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
        env["PYTHONPATH"] = str(TESTS)
        number = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "doubles.warm", str(number), str(directory)],
            pass_fds=[number],
            env=env,
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()  # it reads that nothing more comes, and ends
        self._process.wait(timeout=SECONDS)

    def start(self, task: Callable[..., Any], *args: Any) -> Child:
        """Start a function of a module in tests/doubles in a child."""
        answer, theirs = os.pipe()
        socket.send_fds(self._socket, [pickle.dumps((task, args))], [theirs])
        os.close(theirs)
        return Child(answer)

    def run(self, task: Callable[..., Any], *args: Any) -> Any:
        """Run a function in a child and wait for it."""
        return self.start(task, *args).result()


def serve(tasks: socket.socket) -> None:
    """Fork a child for each task that arrives."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: their pipes tell
    while True:
        data, descriptors, _, _ = socket.recv_fds(tasks, LONGEST, 1)
        if not data:
            return
        if os.fork() == 0:
            tasks.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _work(data, descriptors[0])
        os.close(descriptors[0])


def _work(data: bytes, answer: int) -> None:
    """Run one task and end this process without a word to anybody."""
    os.write(answer, os.getpid().to_bytes(8, "big"))
    try:
        task, args = pickle.loads(data)
        said = pickle.dumps((False, task(*args)))
    except BaseException:  # noqa: BLE001 -- handed to the parent, which raises it again
        said = pickle.dumps((True, traceback.format_exc()))
    with os.fdopen(answer, "wb") as pipe:
        pipe.write(said)
    os._exit(0)


def warm_up(directory: Path) -> None:
    """Import what children need, and go through deploy, rollback and audit once."""
    for name in PRELOADED:
        import_module(name)
    crashing = import_module("doubles.crashing")  # which imports MLflow, and the parent imports this module
    place = crashing.Place(address=f"sqlite:///{directory}/mlflow.db", root=directory, name="warm")
    crashing.prepare([place], "rollback")
    crashing.finish(place, "rollback")


if __name__ == "__main__":
    warm_up(Path(sys.argv[2]))
    serve(socket.socket(fileno=int(sys.argv[1])))
