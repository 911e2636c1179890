"""Plain lines, GitLab's sections, and which console is picked."""

import io

import pytest

from ci_lib.console import Console, GitLabConsole
from ci_lib.consoles import choose
from ci_lib.terminal import Terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines() -> None:
    out = io.StringIO()
    console = Console(out)
    with console.stage("train"), console.step("fitting"):
        console.say("done")
    assert out.getvalue() == "== train\n   fitting ...\ndone\n"


def test_plain_lines_go_to_standard_output_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    Console().say("hello")
    assert capsys.readouterr().out == "hello\n"


def test_escape_sequences_in_a_message_are_shown_not_obeyed() -> None:
    out = io.StringIO()
    Console(out).say("\x1b[2J\rsection_end:1:x")
    assert out.getvalue() == "⟨U+001B⟩[2J section_end:1:x\n"


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def __init__(self) -> None:
        super().__init__()
        self.tried = 0

    def write(self, text: str) -> int:
        del text
        self.tried += 1
        raise BrokenPipeError


def test_when_nobody_reads_any_more_the_work_goes_on_in_silence() -> None:
    pipe = Gone()
    console = Console(pipe)
    with console.stage("deploy"):
        console.say("release 1")
    assert pipe.tried == 1


def test_an_ascii_pipe_gets_escapes_not_a_crash() -> None:
    raw = io.BytesIO()
    pipe = io.TextIOWrapper(raw, encoding="ascii")
    Console(pipe).say("✓ 5 × 3")
    assert raw.getvalue() == b"\\u2713 5 \\xd7 3\n"


def test_a_stage_is_a_section_in_gitlab() -> None:
    out = io.StringIO()
    times = iter([100.9, 107.2])
    console = GitLabConsole(out, clock=lambda: next(times))
    with console.stage("Train it!"):
        console.say("done")
    assert out.getvalue() == (
        "\x1b[0Ksection_start:100:ml_release_train_it\r\x1b[0K== Train it!\ndone\n"
        "\x1b[0Ksection_end:107:ml_release_train_it\r\x1b[0K\n"
    )


def test_a_section_is_closed_when_the_stage_fails() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="boom"), GitLabConsole(out, clock=lambda: 1.0).stage("train"):
        raise ValueError("boom")  # noqa: EM101 -- a test's own error
    assert "section_end:1:ml_release_train" in out.getvalue()


@pytest.mark.parametrize(
    ("out", "env", "kind"),
    [
        (Tty(), {"TERM": "xterm"}, Terminal),
        (Tty(), {"TERM": "xterm", "CI": "true"}, Console),
        (Tty(), {"TERM": "dumb"}, Console),
        (Tty(), {}, Console),
        (io.StringIO(), {"TERM": "xterm"}, Console),
        (io.StringIO(), {"GITLAB_CI": "true", "CI": "true"}, GitLabConsole),
    ],
)
def test_the_console_fits_the_place(out: io.StringIO, env: dict[str, str], kind: type[Console]) -> None:
    assert type(choose(out, env)) is kind
