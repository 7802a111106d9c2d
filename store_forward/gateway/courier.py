"""Takes bundles that were carried here, through the door that batches from the network take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from store_forward.contract.courier import (
    BUNDLE_KIND,
    CourierReceipts,
    NotABundle,
    Refusal,
    decode_batches,
    sign_receipts,
)
from store_forward.contract.sealed import (
    Header,
    NotSealed,
    Opener,
    open_sealed,
    read_layout,
    signed_by,
    signer_text,
)
from store_forward.contract.wire import Batch, BatchAnswer, Item
from store_forward.gateway.problems import Refused
from store_forward.gateway.times import to_text


class Desk(Protocol):
    """Where batches are taken in: ``BatchDesk``."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        """Record a batch. Raises Refused."""
        ...


class BundleRefused(Exception):
    """A bundle was not taken. The message says why and what to do."""


class CourierDesk:
    """Imports bundles. ``find_key`` gives an enrolled kiosk's public key; ``key`` signs answers."""

    def __init__(
        self,
        desk: Desk,
        opener: Opener,
        find_key: Callable[[str], Ed25519PublicKey | None],
        key: Ed25519PrivateKey,
        key_id: str,
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._opener = opener
        self._find_key = find_key
        self._key = key
        self._key_id = key_id
        self._now = now

    def take(self, path: Path) -> CourierReceipts:
        """Apply a bundle, once however often it is brought, and return the signed answers.

        Before the first entry is looked at, all of the file was compared with its signature.

        Raises:
            BundleRefused: damaged, foreign or for another gateway (nothing was applied), or its
                journal is refused here (what came before stays, and is a duplicate next time).
            DatabaseUnavailable, OSError: to be tried again.
        """
        header, batches = self._open(path)
        answers: list[BatchAnswer] = []
        refused: dict[str, Refusal] = {}
        for batch in batches:
            self._receive(batch, answers, refused)
        unsigned = CourierReceipts(
            device=header.device,
            incarnation=header.incarnation,
            number=header.number,
            answers=tuple(answers),
            refused=tuple(refused.values()),
            made_at=to_text(self._now()),
            key_id=self._key_id,
            signature="",
        )
        return sign_receipts(unsigned, self._key)

    def _open(self, path: Path) -> tuple[Header, list[Batch]]:
        """All batches at once: one that cannot be read must be known before one is applied."""
        try:
            with path.open("rb") as file:
                layout = read_layout(file)
                header = layout.header
                self._check_maker(path, header)
                self._check_recipient(path, header)
                content = open_sealed(file, layout, self._opener, signed_by(header.signer))
                batches = list(self._checked(header, decode_batches(content)))
        except (NotSealed, NotABundle) as fault:
            places = getattr(fault, "places", ())
            where = "; ".join(f"bytes {one.offset} to {one.offset + one.length}" for one in places)
            raise BundleRefused(
                f"{path}: {fault}{f' [{where}]' if where else ''}. Nothing was applied: have the "
                "kiosk write its bundle again"
            ) from fault
        return header, batches

    def _check_maker(self, path: Path, header: Header) -> None:
        if header.kind != BUNDLE_KIND:
            raise BundleRefused(f"{path}: a sealed file of another kind ({header.kind})")
        key = self._find_key(header.device)
        if key is None:
            raise BundleRefused(
                f"{path}: it names kiosk {header.device}, which is not enrolled here. Nothing was "
                f"applied: put its public key there (enrolled/{header.device}.pem; one that is "
                "damaged counts as none)"
            )
        if header.signer != signer_text(key):
            raise BundleRefused(
                f"{path}: it is not signed by the key that kiosk {header.device} is enrolled with. "
                f"Nothing was applied: compare enrolled/{header.device}.pem here with the kiosk's "
                "keys/device.pem, one of them is damaged or another's"
            )

    def _check_recipient(self, path: Path, header: Header) -> None:
        if header.recipient != self._opener.key_id:
            raise BundleRefused(
                f"{path}: it was sealed for key {header.recipient}, this gateway's is "
                f"{self._opener.key_id}. Nothing was applied: copy gateway-courier.pem from here "
                "to the kiosk's keys and have the kiosk write its bundle again"
            )

    def _checked(self, header: Header, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            if (batch.device, batch.incarnation) != (header.device, header.incarnation):
                raise NotABundle("a batch in it is another kiosk's")
            yield _proven(batch)

    def _receive(
        self, batch: Batch, answers: list[BatchAnswer], refused: dict[str, Refusal]
    ) -> None:
        """Take a batch; where it is refused, find the entry by halving, as the network does.

        Behind a refused entry its lane waits at the kiosk; the others go on.
        """
        batch = _without(batch, refused.keys())
        if not batch.items:
            return
        try:
            answers.append(self._desk.receive(batch))
        except Refused as fault:
            if fault.alarm or fault.problem.status == 409:
                raise BundleRefused(
                    f"the journal of kiosk {batch.device} is refused here "
                    f"({fault.problem.code}: {fault.problem.detail})"
                ) from fault
            if len(batch.items) == 1:
                item = batch.items[0]
                refused[_lane(item)] = Refusal(item.seq, fault.problem.code)
                return
            middle = len(batch.items) // 2
            for items in (batch.items[:middle], batch.items[middle:]):
                part = msgspec.structs.replace(batch, items=items)
                self._receive(part, answers, refused)


class _Outline(msgspec.Struct):
    lane: str = ""


def _lane(item: Item) -> str:
    try:
        return msgspec.json.decode(bytes(item.entry), type=_Outline).lane
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return f"seq:{item.seq}"


def _proven(batch: Batch) -> Batch:
    """The same, each item with the hash before it: so any of them may be left out."""
    items: list[Item] = []
    for item in batch.items:
        if item.previous is None and items and items[-1].seq == item.seq - 1:
            item = msgspec.structs.replace(item, previous=items[-1].hash)
        items.append(item)
    return msgspec.structs.replace(batch, items=tuple(items))


def _without(batch: Batch, lanes: Collection[str]) -> Batch:
    if not lanes:
        return batch
    items = tuple(item for item in batch.items if _lane(item) not in lanes)
    return msgspec.structs.replace(batch, items=items)
