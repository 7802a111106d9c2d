"""Takes bundles that were carried here, through the door that batches from the network take."""

from __future__ import annotations

from collections.abc import Callable
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
    Bundle,
    CourierReceipts,
    Decided,
    NotABundle,
    Preface,
    Refusal,
    decode_bundle,
    sign_receipts,
)
from store_forward.contract.resolutions import (
    MAX_REPORTED,
    ExceptionAnswer,
    ExceptionReport,
    KnownCase,
    ParkedEntry,
    ResolutionPage,
    Verdict,
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
from store_forward.contract.wire import Batch, BatchAnswer, Name
from store_forward.gateway.carried import lane_of, parked_item, proven, without
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused
from store_forward.gateway.times import to_text


class Desk(Protocol):
    """Where batches are taken in: ``BatchDesk``."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        """Record a batch. Raises Refused."""
        ...


class Cases(Protocol):
    """Where people decide about what cannot be handed over: ``CaseDesk``."""

    def report(self, report: ExceptionReport) -> ExceptionAnswer:
        """Open a case for each parked entry. Raises Refused."""
        ...

    def decisions(self, journal: JournalId, since: str) -> ResolutionPage:
        """Return what was decided since a cursor. Raises Refused."""
        ...


class BundleRefused(Exception):
    """A bundle was not taken. The message says why and what to do."""


class CourierDesk:
    """Imports bundles. ``find_key`` gives an enrolled kiosk's public key; ``key`` signs answers.

    ``cases`` hears of what a kiosk holds back and of what is refused here.
    """

    def __init__(
        self,
        desk: Desk,
        opener: Opener,
        find_key: Callable[[str], Ed25519PublicKey | None],
        key: Ed25519PrivateKey,
        key_id: str,
        now: Callable[[], datetime],
        cases: Cases,
    ) -> None:
        self._desk = desk
        self._opener = opener
        self._find_key = find_key
        self._key = key
        self._key_id = key_id
        self._now = now
        self._cases = cases

    def take(self, path: Path) -> CourierReceipts:
        """Apply a bundle, once however often it is brought, and return the signed answers.

        Before the first entry is looked at, all of the file was compared with its signature.

        Raises:
            BundleRefused: damaged, foreign or for another gateway (nothing was applied), or its
                journal is refused here (what came before stays, and is a duplicate next time).
            DatabaseUnavailable, OSError: to be tried again.
        """
        header, bundle = self._open(path)
        journal = JournalId(header.device, header.incarnation)
        # Before anything is refused here: so all that was decided is older than the refusals.
        decided = self._decided(journal, bundle.preface)
        answers: list[BatchAnswer] = []
        refused: dict[str, ParkedEntry] = {}
        for batch in bundle.batches:
            self._receive(batch, answers, refused)
        held = [*_still_parked(bundle.preface, decided), *refused.values()]
        unsigned = CourierReceipts(
            device=header.device,
            incarnation=header.incarnation,
            number=header.number,
            answers=tuple(answers),
            refused=tuple(Refusal(each.seq, each.code) for each in refused.values()),
            cases=self._report(journal, held),
            decided=decided,
            made_at=to_text(self._now()),
            key_id=self._key_id,
            signature="",
        )
        return sign_receipts(unsigned, self._key)

    def _decided(self, journal: JournalId, preface: Preface) -> Decided:
        page = self._cases.decisions(journal, str(preface.decided_to))
        numbers = [each.number for each in page.resolutions]
        since = preface.decided_to
        return Decided(since, max([since, *numbers]), page.resolutions, page.complete)

    def _report(self, journal: JournalId, held: list[ParkedEntry]) -> tuple[KnownCase, ...]:
        """Open cases as a report by network does, which is bounded. Raises BundleRefused."""
        known: list[KnownCase] = []
        for start in range(0, len(held), MAX_REPORTED):
            part = tuple(held[start : start + MAX_REPORTED])
            try:
                report = ExceptionReport(journal.device, journal.incarnation, part)
                known += self._cases.report(report).cases
            except Refused as fault:
                raise _journal_refused(journal.device, fault) from fault
        return tuple(known)

    def _open(self, path: Path) -> tuple[Header, Bundle]:
        """All of it at once: what cannot be read must be known before anything is applied."""
        try:
            with path.open("rb") as file:
                layout = read_layout(file)
                header = layout.header
                self._check_maker(path, header)
                self._check_recipient(path, header)
                content = open_sealed(file, layout, self._opener, signed_by(header.signer))
                bundle = _checked(header, decode_bundle(content))
        except (NotSealed, NotABundle) as fault:
            places = getattr(fault, "places", ())
            where = "; ".join(f"bytes {one.offset} to {one.offset + one.length}" for one in places)
            raise BundleRefused(
                f"{path}: {fault}{f' [{where}]' if where else ''}. Nothing was applied: have the "
                "kiosk write its bundle again"
            ) from fault
        return header, bundle

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

    def _receive(
        self, batch: Batch, answers: list[BatchAnswer], refused: dict[str, ParkedEntry]
    ) -> None:
        """Take a batch; where it is refused, find the entry by halving, as the network does.

        Behind a refused entry its lane waits at the kiosk; the others go on.
        """
        batch = without(batch, refused.keys())
        if not batch.items:
            return
        try:
            answers.append(self._desk.receive(batch))
        except Refused as fault:
            if fault.alarm or fault.problem.status == 409:
                raise _journal_refused(batch.device, fault) from fault
            if len(batch.items) == 1:
                item = batch.items[0]
                refused[lane_of(item)] = parked_item(item, fault.problem.code)
                return
            middle = len(batch.items) // 2
            for items in (batch.items[:middle], batch.items[middle:]):
                part = msgspec.structs.replace(batch, items=items)
                self._receive(part, answers, refused)


def _checked(header: Header, bundle: Bundle) -> Bundle:
    """The same, each item proven by itself. Raises NotABundle."""
    try:
        msgspec.convert(header.incarnation, Name)
    except msgspec.ValidationError as fault:
        raise NotABundle(f"its header names no journal: {fault}") from fault
    for batch in bundle.batches:
        if (batch.device, batch.incarnation) != (header.device, header.incarnation):
            raise NotABundle("a batch in it is another kiosk's")
    return Bundle(bundle.preface, tuple(map(proven, bundle.batches)))


def _still_parked(preface: Preface, decided: Decided) -> list[ParkedEntry]:
    """What the kiosk holds back, but what it is to send again and did not know so.

    An old bundle that is brought once more must not open a case that a person has ended.
    """
    resent = {each.seq for each in decided.decisions if each.verdict is Verdict.RESEND}
    return [each for each in preface.parked if each.seq not in resent]


def _journal_refused(device: str, fault: Refused) -> BundleRefused:
    return BundleRefused(
        f"the journal of kiosk {device} is refused here "
        f"({fault.problem.code}: {fault.problem.detail})"
    )
