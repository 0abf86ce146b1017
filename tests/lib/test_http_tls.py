"""Nothing is said to a peer before it has proved its name."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from imagestudio.lib.http import NotSent
from tests.lib.peers import (
    OUTSIDE,
    Reader,
    Writer,
    calling,
    in_loop,
    open_sockets_to,
    pretend,
    say_ok,
    serving,
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate and its key for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.DNSName("localhost"),
                    x509.IPAddress(ipaddress.ip_address(OUTSIDE)),
                ]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@in_loop
async def test_a_certificate_nobody_vouches_for_is_not_sent_to(
    server_tls: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with (
        serving(say_ok, tls=server_tls) as peer,
        calling(trusted=[peer.pair]) as egress,
    ):
        with pytest.raises(NotSent):
            await egress.request("POST", f"https://{peer.pair}/", json={})
        assert peer.requests == []


@in_loop
async def test_a_certificate_for_another_name_is_not_sent_to(
    server_tls: ssl.SSLContext, certificate: Path
) -> None:
    async with serving(say_ok, tls=server_tls) as peer, calling() as egress:
        egress.tls.load_verify_locations(certificate)
        pretend(egress, peer, [OUTSIDE])
        with pytest.raises(NotSent):
            await egress.request("POST", f"https://other.example:{peer.port}/", json={})
        assert peer.requests == []


@in_loop
async def test_before_send_runs_after_the_handshake(
    server_tls: ssl.SSLContext, certificate: Path
) -> None:
    async with serving(say_ok, tls=server_tls) as peer, calling() as egress:
        egress.tls.load_verify_locations(certificate)
        pretend(egress, peer, [OUTSIDE])
        seen: list[tuple[int, int]] = []

        async def before_send() -> None:
            await asyncio.sleep(0.02)
            seen.append((peer.connections, peer.bytes_seen))

        url = f"https://localhost:{peer.port}/"
        answer = await egress.request("POST", url, json={}, before_send=before_send)
        assert (answer.body, seen) == (b"ok", [(1, 0)])


@in_loop
async def test_a_handshake_that_never_ends_is_not_sent_and_leaves_no_socket() -> None:
    async def swallow(reader: Reader, writer: Writer) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, OUTSIDE, 0)
    port = server.sockets[0].getsockname()[1]
    async with calling(trusted=[f"{OUTSIDE}:{port}"]) as egress:
        with pytest.raises(NotSent):
            await egress.request("GET", f"https://{OUTSIDE}:{port}/", timeout_seconds=0.2)
        call = asyncio.create_task(egress.request("GET", f"https://{OUTSIDE}:{port}/"))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert open_sockets_to(port) == 0
    server.close()
