"""Who may speak to the signoff page: the browser that was given the link, and no other page in it.

Other users and other web pages of the same machine can reach 127.0.0.1 too. Against them: a link that works once and
becomes a cookie (``HttpOnly``, ``SameSite=Strict``), a Host check against DNS rebinding, and for answers an Origin
check and a token in the form against cross-site requests (OWASP Cross-Site Request Forgery Prevention Cheat Sheet).
"""

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

HOSTS = frozenset({"127.0.0.1", "localhost"})
"""Names no outsider's DNS can point here. Any port: a reviewer may come through ``ssh -L``."""


class Door:
    """The secrets of one page.

    Args:
        secret: gives a new unguessable text each time.
    """

    def __init__(self, secret: Callable[[], str]) -> None:
        self.secret = secret
        self.session = secret()
        self.csrf = secret()
        self.link = secret()
        self.spent: set[str] = set()

    def enter(self, token: str) -> bool:
        """Spend a link; True for the first who presents it."""
        if not _same(token, self.link):
            return False
        self.spent.add(self.link)
        self.link = self.secret()
        return True

    def was_spent(self, token: str) -> bool:
        """Say whether this was a link of ours that somebody used already."""
        return any(_same(token, link) for link in self.spent)

    def knows(self, cookies: str, name: str) -> bool:
        """Say whether the request carries our cookie."""
        # By hand: `SimpleCookie` gives up on all cookies when another server of this machine set an odd one.
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        return any(key == name and _same(value, self.session) for key, _, value in pairs)

    def trusts(self, token: str) -> bool:
        """Say whether a form is one that we handed out."""
        return _same(token, self.csrf)


def host_is_ours(host: str) -> bool:
    """Say whether a Host header names this machine."""
    try:
        return urlsplit(f"//{host}").hostname in HOSTS
    except ValueError:
        return False


def origin_is_ours(origin: str | None, host: str) -> bool:
    """Say whether an Origin header, where there is one, is the page itself."""
    return origin is None or origin == f"http://{host}"


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
