"""Certificates, proxies and credentials that come from the environment, against real TLS and a real proxy."""

from pathlib import Path
from typing import Any

import pytest
from doubles.authority import Authority, proxying
from doubles.faults import reply, serving

from ci_lib.errors import BadInput, ReleaseError, Unavailable


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# ---- certificates


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_certificate_authority_of_ones_own_is_trusted(connect: Any, authority: Authority, name: str) -> None:
    with serving(tls=authority.server()) as server:
        transport = connect(server.address, {name: str(authority.file)})
        assert transport.get(server.address).ok
        assert transport.post(server.address).ok


def test_the_first_of_several_bundles_counts(connect: Any, authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)
    with serving(tls=authority.server()) as server:
        env = {"SSL_CERT_FILE": str(other.file), "REQUESTS_CA_BUNDLE": str(authority.file)}
        assert connect(server.address, env).get(server.address).ok


@pytest.mark.parametrize("env", [{}, {"PYTHONHTTPSVERIFY": "0"}, {"MLFLOW_TRACKING_INSECURE_TLS": "true"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_certificate_that_nobody_vouches_for_ends_it_at_once(
    connect: Any, authority: Authority, env: dict[str, str], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with serving(tls=authority.server()) as server:
        with pytest.raises(BadInput, match=r"certificate of GitLab at .* is not trusted: .*issuer") as caught:
            connect(server.address, env).request(method, server.address)
        assert server.requests == []
    assert "SSL_CERT_FILE=PATH" in caught.value.hint


def test_a_certificate_for_another_host_is_not_trusted(connect: Any, authority: Authority) -> None:
    with serving(tls=authority.server()) as server:
        elsewhere = server.address.replace("127.0.0.1", "localhost")
        with pytest.raises(BadInput, match="is not trusted: Hostname mismatch"):
            connect(elsewhere, {"SSL_CERT_FILE": str(authority.file)}).get(elsewhere)


def test_checking_certificates_cannot_be_switched_off(connect: Any, authority: Authority) -> None:
    with serving(tls=authority.server()) as server:
        transport = connect(server.address)
        with pytest.raises(BadInput, match="verify=False"):
            transport.get(server.address, verify=False)
        transport.verify = False
        with pytest.raises(BadInput, match="verify=False"):
            transport.get(server.address)
        assert server.requests == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_bundle_without_certificates_is_said_before_anything_is_asked(
    connect: Any, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=f"SSL_CERT_FILE: {path} holds no certificates"):
        connect("https://gitlab.example", {"SSL_CERT_FILE": str(path)})


def test_a_directory_of_certificates_is_taken(connect: Any, authority: Authority, tmp_path: Path) -> None:
    with serving(tls=authority.server()) as server, pytest.raises(BadInput, match="is not trusted"):
        connect(server.address, {"SSL_CERT_DIR": str(tmp_path)}).get(server.address)


def test_a_client_certificate_is_shown_where_one_is_asked_for(connect: Any, authority: Authority) -> None:
    env = {"SSL_CERT_FILE": str(authority.file)}
    with serving(tls=authority.server(clients=True)) as server:
        with_it = {**env, "ML_RELEASE_CLIENT_CERT": str(authority.issue("client"))}
        assert connect(server.address, with_it).get(server.address).ok
        with pytest.raises(Unavailable):
            connect(server.address, env).get(server.address)
        assert len(server.requests) == 1


def test_a_client_certificate_without_its_key_is_bad_input(connect: Any, authority: Authority) -> None:
    with pytest.raises(BadInput, match="is no PEM file with a certificate and its key"):
        connect("https://gitlab.example", {"ML_RELEASE_CLIENT_CERT": str(authority.file)})


# ---- proxies


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_https_goes_through_the_proxys_tunnel(connect: Any, authority: Authority, name: str) -> None:
    with serving(reply(503), tls=authority.server()) as server, proxying() as proxy:
        env = {name: f"http://{proxy.address}", "SSL_CERT_FILE": str(authority.file)}
        assert connect(server.address, env).get(server.address).ok
        assert [line.rpartition(" ")[0] for line in proxy.asked] == [f"CONNECT 127.0.0.1:{server.port}"]
        assert len(server.requests) == 2


def test_plain_http_is_handed_to_the_proxy(connect: Any) -> None:
    with serving() as server, proxying() as proxy:
        transport = connect(server.address, {"http_proxy": f"http://ana:s3cret@{proxy.address}"})
        assert transport.get(f"{server.address}/api").ok
        assert proxy.asked == [f"GET {server.address}/api HTTP/1.1"]
        assert len(proxy.credentials) == 1


@pytest.mark.parametrize("bypass", ["127.0.0.1", "*", "10.0.0.1, 127.0.0.0/8"])
@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_no_proxy_names_is_asked_directly(connect: Any, bypass: str, name: str) -> None:
    with serving() as server, proxying() as proxy:
        env = {"HTTP_PROXY": f"http://{proxy.address}", name: bypass}
        assert connect(server.address, env).get(server.address).ok
        assert proxy.asked == []


def test_only_the_environment_that_is_handed_in_counts(connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving() as server:
        assert connect(server.address).get(server.address).ok


@pytest.mark.parametrize(
    ("status", "kind", "words", "tries"),
    [
        ("403 Forbidden", Unavailable, "the proxy does not let us through", 4),
        ("407 Auth", BadInput, "the proxy on the way to GitLab.* asks for a user name and password", 1),
    ],
)
def test_a_proxy_that_refuses_the_tunnel_is_said(
    connect: Any, authority: Authority, status: str, kind: type[ReleaseError], words: str, tries: int
) -> None:
    with serving(tls=authority.server()) as server, proxying(status) as proxy:
        env = {"HTTPS_PROXY": f"http://ana:s3cret-word@{proxy.address}", "SSL_CERT_FILE": str(authority.file)}
        with pytest.raises(kind, match=words) as caught:
            connect(server.address, env).post(server.address)
        assert type(caught.value) is kind  # nothing reached the server
        assert server.requests == []
        assert len(proxy.asked) == tries
    assert "s3cret-word" not in str(caught.value)


def test_a_plain_proxy_that_wants_a_password_is_bad_input(connect: Any) -> None:
    with serving(reply(407)) as proxy, pytest.raises(BadInput, match="asks for a user name and password"):
        connect("http://gitlab.example", {"http_proxy": proxy.address}).get("http://gitlab.example")


def test_a_proxy_that_is_not_there_is_said(connect: Any) -> None:
    with pytest.raises(Unavailable, match=r"the proxy does not answer|connection refused") as caught:
        connect("https://gitlab.example", {"HTTPS_PROXY": "http://127.0.0.1:1"}).post("https://gitlab.example")
    assert type(caught.value) is Unavailable


# ---- credentials


def test_no_credentials_are_taken_from_a_netrc(connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving() as server:
        connect(server.address).get(server.address)
        assert "authorization" not in server.requests[0].headers
