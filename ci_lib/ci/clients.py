"""python-gitlab and python-jenkins, opened so that all they send goes through our transport.

What each does alone is in tests/http/test_clients.py, as a table of attempts. Each is an extra of its own, so each is
imported where it is opened.
"""

from typing import TYPE_CHECKING, Literal

import requests
from requests.auth import HTTPBasicAuth

from ci_lib.http import Transport

if TYPE_CHECKING:
    import gitlab
    import jenkins

Kind = Literal["private_token", "oauth_token", "job_token"]


def open_gitlab(transport: Transport, token: str | None, kind: Kind = "private_token") -> "gitlab.Gitlab":
    """Return a client of GitLab; without a token for what everybody may see.

    Its own retries are off: they would wait whatever the server says, and repeat what must not be repeated. 429 never
    reaches it. `keep_base_url`: pages follow our address, where the server calls itself by another.
    """
    import gitlab  # noqa: PLC0415 -- an extra

    return gitlab.Gitlab(
        transport.service.url,
        private_token=token if kind == "private_token" else None,
        oauth_token=token if kind == "oauth_token" else None,
        job_token=token if kind == "job_token" else None,
        session=transport,
        retry_transient_errors=False,
        keep_base_url=True,
    )


def open_jenkins(transport: Transport, user: str, token: str) -> "jenkins.Jenkins":
    """Return a client of Jenkins.

    python-jenkins makes a session of its own, without timeouts or retries that work, and takes no other: it is replaced
    here, and nowhere else. Headers of ``JENKINS_API_EXTRA_HEADERS`` are kept. Kerberos is not tried. No crumb is asked
    for: Jenkins wants none with an API token (`ApiCrumbExclusion`), and with a password it says so.
    """
    import jenkins  # noqa: PLC0415 -- an extra

    client = jenkins.Jenkins(transport.service.url, user, token)
    given = client._session.headers  # noqa: SLF001 -- as below
    usual = requests.utils.default_headers()
    transport.headers.update({name: value for name, value in given.items() if name not in usual})
    transport.auth = client.auth = HTTPBasicAuth(user.encode(), token.encode())
    client._session = transport  # noqa: SLF001 -- it has no parameter for it
    client._auth_resolved = True  # noqa: SLF001 -- or it tries Kerberos
    client.crumb = False
    return client
