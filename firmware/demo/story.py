"""The main story, played by itself: real touches, real processes, and every promise checked.

Each chapter is one function; read them in order. The people and the clinic are made up.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

from firmware.demo.evidence import read_gateway, read_journal, verify
from firmware.demo.his_desk import HisDesk
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.patient import PatientHands
from firmware.demo.record import Record
from firmware.demo.screen import StoryFailed

FIRST, SECOND = "test_a", "zhang"
"""Cards of the two patients, with test numbers of the national standard."""

FIRST_MASKED, SECOND_MASKED = "测**", "张**"


class Story:
    """The stage: one kiosk, one pair of hands, one record."""

    def __init__(self, kiosk: DeskKiosk, out: Path) -> None:
        self.kiosk = kiosk
        self.record = Record(out)
        self.hands = PatientHands(kiosk, out / "screens")
        self.wait = _Patience(20)

    def chooses_doctor(self, title: str, *, pictures: bool) -> None:
        """From the department screen to the confirm screen, the first free time."""
        hands = self.hands
        hands.types("NK")
        if pictures:
            hands.shoots_all("department")
        hands.taps("row.NK", then="doctor")
        hands.taps_text("chip.title", title)
        if pictures:
            hands.shoots_all("doctor")
        hands.taps_first("row.", then="slot")
        if pictures:
            hands.shoots_all("slot")
        hands.taps_first("row.", then="confirm")
        if pictures:
            hands.shoots_all("confirm")


class _Patience:
    """Waits for something outside the screen."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __call__(self, what: str, holds: Callable[[], bool], seconds: float | None = None) -> None:
        limit = time.monotonic() + (seconds or self._seconds)
        while not holds():
            if time.monotonic() > limit:
                raise StoryFailed(f"{what}: not in time")
            time.sleep(0.1)


def play(kiosk: DeskKiosk, out: Path) -> bool:
    """Play all chapters; return whether every promise held. Leaves everything in ``out``."""
    story = Story(kiosk, out)
    try:
        for chapter in (
            online_and_identified,
            network_is_cut,
            registers_offline,
            pays_in_cash_while_the_printer_hangs,
            slip_and_goodbye,
            core_and_screen_die,
            changes_mind,
            disk_is_full,
            network_returns,
        ):
            chapter(story)
    except (StoryFailed, RuntimeError) as failure:
        story.record.check("the story can be played to its end", held=False, detail=str(failure))
        story.hands.shoots("failed")
    leave_evidence(story)
    return story.record.all_held


# --- 1 -------------------------------------------------------------------------------------------


def online_and_identified(story: Story) -> None:
    """The kiosk has reference data and slots; the card shows the own name and next step."""
    record, hands = story.record, story.hands
    with record.step("Online: the kiosk pulls reference data and leases slots"):
        hands.shoots("attract")
        story.wait("leased slots", lambda: _leased(story) > 0)
        record.check("slots are leased to this kiosk", _leased(story) > 0, f"{_leased(story)}")
    with record.step("The patient touches the screen and lays the ID card on the reader"):
        hands.wakes()
        hands.shoots_all("home")
        hands.lays_card(FIRST)
        seen = hands.sees(FIRST_MASKED)
        has_next = seen.widget("next_action") is not None
        record.check("own name masked, own next action first", has_next, FIRST_MASKED)
        record.check("the full name is nowhere on the screen", "测试甲" not in hands.reads_all())
        hands.shoots_all("home-identified")


# --- 2 -------------------------------------------------------------------------------------------


def network_is_cut(story: Story) -> None:
    """The screen says so honestly, tile by tile."""
    record, hands = story.record, story.hands
    with record.step("The network is cut"):
        story.kiosk.lab.network("cut")
        hands.sees("离线可办", seconds=20)
        record.check("the screen says which services work offline", True)
        hands.shoots_all("home-offline")


def registers_offline(story: Story) -> None:
    """Department by initials, doctor by title, a leased slot, everything checked once more."""
    record, hands = story.record, story.hands
    with record.step("Same-day registration: department by initials, doctor, time, check"):
        before = len(read_journal(story.kiosk).entries)
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("副主任医师", pictures=True)
        hands.taps("tool.help")
        hands.shoots("help")
        hands.taps("button.close_help")
        after = len(read_journal(story.kiosk).entries)
        record.check("nothing is recorded before the patient confirms", before == after)
        hands.taps("button.confirm", then="pay")


# --- 3 -------------------------------------------------------------------------------------------


def pays_in_cash_while_the_printer_hangs(story: Story) -> None:
    """Rejected, credited, returned, credited; the printer's worker is hung in between."""
    record, hands, lab = story.record, story.hands, story.kiosk.lab
    with record.step("A crumpled note is rejected"):
        hands.feeds_crumpled_note()
        hands.sees("纸币未被接受")
        hands.shoots_all("pay")
    with record.step("A note of 10 yuan goes to escrow, is stacked and credited"):
        hands.feeds(10)
        hands.sees("已收 10.00")
        record.check("credited once", read_journal(story.kiosk).credited_fen == 1000)
    with record.step("The printer's worker is hung"):
        restarts = _restarts(story)
        lab.act("printer1", "hang_worker")
    with record.step("A note put in while the patient asks to cancel is returned"):
        hands.taps("button.cancel_payment")
        hands.settled()
        hands.shoots("pay-cancel-question")
        hands.feeds(20)
        story.wait("the note is back", lambda: lab.device("cash1")["returned_yuan"][-1:] == [20])
        record.check("a returned note is not credited", _credited(story) == 1000)
        hands.taps("button.keep_paying")
    with record.step("The supervisor has killed and restarted the worker; the session went on"):
        story.wait("restarted worker", lambda: _restarts(story) > restarts)
        record.check("the hung worker was replaced", _restarts(story) > restarts)
    with record.step("A note of 20 yuan covers the fee of 25"):
        hands.feeds(20)
        hands.sees_screen("done", seconds=20)


# --- 4 -------------------------------------------------------------------------------------------


def slip_and_goodbye(story: Story) -> None:
    """The slip prints; number, place, what was printed, take your card; then all is wiped."""
    record, hands, lab = story.record, story.hands, story.kiosk.lab
    with record.step("The slip prints, provisional, with a code and a signed QR"):
        story.wait("the slip", lambda: any(slip["complete"] for slip in lab.slips()))
        hands.sees("取走")
        hands.shoots_all("done")
        text = lab.slips()[-1]["text"]
        record.check("the slip says it is provisional", "待医院" in text or "联网" in text)
        record.check("the slip carries a masked name only", "测试甲" not in text)
        lab.act("printer1", "tear")
    with record.step("The patient takes the card and leaves; the session is wiped"):
        hands.takes_card()
        hands.taps("button.finish", then="attract")
        shown = hands.reads_all()
        record.check("nothing of the patient is left on the screen", FIRST_MASKED not in shown)


# --- 5 and 6 --------------------------------------------------------------------------------------


def core_and_screen_die(story: Story) -> None:
    """ui is killed while a department is chosen, core while a note is being stacked."""
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("The next patient registers; the screen process is killed in mid-flow"):
        hands.wakes()
        hands.taps("tile.register_today", then="identify")
        hands.shoots_all("identify")
        hands.lays_card(SECOND)
        hands.sees_screen("department")
        hands.types("N")
        kiosk.processes.kill("ui")
        story.wait("the screen process is back", lambda: kiosk.processes.restarts("ui") == 1)
        hands.sees(SECOND_MASKED, seconds=20)
        hands.sees_screen("department")
        record.check("a new screen process shows the same step", True)
        hands.taps("key.clear")
    with record.step("core is killed while a note of 20 yuan is being stacked"):
        story.chooses_doctor("主任医师", pictures=False)
        hands.taps("button.confirm", then="pay")
        before = _credited(story)
        hands.feeds(20)
        hands.waits_until_note_is("stacking")
        kiosk.processes.kill("core")
        story.wait("core is back", lambda: kiosk.processes.restarts("core") == 1)
        story.wait("the note is credited", lambda: _credited(story) == before + 2000)
        hands.sees_screen("pay")
        hands.sees("已收 20.00")
        hands.shoots("pay-recovered")
        record.check(
            "after the restart the money is there, once", _credited(story) == before + 2000
        )
    with record.step("The patient pays the rest and gets the slip"):
        hands.feeds(10)
        hands.sees_screen("done", seconds=20)
        story.wait("the slip", lambda: _printed(story) >= 2)
        record.check("the slip is printed once", _printed(story) == 2)
        kiosk.lab.act("printer1", "tear")
        hands.takes_card()
        hands.taps("button.finish", then="attract")


def changes_mind(story: Story) -> None:
    """A patient cancels with money in the box: a slip says what is owed at the counter."""
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("A patient thinks for long: the time-out warning, extended with one touch"):
        hands.wakes()
        hands.lays_card(FIRST)
        seen = hands.sees(FIRST_MASKED)
        record.check("own registration is the next step", "您已挂号" in " ".join(seen.texts))
        hands.shoots_all("home-next-step")
        hands.settled()
        kiosk.screen.wait(
            "time-out warning", lambda look: look.widget("button.extend") is not None, 60
        )
        hands.shoots("timeout-warning")
        hands.taps("button.extend")
    with record.step("The patient registers, pays 10 yuan, changes their mind"):
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("主治医师", pictures=False)
        hands.taps("button.confirm", then="pay")
        hands.feeds(10)
        hands.sees("已收 10.00")
        hands.taps("button.cancel_payment")
        hands.taps("button.really_cancel", then="cancelled")
        hands.shoots_all("cancelled")
        text = kiosk.lab.slips()[-1]["text"]
        record.check("the slip says that 10.00 yuan are owed at the counter", "10.00" in text)
        hands.takes_card()
        hands.taps("button.finish", then="attract")


def disk_is_full(story: Story) -> None:
    """The store cannot grow: nothing is taken from the patient, and it recovers by itself."""
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("The disk is full: the kiosk says so before money goes in"):
        hands.wakes()
        hands.lays_card(SECOND)
        hands.sees(SECOND_MASKED)
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("住院医师", pictures=False)
        before = len(read_journal(kiosk).entries)
        core = kiosk.processes.pid("core")
        resource.prlimit(core, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        hands.taps("button.confirm", then="out_of_service")
        hands.shoots("out-of-service")
        resource.prlimit(core, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        hands.takes_card()
        hands.sees_screen("attract", seconds=30)
        kinds = [type(e.fact).__name__ for e in read_journal(kiosk).entries[before:]]
        record.check("nothing was half recorded", kinds in ([], ["KioskStarted"]), f"{kinds}")


# --- 7 -------------------------------------------------------------------------------------------


def network_returns(story: Story) -> None:
    """Signed batches go out; lost answers and the duplicates they cause change nothing."""
    record, kiosk = story.record, story.kiosk
    with record.step("The network returns, but the first two answers get lost"):
        kiosk.lab.network("drop_answers", count=2)
        kiosk.lab.network("restore")
        story.wait("everything acknowledged", lambda: _is_drained(story), 90)
        dropped = kiosk.lab.state()["network"]["answers_dropped"]
        record.check("answers were lost on the way", dropped >= 1, f"{dropped} lost")
    with record.step("The whole journal arrives a second time, late"):
        before = read_gateway(kiosk).ledger
        outcomes = set(HisDesk(kiosk).send_everything_again())
        unchanged = before == read_gateway(kiosk).ledger
        record.check("duplicates change nothing", unchanged and outcomes == {"duplicate"})
    with record.step("Journal, gateway ledger, cash box, slots and slips are compared"):
        _compare(story)


def _compare(story: Story) -> None:
    record, kiosk = story.record, story.kiosk
    report, journal, gateway = verify(kiosk), read_journal(kiosk), read_gateway(kiosk)
    box_fen = kiosk.lab.device("cash1")["cassette_total_yuan"] * 100
    record.check(
        "the independent verifier finds the journal whole", report.ok, report.head_hash[:16]
    )
    record.check(
        "countersigned receipts cover the whole journal",
        report.receipted_to == report.head_seq and report.signatures_checked,
        f"{report.receipted_to} of {report.head_seq}",
    )
    record.check("no note is credited twice", not journal.has_double_credit)
    record.check(
        "journal, ledger and cash box agree to the fen",
        journal.credited_fen == gateway.cash_box_fen == box_fen,
        f"{journal.credited_fen} / {gateway.cash_box_fen} / {box_fen} fen",
    )
    record.check("the ledger sums to zero", sum(gateway.ledger.values()) == 0)
    record.check("no money is without purpose", gateway.open_suspense_fen == 0)
    record.check(
        "slots sold here are the slots sold at the HIS",
        journal.sold_slots == gateway.sold_slots,
        f"{len(journal.sold_slots)} / {len(gateway.sold_slots)}",
    )
    states = {code: HisDesk(kiosk).state_of(code) for code in journal.slip_codes}
    record.check(
        "the slip codes read accepted (paid) or cancelled (owed) at the HIS",
        bool(states) and states == journal.slip_codes,
        f"{states}",
    )
    outcomes = gateway.outcomes()
    record.check("the HIS accepted every entry", set(outcomes) == {"accepted"}, f"{outcomes}")
    record.check("no alarm at the HIS", not gateway.rows["alarms"])


def leave_evidence(story: Story) -> None:
    """Write slips and report, whatever happened."""
    record, kiosk = story.record, story.kiosk
    for slip in kiosk.lab.slips():
        path = record.out / "slips" / f"slip-{slip['number']}"
        path.with_suffix(".txt").write_text(slip["text"])
        path.with_suffix(".png").write_bytes(kiosk.lab.slip_picture(slip["number"]))
    record.write(
        read_journal(kiosk).summary(),
        read_gateway(kiosk).summary(),
        kiosk.lab.device("cash1")["cassette_total_yuan"] * 100,
    )
    print(f"\n{'every promise held' if record.all_held else 'A PROMISE WAS BROKEN'}: {record.out}")


def _printed(story: Story) -> int:
    return sum(slip["complete"] for slip in story.kiosk.lab.slips())


def _leased(story: Story) -> int:
    return sum(row["state"] == "leased" for row in read_gateway(story.kiosk).rows["slots"])


def _credited(story: Story) -> int:
    return read_journal(story.kiosk).credited_fen


def _is_drained(story: Story) -> bool:
    report = verify(story.kiosk)
    return report.acked_to == report.head_seq


def _restarts(story: Story) -> int:
    """How often the printer's worker, and no other, has ended."""
    lines = story.kiosk.processes.tail("devices", 5000).splitlines()
    return sum('"printer1"' in line and "worker ended" in line for line in lines)
