"""A changed byte in a key, a backup or on a stick: the command names the file and the remedy."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from tests.fakes.command_line import Ended, outpost
from tests.integration.damage.scene import Scene, done, flipped, offsets, unchanged

pytestmark = pytest.mark.timeout(240)

Words = Callable[[Scene], tuple[str | Path, ...]]


@dataclass(frozen=True)
class Case:
    """A file, a command that needs it, and what the command says of the remedy.

    ``code`` is the exit code. ``is_told_apart``: that the changed file is a key, and another one,
    is found by this very command; where not, a test of its own says who finds it.
    """

    name: str
    file: Callable[[Scene], Path]
    words: Words
    remedy: str
    code: int = 2
    is_told_apart: bool = True
    step: int | None = None


def restore(scene: Scene) -> tuple[str | Path, ...]:
    return (
        *("backup", "restore", scene.backup, "--onto", scene.spare.deployment),
        *("--escrow-key", scene.escrow, "--device-key", scene.device_public),
    )


def recover(scene: Scene) -> tuple[str | Path, ...]:
    return (
        *("keys", "recover", "--envelope", scene.sealed.envelope, "--escrow-key", scene.escrow),
        *("--out", scene.root / "new.keys", "--machine", "credential"),
        *("--machine-key", scene.sealed.key("machine.key")),
    )


def bring_back(scene: Scene) -> tuple[str | Path, ...]:
    return ("courier", "import", scene.receipts, "--deployment", scene.kiosk.deployment)


def deliver(scene: Scene) -> tuple[str | Path, ...]:
    return ("gateway", "courier", "import", scene.bundle, "--dir", scene.gateway)


def export(scene: Scene) -> tuple[str | Path, ...]:
    return ("courier", "export", "--deployment", scene.kiosk.deployment, "--out", scene.stick)


def back_up(scene: Scene) -> tuple[str | Path, ...]:
    return (
        *("backup", "create", "--deployment", scene.kiosk.deployment),
        *("--out", scene.root / "second.backup", "--escrow", scene.escrow_public),
    )


def audit(scene: Scene) -> tuple[str | Path, ...]:
    return ("verify-journal", scene.kiosk.store, "--key", scene.kiosk.key("store.key"))


def core(scene: Scene) -> tuple[str | Path, ...]:
    return ("core", "--deployment", scene.kiosk.deployment)


def sealed_core(scene: Scene) -> tuple[str | Path, ...]:
    return ("core", "--deployment", scene.sealed.deployment)


def status(scene: Scene) -> tuple[str | Path, ...]:
    return ("keys", "status", "--deployment", scene.kiosk.deployment)


def sealed_status(scene: Scene) -> tuple[str | Path, ...]:
    return ("keys", "status", "--deployment", scene.sealed.deployment)


def rotate(scene: Scene) -> tuple[str | Path, ...]:
    return ("keys", "rotate", "--deployment", scene.sealed.deployment, "--wrapping")


def new_escrow(scene: Scene) -> tuple[str | Path, ...]:
    return (
        *("keys", "rotate", "--deployment", scene.sealed.deployment),
        *("--escrow", scene.escrow_public),
    )


def gateway(scene: Scene) -> tuple[str | Path, ...]:
    clinic = Path(__file__).parents[3] / "firmware" / "demo" / "clinic.toml"
    return ("gateway", "--dir", scene.gateway, "--reference", clinic, "--listen", "127.0.0.1:0")


def store_key(scene: Scene) -> Path:
    return scene.kiosk.key("store.key")


def machine_key(scene: Scene) -> Path:
    return scene.sealed.key("machine.key")


def device_key(scene: Scene) -> Path:
    return scene.kiosk.key("device.pem")


def envelope(scene: Scene) -> Path:
    return scene.sealed.envelope


def sent(name: str) -> Callable[[Scene], Path]:
    return lambda scene: scene.gateway / name


def at_the_kiosk(name: str) -> Callable[[Scene], Path]:
    return lambda scene: scene.kiosk.key(name)


COPY = "Put back the copy you keep of it"
PAIR = "ut back the copy you keep of"

CASES = (
    Case("backup: restore", lambda s: s.backup, restore, "Take another copy of this backup"),
    Case(
        "backup: audit",
        lambda s: s.backup,
        lambda s: ("verify-journal", s.backup),
        "take another copy: this one",
        code=1,
        step=4000,
    ),
    Case("bundle: import", lambda s: s.bundle, deliver, "have the kiosk write its bundle again"),
    Case(
        "bundle: audit",
        lambda s: s.bundle,
        lambda s: ("verify-journal", s.bundle),
        "take another copy: this one",
        code=1,
    ),
    Case("receipts: import", lambda s: s.receipts, bring_back, "Import the bundle at the gateway"),
    Case("store key: audit", store_key, audit, "Put back the newest copy of this file"),
    Case("store key: core", store_key, core, "Put back the newest copy of this file"),
    Case("store key: status", store_key, status, "Put back the copy you keep of the key", code=1),
    Case("store key: export", store_key, export, "Put back the newest copy of this file"),
    Case("store key: backup", store_key, back_up, "Put back the newest copy of this file"),
    Case("envelope: status", envelope, sealed_status, COPY),
    Case("envelope: rotate", envelope, rotate, COPY),
    Case("envelope: recover", envelope, recover, COPY),
    Case("envelope: core", envelope, sealed_core, COPY),
    Case("machine key: status", machine_key, sealed_status, "", code=1),
    Case("machine key: rotate", machine_key, rotate, ""),
    Case("machine key: core", machine_key, sealed_core, ""),
    Case("escrow key: recover", lambda s: s.escrow, recover, "another copy of it"),
    Case("escrow key: restore", lambda s: s.escrow, restore, "another copy of it"),
    Case(
        "public escrow key: rotate",
        lambda s: s.escrow_public,
        new_escrow,
        "Take another copy from the hospital",
        is_told_apart=False,
    ),
    Case("device key: export", device_key, export, PAIR, is_told_apart=False),
    Case("device key: backup", device_key, back_up, PAIR, is_told_apart=False),
    Case("device key: core", device_key, core, PAIR, is_told_apart=False),
    Case(
        "gateway's receipt key at the kiosk: import",
        at_the_kiosk("gateway-receipt.pem"),
        bring_back,
        " again",
    ),
    Case(
        "gateway's courier key at the kiosk: export",
        at_the_kiosk("gateway-courier.pem"),
        export,
        "from the gateway's directory again",
        is_told_apart=False,
    ),
    Case("gateway's receipt key: import", sent("receipt-key.pem"), deliver, PAIR),
    Case("gateway's receipt key: start", sent("receipt-key.pem"), gateway, PAIR),
    Case("gateway's public receipt key: start", sent("gateway-receipt.pem"), gateway, PAIR),
    Case("gateway's courier key: import", sent("courier-key.pem"), deliver, PAIR),
    Case("gateway's courier key: start", sent("courier-key.pem"), gateway, PAIR),
    Case(
        "kiosk's key at the gateway: import",
        lambda s: s.device_public,
        deliver,
        "Nothing was applied",
        is_told_apart=False,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_changed_byte_is_refused_by_name_with_nothing_written(scene: Scene, case: Case) -> None:
    target = case.file(scene)
    whole = target.read_bytes()
    tried = 0
    for at in offsets(target) if case.step is None else range(0, len(whole), case.step):
        with flipped(target, at):
            key, now = meaning(whole), meaning(target.read_bytes())
            if key is not None and now == key:
                continue  # a line end of PEM, which says nothing: the file reads as before
            if key is not None and now is not None and not case.is_told_apart:
                continue  # another key, and a good one: see the tests below
            tried += 1
            with unchanged(scene):
                ended = scene.outpost(*case.words(scene))
        refused(ended, case, target, at)
    assert tried >= 3


def refused(ended: Ended, case: Case, target: Path, at: int) -> None:
    said = f"byte {at}: {ended}"
    text = ended.out + ended.err
    assert ended.code == case.code, said
    assert "Traceback" not in text, said
    assert target.name in text, said
    assert case.remedy in text, said


def meaning(content: bytes) -> bytes | None:
    """The key that PEM holds; None where it is none, or the file no PEM at all."""
    try:
        if b"PRIVATE" in content:
            return serialization.load_pem_private_key(content, None).private_bytes(
                serialization.Encoding.DER,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        return serialization.load_pem_public_key(content).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError):
        return None


def another_key(path: Path) -> Iterator[int]:
    """Offsets at which a changed byte makes a good key of it, and another one."""
    whole = path.read_bytes()
    for at in range(len(whole)):
        if chr(whole[at]) in string.whitespace:
            continue
        changed = meaning(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        if changed is not None and changed != meaning(whole):
            yield at


def test_a_device_key_that_became_another_one_is_found_by_the_gateway(scene: Scene) -> None:
    """Nothing at the kiosk says which key it had: the hospital's enrolment does."""
    key = device_key(scene)
    copy = scene.root.with_name("copy of the device key")
    work = scene.copy(copy)
    with flipped(device_key(work), next(another_key(key))):
        work.bundle.unlink()
        done(work.outpost(*export(work)))
    ended = work.outpost(*deliver(work))
    assert ended.code == 2
    assert "compare enrolled/QH-K01.pem here with the kiosk's keys/device.pem" in ended.err


def test_an_enrolled_key_that_became_another_one_takes_nothing_and_can_be_put_back(
    scene: Scene,
) -> None:
    """A key in the folder is the kiosk's from then on: so the hospital says who is enrolled."""
    work = scene.copy(scene.root.with_name("copy of the enrolment"))
    with flipped(work.device_public, next(another_key(work.device_public))):
        ended = work.outpost(*deliver(work))
        assert ended.code == 2
        assert "compare enrolled/QH-K01.pem here with the kiosk's keys/device.pem" in ended.err
    done(work.outpost(*deliver(work)))


def test_a_courier_key_that_became_another_one_is_found_by_the_gateway(scene: Scene) -> None:
    """A public key holds nothing to check it by."""
    work = scene.copy(scene.root.with_name("copy of the courier key"))
    key = work.kiosk.key("gateway-courier.pem")
    with flipped(key, next(another_key(key))):
        work.bundle.unlink()
        done(work.outpost(*export(work)))
    ended = work.outpost(*deliver(work))
    assert ended.code == 2
    assert "it was sealed for key" in ended.err
    assert "gateway-courier.pem" in ended.err


def test_a_public_escrow_key_that_became_another_one_is_refused_or_named_for_comparison(
    scene: Scene,
) -> None:
    """A modulus holds nothing to check it by either; most damaged ones cannot be one."""
    right = meaning(scene.escrow_public.read_bytes())
    assert right is not None
    spots = list(another_key(scene.escrow_public))[:40:2]
    taken = 0
    work = scene.copy(scene.root.with_name("copy of the escrow key"))
    for at in spots:
        with flipped(work.escrow_public, at):
            ended = work.outpost(*new_escrow(work))
        assert "Traceback" not in ended.err
        if ended.code == 0:
            taken += 1
            assert "is it the hospital's?" in ended.out
        else:
            assert "escrow-public.pem: no escrow public key: it is damaged" in ended.err
    assert taken < 2 * len(spots) // 3


def test_the_same_by_processes_of_their_own(scene: Scene) -> None:
    for target, words in (
        (scene.backup, restore(scene)),
        (scene.receipts, bring_back(scene)),
        (scene.sealed.envelope, sealed_status(scene)),
    ):
        with flipped(target, target.stat().st_size // 2), unchanged(scene):
            ended = outpost(*words)
        assert (ended.code, ended.out) == (2, "")
        assert target.name in ended.err
        assert ended.err.count("\n") == 1
