"""PostgreSQL behind TLS: the embedded server is built without it, so its clients come to this front instead."""

import datetime as dt
import ipaddress
import select
import socket
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

SSL_REQUEST = struct.pack(">II", 8, 80877103)
"""What a client begins with that wants TLS (PostgreSQL, "SSL Session Encryption")."""


class TlsFront:
    """A TCP port that speaks TLS only, and passes on what comes through to a server's socket.

    `certificate` is what clients have to trust. `plain` counts who wanted to go on in the clear.
    """

    def __init__(self, folder: Path, server_url: str) -> None:
        self.certificate = folder / "server.crt"
        self.plain = 0
        self._server = conninfo_to_dict(server_url)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certified(folder, self.certificate))
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The server's URL by this front, whose certificate is to be checked."""
        account, port = f"{self._server['user']}@127.0.0.1", self._listener.getsockname()[1]
        options = {"sslmode": "verify-full", "sslrootcert": self.certificate, "passfile": self._server["passfile"]}
        return f"postgresql://{account}:{port}/{self._server['dbname']}?{urlencode(options)}"

    def close(self) -> None:
        """Takes nobody any more."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
                self.plain += 1
                return
            client.sendall(b"S")
            with self._context.wrap_socket(client, server_side=True) as secured, socket.socket(socket.AF_UNIX) as inner:
                inner.connect(f"{self._server['host']}/.s.PGSQL.{self._server['port']}")
                _exchange(secured, inner)


def _exchange(secured: ssl.SSLSocket, inner: socket.socket) -> None:
    """Carries bytes both ways until either side has ended."""
    while True:
        ready = [secured] if secured.pending() else select.select([secured, inner], [], [])[0]
        for source in ready:
            if not (piece := source.recv(2**16)):
                return
            (inner if source is secured else secured).sendall(piece)


def _certified(folder: Path, certificate: Path) -> Path:
    """A file with a new key and its certificate for 127.0.0.1; the certificate alone goes to `certificate`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    moment = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - dt.timedelta(hours=1)).not_valid_after(moment + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    certificate.write_bytes(pem)
    both = folder / "server.pem"
    both.write_bytes(pem + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return both
