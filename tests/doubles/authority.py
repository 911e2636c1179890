"""A throw-away certificate authority, and a proxy that remembers whom it was asked for."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates for 127.0.0.1.

    Args:
        directory: where its files go.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"throw-away {directory.name}")])
        self.certificate = self._builder(self.name, self.key, authority=True).sign(self.key, hashes.SHA256())
        self.file = directory / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool = False
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )

    def issue(self, name: str) -> Path:
        """Return a PEM file with a certificate for 127.0.0.1 and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = self._builder(subject, key).add_extension(address, critical=False).sign(self.key, hashes.SHA256())
        path = self.directory / f"{name}.pem"
        path.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path

    def server(self, *, clients: bool = False) -> ssl.SSLContext:
        """Return a server's context, which asks for a client certificate with `clients`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue("server"))
        if clients:
            context.load_verify_locations(self.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Proxy:
    """A proxy of one kind of connection at a time: CONNECT is tunnelled, plain requests are passed on as they are.

    Args:
        status: what CONNECT is answered with.
    """

    def __init__(self, status: str = "200 OK") -> None:
        self.status = status
        self.asked: list[str] = []
        """First lines of what it was asked."""
        self.credentials: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.open: list[socket.socket] = []
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            thread = threading.Thread(target=self._serve, args=(client,))
            self.threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            start = b""
            while not start.endswith(b"\r\n\r\n"):
                start += client.recv(1)
            first, *lines = start.decode().split("\r\n")
            self.asked.append(first)
            self.credentials += [line for line in lines if line.lower().startswith("proxy-authorization")]
            method, target, _ = first.split()
            host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
            if method == "CONNECT":
                client.sendall(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            if method == "CONNECT" and not self.status.startswith("200"):
                client.close()
                return
            upstream = socket.create_connection((host, int(port)))
            self.open.append(upstream)
            if method != "CONNECT":
                path = "/" + target.removeprefix("http://").partition("/")[2]
                upstream.sendall(start.replace(target.encode(), path.encode(), 1))
            back = threading.Thread(target=_pump, args=(upstream, client))
            self.threads.append(back)
            back.start()
            _pump(client, upstream)

    def stop(self) -> None:
        for sock in (self.listener, *self.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self.threads:
            thread.join(timeout=10)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxying(status: str = "200 OK") -> Iterator[Proxy]:
    """Run a proxy for the length of a test."""
    proxy = Proxy(status)
    try:
        yield proxy
    finally:
        proxy.stop()
