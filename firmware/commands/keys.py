"""``outpost keys``: how the store's key is held, wrapping it, rotating it, recovering it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.assembly.keys import machine_of, wrapper_of
from firmware.assembly.process import CannotStart

if TYPE_CHECKING:
    from store_forward.store.keyring.changing import Wrapped
    from store_forward.store.keyring.escrow import EscrowKey
    from store_forward.store.keyring.loading import Site
    from store_forward.store.keyring.machine import Wrapper

MACHINES = ("tpm", "credential")
PCRS = "sha256:7"
_WHERE = "stop core and sync first: systemctl stop outpost-core outpost-sync"


def register(commands: Any) -> None:
    """Add ``keys`` and its actions to the command line."""
    keys = commands.add_parser(
        "keys",
        help="how the store's key is held; wrap, rotate, recover it",
        description="The key of the encrypted store, kept in store.keys beside it: wrapped by this "
        "machine and by the hospital's escrow key. No secret is ever printed or an argument.",
    )
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_status(actions)
    _add_wrap(actions)
    _add_rotate(actions)
    _add_recover(actions)


def _add_status(actions: Any) -> None:
    status = _action(actions, "status", "how the key is held, what is weak, what to do", _status)
    _add_deployment(status)
    _add_machine_key(status)


def _add_wrap(actions: Any) -> None:
    wrap = _action(
        actions,
        "wrap",
        "make the envelope: around the plain key, or a new one on a new kiosk",
        _wrap,
    )
    _add_deployment(wrap)
    escrow = wrap.add_mutually_exclusive_group(required=True)
    escrow.add_argument(
        "--escrow", type=Path, metavar="FILE", help="the hospital's public escrow key (RSA, PEM)"
    )
    escrow.add_argument(
        "--no-escrow", action="store_true", help="without: a dead machine is a lost store"
    )
    _add_machine(wrap)


def _add_rotate(actions: Any) -> None:
    rotate = _action(
        actions, "rotate", "renew what wraps the key, the hospital's part, or the key", _rotate
    )
    _add_deployment(rotate)
    rotate.add_argument(
        "--wrapping", action="store_true", help="seal anew to this machine as it is started now"
    )
    rotate.add_argument("--escrow", type=Path, metavar="FILE", help="another public escrow key")
    rotate.add_argument(
        "--data", action="store_true", help=f"a new key, the store encrypted anew; {_WHERE}"
    )
    _add_machine(rotate)


def _add_recover(actions: Any) -> None:
    recover = _action(
        actions,
        "recover",
        "open a dead kiosk's envelope with the escrow key; make one for this machine",
        _recover,
    )
    recover.add_argument("--envelope", type=Path, required=True, metavar="FILE", help="store.keys")
    way = recover.add_mutually_exclusive_group(required=True)
    way.add_argument(
        "--escrow-key", type=Path, metavar="FILE", help="private key (RSA, PEM, mode 0600)"
    )
    way.add_argument(
        "--for-card", type=Path, metavar="FILE", help="write what the smart card is to decrypt here"
    )
    way.add_argument(
        "--unwrapped", type=Path, metavar="FILE", help="what the card decrypted (mode 0600)"
    )
    recover.add_argument("--out", type=Path, metavar="FILE", help="the new store.keys")
    _add_machine(recover)


def _action(
    actions: Any, name: str, text: str, handler: Callable[[argparse.Namespace], int]
) -> Any:
    action = actions.add_parser(name, help=text, description=f"outpost keys {name}: {text}.")
    action.set_defaults(handler=lambda asked: _guarded(handler, asked))
    return action


def _add_deployment(action: Any) -> None:
    action.add_argument("--deployment", type=Path, required=True, metavar="FILE")


def _add_machine(action: Any) -> None:
    action.add_argument(
        "--machine",
        choices=MACHINES,
        help="what wraps it (default: what does now; at first the TPM if there is one)",
    )
    action.add_argument(
        "--pcrs",
        metavar="LIST",
        help="registers the TPM compares, e.g. sha256:4,7 (default: those it compares now; at "
        f"first {PCRS}, Secure Boot)",
    )
    _add_machine_key(action)


def _add_machine_key(action: Any) -> None:
    action.add_argument(
        "--machine-key",
        type=Path,
        metavar="FILE",
        help="the credential of a machine without TPM (default: machine.key among its keys)",
    )


def _guarded(handler: Callable[[argparse.Namespace], int], asked: argparse.Namespace) -> int:
    from store_forward.store.errors import StoreError

    try:
        return handler(asked)
    except StoreError as fault:
        raise CannotStart(str(fault)) from fault


def _status(asked: argparse.Namespace) -> int:
    from store_forward.store.keyring.looking import report_on

    site = _site(asked.deployment)
    report = report_on(site, machine_of(_machine_key(asked, site)), datetime.now(UTC))
    print(report.render(), end="")
    return 0 if report.broken is None else 1


def _wrap(asked: argparse.Namespace) -> int:
    from store_forward.store.keyring.changing import wrap

    site = _site(asked.deployment)
    escrow = _escrow(asked.escrow)
    done = wrap(site, _wrapper(asked, site), escrow, _now)
    print(f"wrapped: {done.path}; keep a copy of it elsewhere, it is no secret")
    _tell_escrow(escrow)
    if done.left_plain is not None:
        print(f"still there: {done.left_plain}, the same key in plain; remove it by hand")
    if done.was_plain:
        print(
            "the key lay on this disk in plain, and flash keeps what is removed; for one that "
            "never did: outpost keys rotate --data"
        )
    return 0


def _rotate(asked: argparse.Namespace) -> int:
    from store_forward.store.keyring.changing import rotate

    if not (asked.wrapping or asked.data or asked.escrow):
        raise CannotStart("say what to renew: --wrapping, --escrow FILE or --data")
    site, escrow = _site(asked.deployment), _escrow(asked.escrow)
    done = rotate(
        site,
        machine_of(_machine_key(asked, site)),
        _wrapper(asked, site),
        _now,
        escrow=escrow,
        data=asked.data,
    )
    print(f"renewed: {done.path}; renew the copy you keep of it")
    _tell_escrow(escrow)
    if asked.data:
        _tell_former(done)
    if asked.escrow:
        print("who has the old escrow key and an old copy of the store can still open that copy")
    return 0


def _tell_escrow(escrow: EscrowKey | None) -> None:
    """A public key holds nothing to check it by: a person compares it with the private one."""
    if escrow is not None:
        print(
            f"escrow key {escrow.key_id}; is it the hospital's? On its machine: openssl pkey -in "
            "escrow.pem -pubout -outform der | sha256sum must begin with these digits"
        )


def _tell_former(done: Wrapped) -> None:
    if done.keys > 1:
        print(
            f"former keys kept: {done.keys - 1}, for older segments of the mirror and files set "
            "aside; the next rotation drops them when those are gone"
        )


def _recover(asked: argparse.Namespace) -> int:
    from store_forward.store.keyring import changing, recovering

    if asked.for_card is not None:
        recovering.write_for_card(asked.envelope, asked.for_card)
        print(f"to be decrypted by the card (RSA-OAEP, SHA-256): {asked.for_card}")
        return 0
    if asked.out is None:
        raise CannotStart("name the new envelope: --out FILE")
    if asked.escrow_key is not None:
        ring_key = recovering.by_private_key(asked.envelope, asked.escrow_key)
    else:
        ring_key = recovering.by_card(asked.envelope, asked.unwrapped)
    keys = asked.machine_key or Path("machine.key")
    wrapper = wrapper_of(asked.machine, asked.pcrs or PCRS, keys)
    done = changing.recover(asked.envelope, asked.out, ring_key, wrapper, _now)
    print(f"recovered: {done.path}; put it beside the store of the dead kiosk, as store.keys")
    return 0


def _site(deployment_file: Path) -> Site:
    from firmware.commands.deployments import deployment_at, store_of
    from store_forward.store.keyring.loading import Site

    deployment = deployment_at(deployment_file)
    return Site(store_of(deployment), Path(deployment.paths.keys), deployment.kiosk.id)


def _machine_key(asked: argparse.Namespace, site: Site) -> Path:
    from store_forward.store.keyring.loading import MACHINE_KEY

    given: Path | None = asked.machine_key
    return given or site.keys / MACHINE_KEY


def _wrapper(asked: argparse.Namespace, site: Site) -> Wrapper:
    """What is to wrap the key: what was asked for, else what wraps it now."""
    from store_forward.store.keyring.envelope import TpmSeal
    from store_forward.store.keyring.files import read_envelope

    name, pcrs = asked.machine, asked.pcrs
    if site.envelope.exists():
        seal = read_envelope(site.envelope, site.device).machine
        if isinstance(seal, TpmSeal):
            name, pcrs = name or "tpm", pcrs or seal.pcrs
        else:
            name = name or "credential"
    return wrapper_of(name, pcrs or PCRS, _machine_key(asked, site))


def _escrow(path: Path | None) -> EscrowKey | None:
    from store_forward.store.keyring.escrow import EscrowKey

    return None if path is None else EscrowKey.load(path)


def _now() -> datetime:
    return datetime.now(UTC)
