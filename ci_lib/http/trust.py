"""Proxies and certificates, from the environment that is handed in.

requests reads `os.environ` itself, leaves ``SSL_CERT_FILE`` out, and takes a ``.netrc`` for credentials that nobody
meant; so the transport switches that off (``trust_env``) and asks here. Checking certificates cannot be switched off:
there is no variable for it.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

from requests.utils import should_bypass_proxies

from ci_lib.errors import BadInput

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The first that is set counts: requests' two, then OpenSSL's."""

CLIENT = "ML_RELEASE_CLIENT_CERT"
"""Path of a PEM file with the client's certificate and its key, for servers that ask for one."""


def bundle(env: Mapping[str, str]) -> str | None:
    """Return the path of the certificate authorities to trust; None for those that come with requests.

    Raises:
        BadInput: there is no such file, or no certificate in it.
    """
    name = next((name for name in BUNDLES if env.get(name)), None)
    if name is None:
        return None
    path = Path(env[name])
    try:
        if path.is_dir():
            ssl.create_default_context(capath=str(path))
        else:
            ssl.create_default_context(cafile=str(path))
    except OSError as error:
        message = f"{name}: {path} holds no certificates that can be read: {error.strerror or error}"
        raise BadInput(message, f"ls -l {path}; it should be a PEM file of certificate authorities") from error
    return str(path)


def client_certificate(env: Mapping[str, str]) -> str | None:
    """Return the path of the client's certificate and key; None where there is none.

    Raises:
        BadInput: it cannot be read, or lacks one of the two.
    """
    path = env.get(CLIENT)
    if not path:
        return None
    try:
        ssl.create_default_context().load_cert_chain(path, password="")  # never ask on the terminal
    except OSError as error:
        message = f"{CLIENT}: {path} is no PEM file with a certificate and its key: {error.strerror or error}"
        raise BadInput(message, f"cat certificate.pem key.pem > {path}; the key must have no passphrase") from error
    return path


def proxies(env: Mapping[str, str], url: str) -> dict[str, str]:
    """Return the proxy for an address, as requests wants it, by its scheme; empty where there is none.

    ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, and ``NO_PROXY`` read as requests does; lower case counts first.
    """
    scheme = url.partition(":")[0]
    proxy = _either(env, f"{scheme}_proxy") or _either(env, "all_proxy")
    if not proxy or should_bypass_proxies(url, no_proxy=_either(env, "no_proxy")):
        return {}
    return {scheme: proxy}


def _either(env: Mapping[str, str], name: str) -> str:
    return env.get(name) or env.get(name.upper()) or ""
