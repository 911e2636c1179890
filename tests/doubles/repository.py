"""A real git repository in a directory of a test's own, untouched by the settings of whoever runs it."""

import subprocess
from pathlib import Path

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_ALLOW_PROTOCOL": "file",
}


class Git:
    """Runs git in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, env=ENV, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def start(self) -> "Git":
        """Make a repository whose branch is called main."""
        self.root.mkdir(exist_ok=True)
        self("init", "--quiet", "--initial-branch", "main")
        return self

    def commit(self, *paths: str) -> str:
        """Commit the given paths, or everything, and return the commit's id."""
        self("add", "--force", *(paths or ("--all",)))
        self("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self("rev-parse", "HEAD")

    def publish(self, branch: str = "main") -> str:
        """Let ``origin/<branch>`` be what is checked out now, as after a push and a fetch; return the commit."""
        self("update-ref", f"refs/remotes/origin/{branch}", "HEAD")
        return self("rev-parse", "HEAD")
