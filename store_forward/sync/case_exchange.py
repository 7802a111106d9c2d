"""What sync tells of parked entries, and what it takes of people's decisions about entries."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from store_forward.contract.resolutions import (
    MAX_REPORTED,
    RECORDED,
    ExceptionAnswer,
    ExceptionReport,
    Resolution,
    ResolutionPage,
)
from store_forward.store.errors import PASSING, ResolutionRefused
from store_forward.store.sending.parked import describe_parked
from store_forward.store.store import Store
from store_forward.sync.client import GatewayClient
from store_forward.sync.outcomes import Failure

_log = structlog.get_logger("sync")


@dataclass(frozen=True)
class Exchanged:
    """How it ended: with a ``failure`` of the line, or with an answer that was taken, unless there
    is ``trouble`` with it. ``is_complete``: no more of the same waits at the gateway."""

    failure: Failure | None = None
    trouble: str = ""
    is_complete: bool = True


class CaseExchange:
    """Both directions of one store's cases."""

    def __init__(self, store: Store, client: GatewayClient) -> None:
        self._store = store
        self._client = client

    async def report(self) -> Exchanged:
        """Tell the gateway of parked entries that it does not know of yet."""
        outbox, identity = self._store.outbox, self._store.identity
        unreported = [each for each in outbox.parked() if not each.reported]
        parked = describe_parked(outbox, unreported[:MAX_REPORTED])
        report = ExceptionReport(identity.device, identity.incarnation, parked)
        answer = await self._client.report(report)
        if not isinstance(answer, ExceptionAnswer):
            return Exchanged(answer)
        recorded = [case.seq for case in answer.cases if case.state == RECORDED]
        try:
            outbox.note_reported([each.seq for each in parked], recorded)
        except PASSING as error:
            return Exchanged(trouble=str(error))
        return Exchanged()

    async def fetch(self) -> Exchanged:
        """Take the next decisions. One that does not fit holds up none of the others."""
        resolutions = self._store.resolutions
        incarnation = self._store.identity.incarnation
        page = await self._client.resolutions(incarnation, resolutions.cursor())
        if not isinstance(page, ResolutionPage):
            return Exchanged(page)
        misfit = ""
        try:
            for each in page.resolutions:
                misfit = self._record(each) or misfit
            if not misfit:
                resolutions.keep_cursor(page.cursor)
        except PASSING as error:
            return Exchanged(trouble=str(error))
        return Exchanged(trouble=misfit, is_complete=page.complete)

    def _record(self, decided: Resolution) -> str:
        """Returns why a decision does not fit, empty when it does."""
        try:
            if self._store.resolutions.record(decided):
                verdict = decided.verdict.value
                _log.info("resolved", seq=decided.seq, verdict=verdict, note=decided.note)
        except ResolutionRefused as refused:
            return str(refused)
        return ""
