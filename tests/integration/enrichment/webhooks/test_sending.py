"""One message over a real socket: what counts as taken, and what each failure is called."""

import asyncio
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from enrichment.webhooks import addresses, sending
from enrichment.webhooks.sending import Failure, Message, Outcome, send
from tests.apis import RESET, Answer, Api
from tests.sites import free_port

NOBODY: frozenset[str] = frozenset()
LOOPBACK = frozenset({"127.0.0.1"})


def sent(url: str, allowed: frozenset[str] = LOOPBACK, **options: object) -> Outcome:
    message = Message(url=url, headers={"webhook-id": "one"}, body=b'{"type": "test"}')
    return asyncio.run(send(message, allowed, **options))


def leads_to(*found: str) -> addresses.Resolver:
    """A resolver that gives these addresses in turn, one at a time."""
    left = list(found)

    async def look_up(_host: str, _port: int) -> list[str]:
        return [left.pop(0)]

    return look_up


@contextmanager
def listening(serve) -> Iterator[str]:
    """Something that listens on loopback and treats each connection as `serve` does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_success_is_any_2xx(receiver: Api, status: int):
    """The message arrives as it was given, with what says what it is."""
    receiver.script(Answer(status=status))

    outcome = sent(f"{receiver.url}/hook?for=me")

    assert (outcome.failure, outcome.http_status) == (None, status)
    [asked] = receiver.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/hook?for=me", b'{"type": "test"}')
    assert asked.headers["host"] == receiver.url.removeprefix("http://")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-id"] == "one"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(status=500), Failure.STATUS),
        (Answer(status=404), Failure.STATUS),
        (Answer(status=410), Failure.GONE),
        (Answer(status=304), Failure.REDIRECTED),
    ],
)
def test_other_statuses_are_failures(receiver: Api, answer: Answer, failure: Failure):
    """Each is told with its status."""
    receiver.script(answer)
    outcome = sent(receiver.url)
    assert (outcome.failure, outcome.http_status) == (failure, answer.status)


def test_redirect_is_not_followed(receiver: Api):
    """Where it would lead was not checked."""
    receiver.script(Answer(status=301, headers={"Location": f"{receiver.url}/other"}), Answer())

    assert sent(receiver.url).failure == Failure.REDIRECTED
    assert len(receiver.asked) == 1


def test_wish_to_wait_is_read(receiver: Api):
    """As seconds or as a date."""
    receiver.script(Answer(status=503, headers={"Retry-After": "120"}))
    assert sent(receiver.url).retry_after_seconds == 120


def test_cut_connection_is_a_failure(receiver: Api):
    """The receiver may have taken it, or not."""
    receiver.script(RESET)
    outcome = sent(receiver.url)
    assert (outcome.failure, outcome.http_status) == (Failure.BROKE_OFF, None)


def test_receiver_that_hangs_is_left_in_time(receiver: Api, monkeypatch: pytest.MonkeyPatch):
    """The bound is on the whole."""
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 0.2)
    receiver.script(Answer(after=2))
    assert sent(receiver.url).failure == Failure.TIMEOUT


def test_receiver_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch):
    """Also where each of its bytes comes soon after the last."""
    monkeypatch.setattr(sending, "WHOLE_SECONDS", 0.5)

    def drip(connection: socket.socket) -> None:
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1000:
                connection.send(bytes([byte]))
                time.sleep(0.05)

    with listening(drip) as url:
        assert sent(url).failure == Failure.TIMEOUT


def test_endless_answer_is_not_read():
    """The status is all that counts."""
    written = []

    def pour(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        try:
            while True:
                written.append(connection.send(bytes(65536)))
        except OSError:
            return

    with listening(pour) as url:
        assert sent(url).failure is None


def test_nothing_listens():
    """No connection was made."""
    assert sent(f"http://127.0.0.1:{free_port()}/").failure == Failure.UNREACHABLE


def test_garbage_is_a_failure():
    """What answers is no HTTP server."""

    def babble(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.send(b"\x00" * 100)
        connection.close()

    with listening(babble) as url:
        assert sent(url).failure == Failure.BROKE_OFF


def test_environments_proxy_is_not_asked(receiver: Api, monkeypatch: pytest.MonkeyPatch):
    """It would make the connection elsewhere, unchecked."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert sent(receiver.url).failure is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://127.0.0.1:1/"])
def test_host_that_is_not_named_any_more_is_refused(url: str):
    """The rules are those of now, not of when the webhook was made."""
    assert sent(url, NOBODY).failure == Failure.ADDRESS_REFUSED


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.1", "[::1]", "0"),
        *("[::ffff:127.0.0.1]", "10.1", "169.254.169.254", "[::]"),
    ],
)
def test_systems_resolver_tells_what_odd_forms_lead_to(host: str):
    """The real one: nothing that leads to this machine is sent, nor accepted in a definition."""
    url = addresses.read_url(f"https://{host}:1/", NOBODY)
    with pytest.raises(addresses.AddressRefused):
        addresses.check_place(*addresses.place_of(url), NOBODY)
    assert sent(str(url), NOBODY).failure == Failure.ADDRESS_REFUSED


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "no_such_name", "a..b", "x.invalid"])
def test_name_that_leads_nowhere_is_called_so(host: str):
    """Also one that can't be a name."""
    url = f"https://{host}/"
    assert sent(url, NOBODY).failure == Failure.UNRESOLVED
    with pytest.raises(addresses.Unresolved):
        addresses.check_place(*addresses.place_of(addresses.read_url(url, NOBODY)), NOBODY)


def test_name_that_leads_elsewhere_the_next_time_is_no_way_in(receiver: Api):
    """One look-up gives both the address that is checked and the one that is connected to."""
    port = receiver.url.rpartition(":")[2]
    rebinding = leads_to("1.1.1.1", "127.0.0.1")
    asyncio.run(rebinding("receiver.example", 443))  # as when the webhook was made

    outcome = sent(f"https://receiver.example:{port}/", NOBODY, look_up=rebinding)

    assert outcome.failure == Failure.ADDRESS_REFUSED
    assert receiver.asked == []


def test_connection_goes_to_the_address_that_was_looked_up(receiver: Api):
    """A name that no resolver of this machine knows; it was looked up once."""
    port = receiver.url.rpartition(":")[2]
    allowed = frozenset({f"receiver.example:{port}"})
    outcome = sent(f"http://receiver.example:{port}/", allowed, look_up=leads_to("127.0.0.1"))
    assert outcome.failure is None
    assert receiver.asked[0].headers["host"] == f"receiver.example:{port}"


def test_next_address_is_tried_where_one_does_not_answer(receiver: Api):
    """A name may lead to several, of which some are out of reach."""
    port = receiver.url.rpartition(":")[2]

    async def look_up(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    allowed = frozenset({"receiver.example"})
    assert sent(f"http://receiver.example:{port}/", allowed, look_up=look_up).failure is None


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate for a name that signs itself; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


@pytest.mark.parametrize(
    ("name", "failure"), [("receiver.example", None), ("other.example", Failure.TLS)]
)
def test_certificate_must_be_the_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, failure: Failure | None
):
    """Though the connection is made to an address, it is the name that must be proved."""
    certificate, key = make_certificate(tmp_path, "receiver.example")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    def serve(connection: socket.socket) -> None:
        try:
            with tls.wrap_socket(connection, server_side=True) as secure:
                received = b""
                while b"}" not in received:
                    received += secure.recv(65536)
                secure.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except OSError:
            return

    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(sending, "_tls", lambda: trusting)
    with listening(serve) as url:
        port = url.rstrip("/").rpartition(":")[2]
        outcome = sent(f"https://{name}:{port}/", frozenset({name}), look_up=leads_to("127.0.0.1"))
    assert outcome.failure == failure


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path):
    """Also of a host that the operator named."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*make_certificate(tmp_path, "localhost"))

    def serve(connection: socket.socket) -> None:
        try:
            tls.wrap_socket(connection, server_side=True)
        except OSError:
            return

    with listening(serve) as url:
        secure = url.replace("http://127.0.0.1", "https://localhost")
        assert sent(secure, frozenset({"localhost"})).failure == Failure.TLS
