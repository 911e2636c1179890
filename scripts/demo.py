"""The demo: one release on real data, as a team would live it. `make demo` calls it; DECIDE plays the reviewer.

The first call tries a plain model, which the fairness rule stops, then a mitigated one, which reaches the gate. Every
later call trains a challenger and releases it on top. Only `ml-release` commands are used, and each is shown.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ci_lib.errors import Exit

PROJECT = Path("build/demo")
PROGRAM = str(Path(sys.executable).parent / "ml-release")
AUTHOR = ("-c", "user.name=Demo Author", "-c", "user.email=author@example.org")


def main() -> int:
    """Play the demo; 0 unless something broke that was not meant to."""
    decide = os.environ.get("DECIDE", "")
    if decide not in {"", "approve", "reject", "page"}:
        sys.exit(f"demo: DECIDE={decide}? It is approve, reject, page, or nothing")
    if not (PROJECT / "release.yml").exists():
        stopped = first_try()
        if stopped:
            return stopped
        mitigate()
    elif released():
        challenge(released() + 1)
    return to_the_end(decide)


def first_try() -> int:
    """Write the project and run it as it is; the policy must stop it."""
    say("A new project, with a plain model on every column. The policy is in release.yml.")
    shutil.rmtree(PROJECT, ignore_errors=True)
    if call("init", str(PROJECT), "--example", "loans", inside=False):
        return Exit.BUG
    git("init", "--quiet")
    commit("A plain model")
    code = call("run", "--no-page")
    if code == Exit.FAIL:
        say("Stopped before a person was asked: that model treats groups too differently, and the report says how.")
        return 0
    say(f"The plain model was to be stopped with exit code {int(Exit.FAIL)}, and ended with {code}.")
    return code or Exit.BUG


def mitigate() -> None:
    """Change release.yml as a person would: no sensitive columns, no leak, groups reweighed."""
    say("So: no race, sex or marital status for the model; no typur, which prepare suspects of knowing the outcome;")
    say("and the training rows reweighed. The policy stays as it is.")
    edit(r"drop: \[action, reject\].*", "drop: [action, reject, typur, white]")
    edit(r"use_sensitive: true.*", "use_sensitive: false")
    edit(r"recipe: \w+", "recipe: reweighed")
    commit("Reweigh the groups, leave the sensitive columns and the leak out")


def challenge(number: int) -> None:
    """Change the recipe: the next candidate is compared with the champion on the same rows."""
    recipe = "forest" if number % 2 == 0 else "reweighed"
    say(f"A challenger for release {number - 1}: recipe {recipe}, compared with the champion on the same rows.")
    edit(r"recipe: \w+", f"recipe: {recipe}")
    edit(r"params: \{recipe: (\w+)(, seed: \d+)?\}", rf"params: {{recipe: \1, seed: {number}}}")
    commit(f"Candidate {number}: {recipe}")


def to_the_end(decide: str) -> int:
    """Run the main job and meet the reviewer at the gate."""
    page = ["--page"] if decide == "page" else []
    code = play(decide) if decide in {"approve", "reject"} else call("run", *page)
    if code == Exit.NO_APPROVAL:
        say(f"The gate waits for a person. In {PROJECT}, with {PROGRAM}:")
        say("approve and deploy as shown above; or let the demo play the reviewer: make demo DECIDE=approve")
        return 0
    return 0 if code == Exit.REJECTED and decide == "reject" else code


def play(decide: str) -> int:
    """Run the main job with its page, and answer from a second terminal once the gate is open."""
    command = [PROGRAM, "run", "--page"]
    show(command)
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout or ():
            print(line, end="", flush=True)
            if line.lstrip().startswith("or in a terminal:"):
                answer(line.split(":", 1)[1].strip(), decide)
        return running.wait()


def answer(command: str, decide: str) -> None:
    """Type what the gate offered, with a reason."""
    words = shlex.split(command)[1:]
    reason = (
        "Read the report. The group is small: watch it monthly" if decide == "approve" else "The group is too small"
    )
    words[words.index("--reason") + 1] = reason
    if decide == "reject":
        words = [*words[: words.index("--reason") + 2], "--reject"]
    call(*words)


def released() -> int:
    """Return how many releases the ledger has."""
    done = subprocess.run([PROGRAM, "history", "--json"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout.count('"kind": "release"')


def call(*arguments: str, inside: bool = True) -> int:
    """Run ml-release with the terminal that we have."""
    show([PROGRAM, *arguments])
    return subprocess.run([PROGRAM, *arguments], cwd=PROJECT if inside else None, check=False).returncode


def show(command: list[str]) -> None:
    """Show a command as one would type it."""
    print(f"\n$ {shlex.join(['ml-release', *command[1:]])}", flush=True)


def say(text: str) -> None:
    """Tell what happens."""
    print(f"# {text}", flush=True)


def edit(pattern: str, text: str) -> None:
    """Replace one place of release.yml."""
    path = PROJECT / "release.yml"
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), count=1)
    if count != 1:
        sys.exit(f"demo: {path} no longer has {pattern!r}; remove {PROJECT} and start again")
    path.write_text(changed, encoding="utf-8")


def commit(message: str) -> None:
    """Commit as the author, who is not the reviewer."""
    git("add", "--all")
    git(*AUTHOR, "commit", "--quiet", "--allow-empty", "--message", message)


def git(*arguments: str) -> None:
    """Run git in the project."""
    subprocess.run(["git", *arguments], cwd=PROJECT, check=True)


if __name__ == "__main__":
    sys.exit(main())
