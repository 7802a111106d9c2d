"""The slip of a paid registration: printed once, and never said to be there when it may not be."""

from __future__ import annotations

from devices.messages import PrintOutcome, PrintSlip
from firmware.messages.intents import GoHome, Reprint
from firmware.messages.views import DoneView, SlipState
from store_forward.contract.facts import SlipPrintEnded, SlipPrintStarted
from tests.flows.kiosk import Kiosk


class TestTheSlip:
    def test_is_offered_again_when_its_end_is_not_known_and_then_says_so(
        self, kiosk: Kiosk
    ) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.devices.finish_print(PrintOutcome.UNKNOWN)
        kiosk.deliver()
        assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN
        kiosk.devices.prints_at_once = True
        kiosk.touch(Reprint())
        assert kiosk.view(DoneView).slip is SlipState.PRINTED
        assert "补打" not in kiosk.slips[0]
        assert "补打" in kiosk.slips[1]
        assert [one.copy for one in kiosk.facts(SlipPrintStarted)] == [0, 1]

    def test_is_not_printed_again_once_it_is_printed(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(50)
        kiosk.touch(Reprint())
        assert len(kiosk.slips) == 1

    def test_is_journalled_before_its_bytes_go_out(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        started: list[int] = []
        kiosk.devices.before_tell = lambda command: (
            started.append(len(kiosk.facts(SlipPrintStarted)))
            if isinstance(command, PrintSlip)
            else None
        )
        kiosk.insert(50)
        assert started == [1]

    def test_is_uncertain_when_the_printer_says_nothing(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.wait(59)
        assert kiosk.view(DoneView).slip is SlipState.PRINTING
        kiosk.wait(2)
        assert kiosk.view(DoneView).slip is SlipState.UNCERTAIN

    def test_says_provisional_when_the_network_is_away(self, kiosk: Kiosk) -> None:
        kiosk.online = False
        kiosk.confirm()
        kiosk.insert(50)
        assert kiosk.view(DoneView).provisional
        assert "已在本机登记，待医院系统确认" in kiosk.slips[0]

    def test_has_a_result_that_is_recorded_even_after_the_patient_left(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.devices.prints_at_once = False
        kiosk.insert(50)
        kiosk.touch(GoHome(), GoHome())
        kiosk.devices.finish_print(PrintOutcome.COMPLETED)
        kiosk.deliver()
        assert [one.outcome for one in kiosk.facts(SlipPrintEnded)] == ["completed"]

    def test_shows_the_patient_masked_only(self, kiosk: Kiosk) -> None:
        kiosk.confirm()
        kiosk.insert(50)
        assert "张**" in kiosk.slips[0]
        assert "110105********002X" in kiosk.slips[0]
        assert "张测试" not in kiosk.slips[0]
        assert "11010519491231002X" not in kiosk.slips[0]
