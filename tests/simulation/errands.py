"""What people carry: sticks between kiosks and gateway, backups of kiosks to spare machines."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from firmware.commands.backup import entry_of_restore, replaced_by_restore
from store_forward.contract.courier import BUNDLE_SUFFIX, RECEIPTS_SUFFIX
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.sealed import signed_by, signer_text
from store_forward.gateway.courier import BundleRefused
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.backup import create_backup
from store_forward.store.archive.courier import (
    CourierRefused,
    NothingToCarry,
    export_bundle,
    import_receipts,
)
from store_forward.store.archive.purge import Terms
from store_forward.store.archive.restore import (
    Backup,
    begin_anew,
    carried_over,
    opened_backup,
)
from tests.simulation.hospital import COURIER_KEY, GatewayDied
from tests.simulation.kiosk import KEY, Kiosk, Memory
from tests.unit.gateway.bench import RECEIPT_KEY

if TYPE_CHECKING:
    from tests.simulation.world import World

ESCROW_KEY = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(5, 37))))
"""What opens the backups of kiosks."""

YEARS_LATER = date(2031, 1, 1)
"""A day on which every entry of these stories is past its term."""


MOST_SPARES = 2
"""From backups of the same journal."""


@dataclass(frozen=True)
class KioskBackup:
    """A backup of one kiosk, and what the outside knew then to be on its disk."""

    device: str
    incarnation: str
    path: Path
    memory: Memory


class Errands:
    """What lies in drawers and on sticks, and where it is taken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = 0
        self.bundles: list[Path] = []
        self.receipts: list[Path] = []
        self.backups: list[KioskBackup] = []
        self._spares: dict[str, list[Kiosk]] = {}
        """Machines that took the place of the one with this journal, the newest last."""

    # --- courier ------------------------------------------------------------------------------

    def write_bundle(self, kiosk: Kiosk) -> None:
        """What waits at a kiosk goes on a stick."""
        try:
            exported = export_bundle(
                kiosk.path,
                KEY,
                kiosk.device,
                self._new_folder(),
                lock=COURIER_KEY.recipient,
                sign=kiosk.key.sign,
                signer=signer_text(kiosk.key.public_key()),
                now=kiosk.now,
            )
        except NothingToCarry:
            assert not kiosk.sendable(), f"{kiosk.device} has what the gateway would take"
            return
        self.bundles.append(exported.path)

    def take_bundle_in(self, bundle: Path) -> None:
        """A stick reaches the gateway, whose answers go on it."""
        try:
            receipts = self._world.hospital.take_bundle(bundle)
        except (BundleRefused, GatewayDied):
            return
        path = self._new_folder() / f"answers{RECEIPTS_SUFFIX}"
        path.write_bytes(msgspec.json.encode(receipts, order="sorted"))
        self.receipts.append(path)

    def take_spoilt_bundle_in(self, bundle: Path, spot: int) -> None:
        """A byte of it has changed on the way: nothing of it may have an effect."""
        hospital = self._world.hospital
        before = hospital.requests
        try:
            hospital.take_bundle(self._spoilt(bundle, spot, BUNDLE_SUFFIX))
        except BundleRefused:
            assert hospital.requests == before, "a part of a spoilt bundle was applied"
            return
        raise AssertionError("a spoilt bundle was taken")

    def bring_back(self, receipts: Path, kiosk: Kiosk) -> None:
        """A stick with answers comes to a kiosk, not always the right one."""
        before = kiosk.view()
        if not self._are_taken(receipts, kiosk):
            assert kiosk.view() == before, "refused answers were taken in part"

    def bring_back_spoilt(self, receipts: Path, kiosk: Kiosk, spot: int) -> None:
        """A byte of the answers has changed: nothing of them may be believed."""
        before = kiosk.view()
        spoilt = self._spoilt(receipts, spot, RECEIPTS_SUFFIX)
        assert not self._are_taken(spoilt, kiosk), "spoilt answers were believed"
        assert kiosk.view() == before, "a part of spoilt answers was believed"

    def _are_taken(self, receipts: Path, kiosk: Kiosk) -> bool:
        try:
            import_receipts(receipts, kiosk.path, KEY, kiosk.device, RECEIPT_KEY.public_key())
        except CourierRefused:
            return False
        return True

    def _spoilt(self, path: Path, spot: int, suffix: str) -> Path:
        content = bytearray(path.read_bytes())
        content[spot % len(content)] ^= 1 << spot % 7
        spoilt = self._new_folder() / f"spoilt{suffix}"
        spoilt.write_bytes(content)
        return spoilt

    # --- backups of kiosks --------------------------------------------------------------------

    def back_up(self, kiosk: Kiosk) -> None:
        """A backup of a running kiosk goes into a drawer."""
        path = self._new_folder() / "kiosk.backup"
        create_backup(
            kiosk.path,
            KEY,
            kiosk.device,
            path,
            lock=ESCROW_KEY.recipient,
            sign=kiosk.key.sign,
            signer=signer_text(kiosk.key.public_key()),
            now=kiosk.now,
        )
        backup = KioskBackup(kiosk.device, kiosk.incarnation, path, kiosk.memory.copy())
        self.backups.append(backup)

    def put_spare_in_place(self, backup: KioskBackup, *, has_died: bool) -> Kiosk | None:
        """A spare machine takes the place of the one that the backup is of, or of its first spare.

        The old one is dead, or somebody switches it on again. None where nobody would do that:
        neither the machine with the journal of the backup nor a spare from one is there any more,
        two spares were put in place already, or the gateway has been restored since from a backup
        of its own and lacks what no disk holds any more.
        """
        world, spares = self._world, self._spares.setdefault(backup.incarnation, [])
        old = self._in_place(backup.incarnation)
        if old is None or len(spares) == MOST_SPARES:
            return None
        folder = world.new_folder()
        folder.mkdir()
        signer = signer_text(old.key.public_key())
        with opened_backup(
            backup.path,
            ESCROW_KEY,
            signed_by(signer),
            backup.device,
            folder,
            lambda _what, _done, _total: None,
        ) as opened:
            if not self._is_everything_somewhere(opened, backup):
                shutil.rmtree(folder, ignore_errors=True)
                return None
            begin_anew(
                folder / "store.db",
                KEY,
                opened,
                entry_of_restore(replaced_by_restore(opened)),
                carried_over(opened),
                (),
            )
        if has_died:
            old.stop()
            world.kiosks.remove(old)
        world.backups.clear()  # what the old one handed over is on no disk now
        spare = world.add_kiosk(backup.device, folder, backup.memory.copy())
        spares.append(spare)
        if len(spares) == MOST_SPARES:
            others = [one for one in self.backups if one.incarnation != backup.incarnation]
            self.backups = others
        for row in spare.rows():
            spare.memory.accepted.setdefault(row.entry().id, row.body)
        return spare

    def _in_place(self, incarnation: str) -> Kiosk | None:
        """Who stands in for the machine with this journal: its newest spare that is there, or it
        itself."""
        kiosks = self._world.kiosks
        spares = [one for one in reversed(self._spares[incarnation]) if one in kiosks]
        own = [one for one in kiosks if one.incarnation == incarnation]
        return next(iter([*spares, *own]), None)

    def _is_everything_somewhere(self, opened: Backup, backup: KioskBackup) -> bool:
        carried = {
            row.entry().id for row in opened.journal.read(0, 10_000) if row.seq > opened.acked_seq
        }
        return self._are_known(backup.device, backup.memory.accepted.keys() - carried)

    # --- purging ------------------------------------------------------------------------------

    def let_old_entries_go(self, kiosk: Kiosk, kept: int) -> int:
        """Years later a kiosk drops what the HIS has; returns how many entries.

        By then the gateway has shown for long what it has, and no backup of it is that old.
        """
        acked = kiosk.core.outbox.acked_seq()
        ids = {row.entry().id for row in kiosk.rows() if row.seq <= acked}
        if not self._are_known(kiosk.device, ids):
            return 0
        signer = Signer(kiosk.key.sign, signer_text(kiosk.key.public_key()), "boot")
        terms = Terms(days=90, kept_entries=kept)
        gone = kiosk.core.purge.step(terms, YEARS_LATER, signer, kiosk.now())
        if gone:
            self._world.backups.clear()
        return gone

    def _are_known(self, device: str, ids: set[str]) -> bool:
        return all(self._world.observer.is_known(device, one) for one in ids)

    def _new_folder(self) -> Path:
        self._numbers += 1
        folder = self._world.folder / f"stick-{self._numbers}"
        folder.mkdir()
        return folder
