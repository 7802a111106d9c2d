"""Parts with the faults that the simulation must find: if it does not, it finds nothing."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import func, insert, select

from store_forward.contract.wire import Batch, BatchAnswer, Outcome
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.tables import inbox, lost_range, posting
from store_forward.sync.client import GatewayClient
from store_forward.sync.outcomes import Failure
from store_forward.sync.service import SyncService
from store_forward.sync.steps import Event, SendBatch
from tests.simulation.kiosk import Parts
from tests.simulation.machine import Simulation


class ForgetfulDesk(BatchDesk):
    """A gateway without dedup: what arrives again is booked again."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        answer = super().receive(arrived)
        for result in answer.results:
            if result.outcome is Outcome.DUPLICATE:
                self._book_again(arrived, result.seq)
        return answer

    def _book_again(self, arrived: Batch, seq: int) -> None:
        here = (
            (posting.c.device == arrived.device)
            & (posting.c.incarnation == arrived.incarnation)
            & (posting.c.seq == seq)
        )
        with self._database.write() as connection:
            rows = connection.execute(select(posting).where(here)).mappings().all()
            lines = connection.execute(select(func.max(posting.c.line)).where(here)).scalar()
            for row in rows:
                line = row["line"] + int(lines or 0) + 1
                connection.execute(insert(posting).values({**row, "line": line}))


class HastyDesk(BatchDesk):
    """A gateway that answers before it has committed, and then loses the last entry."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        answer = super().receive(arrived)
        last = arrived.items[-1].seq
        if len(arrived.items) > 1:
            with self._database.write() as connection:
                connection.execute(
                    inbox.delete().where(
                        inbox.c.device == arrived.device,
                        inbox.c.incarnation == arrived.incarnation,
                        inbox.c.seq == last,
                    )
                )
        return answer


class CarelessDesk(BatchDesk):
    """A gateway that forgets what a kiosk told it has lost, and books it when it turns up."""

    def receive(self, arrived: Batch) -> BatchAnswer:
        answer = super().receive(arrived)
        with self._database.write() as connection:
            connection.execute(lost_range.delete())
        return answer


class TrustingClient(GatewayClient):
    """A kiosk that acknowledges before it has verified the receipt."""

    def _check_receipt(self, batch: Batch, answer: BatchAnswer) -> BatchAnswer | Failure:
        return answer


class ImpatientService(SyncService):
    """A kiosk that sends what is newest first."""

    async def _send(self, wanted: SendBatch) -> Event | None:
        return await super()._send(
            SendBatch(wanted.seqs[-1:], wanted.time_out_seconds, wanted.is_offer)
        )


class WithoutDedup(Simulation):
    """A gateway that books what arrives twice twice."""

    desk_type: ClassVar[type[BatchDesk]] = ForgetfulDesk


class AnsweringTooEarly(Simulation):
    """A gateway that loses what it has acknowledged."""

    desk_type: ClassVar[type[BatchDesk]] = HastyDesk


class ForgettingLosses(Simulation):
    """A gateway that does not remember for what its mark jumped."""

    desk_type: ClassVar[type[BatchDesk]] = CarelessDesk


class WithoutVerification(Simulation):
    """A kiosk that believes everybody."""

    parts: ClassVar[Parts] = Parts(client=TrustingClient)


class WithoutOrder(Simulation):
    """A kiosk that does not keep the order of its lanes."""

    parts: ClassVar[Parts] = Parts(service=ImpatientService)
