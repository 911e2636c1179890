"""A person's own token: from a file that is theirs alone, or from their environment."""

from pathlib import Path

import pytest

from ci_lib.ci.own import OWN_TOKEN, own_token
from ci_lib.errors import BadInput


@pytest.mark.parametrize(("mode", "text", "sentence"), [(0o644, "t", "others can read"), (0o600, " \n", "is empty")])
def test_a_token_file_is_its_owners_alone(tmp_path: Path, mode: int, text: str, sentence: str) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(BadInput, match=sentence):
        own_token(path, {}, "GitLab", "make one")


def test_a_token_comes_from_its_file_before_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("secret\n")
    path.chmod(0o600)
    assert own_token(path, {OWN_TOKEN: "other"}, "GitLab", "") == "secret"
    assert own_token(None, {OWN_TOKEN: "other\n"}, "GitLab", "") == "other"


@pytest.mark.parametrize("name", ["missing", "."])
def test_without_one_it_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        own_token(tmp_path / name, {}, "Jenkins", "make one")
    with pytest.raises(BadInput, match="Jenkins needs your own token") as caught:
        own_token(None, {}, "Jenkins", "make one")
    assert caught.value.hint == "make one"
