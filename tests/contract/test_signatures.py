"""HTTP message signatures between kiosk and gateway."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization import NoEncryption as Plain
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from store_forward.contract.keys import (
    BadKeyFile,
    load_private_key,
    load_public_key,
    private_pem,
    public_pem,
    write_private,
)
from store_forward.contract.signing import (
    BadSignature,
    SignatureFault,
    sign_receipt,
    sign_request,
    verify_receipt,
    verify_request,
)
from store_forward.contract.wire import Receipt, Span

DEVICE = "QH-01"
URL = "https://127.0.0.1:8443/v1/batches"
BODY = b'{"device":"QH-01"}'
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def enrolled(device: str) -> Ed25519PublicKey | None:
    return KEY.public_key() if device == DEVICE else None


def signed(url: str = URL, body: bytes = BODY, created: datetime = NOON) -> dict[str, str]:
    headers = {"Content-Type": "application/json"} if body else {}
    method = "POST" if body else "GET"
    return sign_request(method, url, headers, body, key=KEY, key_id=DEVICE, created=created)


def fault_of(
    headers: dict[str, str], *, method: str = "POST", url: str = URL, body: bytes = BODY
) -> SignatureFault:
    with pytest.raises(BadSignature) as caught:
        verify_request(method, url, headers, body, find_key=enrolled)
    return caught.value.code


def test_the_gateway_learns_which_device_signed() -> None:
    assert verify_request("POST", URL, signed(), BODY, find_key=enrolled) == DEVICE


def test_a_read_without_a_body_is_signed_too() -> None:
    url = "https://127.0.0.1:8443/v1/reference/doctors?since=abc.7"
    assert verify_request("GET", url, signed(url, b""), b"", find_key=enrolled) == DEVICE


@pytest.mark.parametrize("year", [1970, 2001, 2099])
def test_a_kiosk_whose_clock_is_wrong_is_still_believed(year: int) -> None:
    headers = signed(created=datetime(year, 1, 2, tzinfo=UTC))
    assert verify_request("POST", URL, headers, BODY, find_key=enrolled) == DEVICE


def test_header_names_are_case_insensitive() -> None:
    headers = {name.upper(): value for name, value in signed().items()}
    assert verify_request("POST", URL, headers, BODY, find_key=enrolled) == DEVICE


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8443/v1/allotments/lease",
        "https://127.0.0.1:8443/v1/batches?dry=1",
        "https://127.0.0.1:9999/v1/batches",
        "https://elsewhere:8443/v1/batches",
        "https:///v1/batches",
        "https://bad host/v1/batches",
        "https://127.0.0.1:8443/v1/batches#/v1/allotments/lease",
        "https://127.0.0.1:8443/v1/batches?#/v1/allotments/lease",
    ],
)
def test_a_signature_is_for_one_path_query_and_host_only(url: str) -> None:
    assert fault_of(signed(), url=url) is SignatureFault.BAD_SIGNATURE


def test_a_signature_is_for_one_method_only() -> None:
    assert fault_of(signed(), method="PUT") is SignatureFault.BAD_SIGNATURE


def test_another_body_is_noticed() -> None:
    assert fault_of(signed(), body=BODY + b" ") is SignatureFault.BAD_DIGEST


def test_a_body_smuggled_under_a_signed_read_is_noticed() -> None:
    headers = signed(body=b"")
    assert fault_of(headers, method="GET", body=b"x") is SignatureFault.BAD_SIGNATURE


def test_another_content_type_is_noticed() -> None:
    headers = {**signed(), "Content-Type": "text/plain"}
    assert fault_of(headers) is SignatureFault.BAD_SIGNATURE


def test_no_signature_is_told_apart_from_a_bad_one() -> None:
    assert fault_of({"Content-Type": "application/json"}) is SignatureFault.UNSIGNED


def test_an_unknown_device_is_told_apart_from_a_bad_signature() -> None:
    headers = {"Content-Type": "application/json"}
    headers = sign_request("POST", URL, headers, BODY, key=KEY, key_id="QH-99", created=NOON)
    assert fault_of(headers) is SignatureFault.UNKNOWN_DEVICE


def test_another_key_does_not_pass_under_an_enrolled_name() -> None:
    headers = {"Content-Type": "application/json"}
    headers = sign_request("POST", URL, headers, BODY, key=OTHER_KEY, key_id=DEVICE, created=NOON)
    assert fault_of(headers) is SignatureFault.BAD_SIGNATURE


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "kiosk",
        "kiosk=()",
        'kiosk=("@method");keyid="QH-01"',
        "kiosk=?1",
        "\x00",
        "a=1, a=2",
        "ü",
    ],
)
def test_garbage_in_the_signature_headers_is_a_bad_signature(garbage: str) -> None:
    assert fault_of({**signed(), "Signature-Input": garbage}) is SignatureFault.BAD_SIGNATURE
    assert fault_of({**signed(), "Signature": garbage}) is SignatureFault.BAD_SIGNATURE


def test_only_one_of_the_two_headers_is_a_bad_signature() -> None:
    headers = signed()
    del headers["Signature"]
    assert fault_of(headers) is SignatureFault.BAD_SIGNATURE


def test_a_signature_for_another_purpose_does_not_count() -> None:
    headers = signed()
    headers["Signature-Input"] = headers["Signature-Input"].replace('"outpost"', '"other"')
    assert fault_of(headers) is SignatureFault.BAD_SIGNATURE


def test_a_signature_that_leaves_the_body_out_does_not_count() -> None:
    message = _Message("POST", URL, {"Content-Type": "application/json"})
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={DEVICE: KEY}),
    )
    covered = ("@method", "@authority", "@path", "@query")
    signer.sign(message, key_id=DEVICE, tag="outpost", covered_component_ids=covered)
    assert fault_of(message.headers) is SignatureFault.BAD_SIGNATURE


def test_a_request_with_a_body_needs_its_content_type_before_it_is_signed() -> None:
    with pytest.raises(ValueError, match="Content-Type"):
        sign_request("POST", URL, {}, BODY, key=KEY, key_id=DEVICE, created=NOON)


class _Message:
    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


def test_the_library_makes_the_signature_of_rfc_9421_appendix_b_2_6() -> None:
    # Key and message of RFC 9421 appendix B.1.4 and B.2; the expected value is B.2.6's.
    pem = (
        b"-----BEGIN PRIVATE KEY-----\n"
        b"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
        b"-----END PRIVATE KEY-----\n"
    )
    message = _Message(
        "POST",
        "https://example.com/foo?param=Value&Pet=dog",
        {
            "Host": "example.com",
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
        },
    )
    resolver = MappingKeyResolver(public_keys={}, private_keys={"test-key-ed25519": pem})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver)
    signer.sign(
        message,
        key_id="test-key-ed25519",
        created=datetime.fromtimestamp(1618884473, tz=UTC),
        label="sig-b26",
        include_alg=False,
        covered_component_ids=(
            "date",
            "@method",
            "@path",
            "@authority",
            "content-type",
            "content-length",
        ),
    )
    assert message.headers["Signature-Input"] == (
        'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    assert message.headers["Signature"] == (
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1"
        "u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
    )


# --- receipts -----------------------------------------------------------------------------------

RECEIPT = Receipt(
    "b-1", DEVICE, "inc", (Span(1, 2, "0" * 64),), 2, "2026-03-02T04:00:00.000Z", "k", ""
)


def test_a_receipt_is_believed_only_as_it_was_signed() -> None:
    receipt = sign_receipt(RECEIPT, KEY)
    assert verify_receipt(receipt, KEY.public_key())
    assert not verify_receipt(receipt, OTHER_KEY.public_key())
    altered = msgspec.structs.replace(receipt, ack_seq=3)
    assert not verify_receipt(altered, KEY.public_key())


@pytest.mark.parametrize("signature", ["", "AAAA", "not base64!", "é"])
def test_a_receipt_with_a_garbled_signature_is_not_believed(signature: str) -> None:
    assert not verify_receipt(
        msgspec.structs.replace(RECEIPT, signature=signature), KEY.public_key()
    )


# --- key files ----------------------------------------------------------------------------------


def test_keys_come_back_from_their_files(tmp_path: Path) -> None:
    write_private(tmp_path / "device.pem", private_pem(KEY))
    write_private(tmp_path / "public.pem", public_pem(KEY.public_key()))
    signature = load_private_key(tmp_path / "device.pem").sign(b"x")
    load_public_key(tmp_path / "public.pem").verify(signature, b"x")
    with pytest.raises(InvalidSignature):
        OTHER_KEY.public_key().verify(signature, b"x")


def test_a_private_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "device.pem"
    write_private(path, private_pem(KEY))
    path.chmod(0o640)
    with pytest.raises(BadKeyFile, match="chmod 600"):
        load_private_key(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_private_key_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "device.pem"
    write_private(path, private_pem(KEY))
    os.chown(path, 65534, 65534)
    with pytest.raises(BadKeyFile, match="belongs to user 65534"):
        load_private_key(path)


def test_a_missing_or_foreign_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match=r"absent\.pem cannot be read"):
        load_private_key(tmp_path / "absent.pem")
    with pytest.raises(BadKeyFile, match=r"absent\.pem cannot be read"):
        load_public_key(tmp_path / "absent.pem")
    write_private(tmp_path / "garbage.pem", b"garbage")
    with pytest.raises(BadKeyFile, match="no unencrypted private key"):
        load_private_key(tmp_path / "garbage.pem")
    with pytest.raises(BadKeyFile, match="no public key in PEM form"):
        load_public_key(tmp_path / "garbage.pem")


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, Plain())
    write_private(tmp_path / "ec.pem", pem)
    with pytest.raises(BadKeyFile, match="Ed25519"):
        load_private_key(tmp_path / "ec.pem")
    public = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_private(tmp_path / "ec-public.pem", public)
    with pytest.raises(BadKeyFile, match="Ed25519"):
        load_public_key(tmp_path / "ec-public.pem")


def test_a_written_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_private(tmp_path / "k", b"secret")
    assert (tmp_path / "k").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["k"]
