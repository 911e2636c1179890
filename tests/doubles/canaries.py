"""Secrets that must not be found anywhere, in every place where a job has one, and the search for them."""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

ENDS = "/+=&?@:#%"
"""A secret's last characters: those that addresses and forms write in another way."""

PLAIN = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AZURE_STORAGE_ACCESS_KEY",
    "GITLAB_TOKEN",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_BUILD_TOKEN",
    "JENKINS_API_TOKEN",
    "JENKINS_PASSWORD",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "PGPASSWORD",
    "MYSQL_PWD",
    "TWINE_PASSWORD",
    "DATABRICKS_TOKEN",
    "SSH_PRIVATE_KEY",
    "VAULT_TOKEN",
    "SLACK_WEBHOOK",
    "NPM_TOKEN",
    "MY_OWN_THING",
)
ADDRESSES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "DATABASE_URL", "CI_REPOSITORY_URL")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def secret(name: str) -> str:
    """Return the secret that a variable holds, unlike any other."""
    return f"cnry{name.lower().replace('_', '')}Zq7{ENDS}"


def environment() -> dict[str, str]:
    """Return variables with a secret in each; in the proxies' it is the userinfo."""
    userinfo = {name: quote(secret(name), safe="") for name in (*ADDRESSES, *PROXIES)}
    return {
        **{name: secret(name) for name in PLAIN},
        **{name: f"https://ana:{userinfo[name]}@pypi.example/simple?token={userinfo[name]}" for name in ADDRESSES},
        **{name: f"http://ana:{userinfo[name]}@127.0.0.1:9" for name in PROXIES},
        "MLFLOW_TRACKING_USERNAME": "ana",
        "NO_PROXY": "nothing.example",
    }


def forms(value: str) -> set[bytes]:
    """Return a secret as it may be written: plain, in addresses, in Base64 at each of the three places in a group."""
    data = value.encode()
    found = {data, quote(value, safe="").encode(), quote(value).encode(), quote_plus(value).encode()}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data)
        # Characters that depend on what stands before or after are left out.
        inside = encoded[-(-shift * 8 // 6) : len(encoded) - 4]
        found |= {inside, inside.translate(bytes.maketrans(b"+/", b"-_"))}
    return found | {data.removesuffix(ENDS.encode())}


class Watch:
    """Looks for secrets."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.wanted = {form: name for name, value in values.items() for form in forms(value)}

    def hits(self, data: bytes) -> set[str]:
        """Return the names of the secrets that are in some bytes."""
        return {name for form, name in self.wanted.items() if form in data}

    def files(self, roots: Iterable[Path]) -> dict[str, set[str]]:
        """Return the files below directories that have secrets in them, names of files included."""
        found = {}
        for root in roots:
            for path in root.rglob("*"):
                content = path.read_bytes() if path.is_file() else b""
                if names := self.hits(content + str(path).encode()):
                    found[str(path)] = names
        return found


def watch() -> Watch:
    """Return what looks for all of them."""
    return Watch({name: secret(name) for name in (*PLAIN, *ADDRESSES, *PROXIES)})
