"""The map for a newcomer: one patient, from the first touch to the row at the HIS.

Every line below runs the parts that run on a kiosk; only hardware, processes and waiting are
replaced (``tests/fakes/desk.py`` shows how the parts fit together, ``firmware/assembly/`` how
they are joined on a kiosk). The comments say where each step lives.
"""

from __future__ import annotations

from pathlib import Path

from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
    Finish,
    Search,
    Wake,
)
from firmware.messages.views import (
    ConfirmView,
    DepartmentView,
    DoctorView,
    DoneView,
    HomeView,
    Network,
    PayView,
    Service,
    SlipState,
    SlotView,
)
from store_forward.contract.keys import load_public_key
from store_forward.contract.signing import verify_receipt
from store_forward.store.sending.outbox import Standing
from tests.fakes.desk import CHIEF_FEE_FEN, KIOSK, kiosk_on_a_desk


def test_from_the_first_touch_to_the_row_at_the_his(tmp_path: Path) -> None:
    with kiosk_on_a_desk(tmp_path) as desk:
        devices = desk.devices
        # Online, sync pulls reference data and leases slots: store_forward/sync/engine.py asks,
        # gateway/catalogue.py answers. Then the network is cut.
        desk.pulls()
        desk.goes_offline()

        # A touch is an intent (firmware/messages/intents.py), what is seen is a view (views.py);
        # between them stands one pure step (firmware/core/session.py).
        desk.touches(Wake())
        desk.sees(HomeView)
        assert desk.frame.network is Network.OFFLINE
        # The card's bytes go through emulator and driver (devices/id_reader) to core.
        devices.reader.lay_card("test_a")
        desk.sees(HomeView, can_identify=False)
        assert desk.frame.patient == "测**"

        # The service itself: firmware/core/flows/register_today.py.
        desk.touches(ChooseService(Service.REGISTER_TODAY), Search("nk"))
        department = desk.sees(DepartmentView, query="nk").rows[0]
        desk.touches(ChooseDepartment(department.code))
        doctor = next(row for row in desk.sees(DoctorView).rows if row.fee_fen == CHIEF_FEE_FEN)
        desk.touches(ChooseDoctor(doctor.code))
        desk.touches(ChooseSlot(desk.sees(SlotView).rows[0].id))
        assert desk.sees(ConfirmView).provisional
        desk.touches(Confirm())

        # Cash (firmware/core/flows/pay_cash.py, devices/cash_acceptor): journalled in escrow,
        # credited when stacked, every fact durable (store_forward/store/journal.py) before shown.
        desk.sees(PayView)
        desk.feeds(20)
        desk.sees(PayView, collected_fen=2000)
        desk.feeds(50)
        done = desk.sees(DoneView, slip=SlipState.PRINTED)

        # The slip (firmware/core/slips.py, devices/receipt_printer) names nobody, promises no more
        # than is true, and carries a signed voucher (store_forward/contract/vouchers.py).
        slip = devices.printer.slips[0]
        voucher = desk.voucher_on(slip)
        assert "测试甲" not in slip.text
        assert "待医院系统确认" in slip.text
        assert (voucher.slip_code, voucher.state) == (done.slip_code, "recorded")
        assert desk.store.outbox.outcome_of_order(voucher.order_id) is Standing.RECORDED
        desk.touches(Finish())

        # The network returns: signed batches (store_forward/sync/outgoing.py) are booked once
        # (store_forward/gateway/rules.py) and countersigned.
        desk.network.open()
        desk.sync.drain()
        rows = desk.his_rows()
        (registration,) = rows["registrations"]
        assert (registration["slip_code"], registration["state"]) == (done.slip_code, "paid")
        assert sum(rows["ledger"].values()) == 0
        assert rows["ledger"][f"cash_box:{KIOSK}"] == sum(devices.acceptor.cassette) * 100 == 7000
        receipt = desk.store.outbox.receipts()[-1]
        assert receipt.spans[-1].last_seq == desk.store.journal.head().seq
        assert verify_receipt(receipt, load_public_key(desk.network.gateway.receipt_key))
        assert desk.store.outbox.outcome_of_order(voucher.order_id) is Standing.ACCEPTED
        assert desk.his_status(done.slip_code).state == "accepted"
