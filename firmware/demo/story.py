"""The main story, played by itself: real touches, real processes, and every promise checked.

Each chapter is one function; read them in order. The people and the clinic are made up.
"""

from __future__ import annotations

from pathlib import Path

from firmware.demo.evidence import read_gateway, read_journal, verify
from firmware.demo.his_desk import HisDesk
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.pictures import Scene, alike, table
from firmware.demo.screen import StoryFailed
from firmware.demo.stage import (
    FIRST,
    FIRST_MASKED,
    SECOND,
    SECOND_MASKED,
    Story,
    credited,
    is_drained,
    leased,
    printed,
    restarts,
)
from firmware.demo.trouble import (
    changes_mind,
    disk_is_full,
    loses_a_note,
    staff_look,
    thinks_for_long,
)


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
            loses_a_note,
            staff_look,
            disk_is_full,
            thinks_for_long,
            network_returns,
            pictures_are_complete,
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
        spoken = hands.reads_all()
        both = "触摸屏幕" in spoken and "Touch the screen" in spoken
        record.check("the idle screen speaks both languages at once", both)
        story.wait("leased slots", lambda: leased(story) > 0)
        record.check("slots are leased to this kiosk", leased(story) > 0, f"{leased(story)}")
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
        hands.shoots_all(
            "home-offline", Scene("notice", "tile.book", "button.dismiss", "button.dismiss")
        )


def registers_offline(story: Story) -> None:
    """Department by initials, doctor by title, a leased slot, everything checked once more."""
    record, hands = story.record, story.hands
    with record.step("Same-day registration: department by initials, doctor, time, check"):
        before = len(read_journal(story.kiosk).entries)
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("副主任医师", pictures=True)
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
        before = restarts(story)
        lab.act("printer1", "hang_worker")
    with record.step("A note put in while the patient asks to cancel is returned"):
        hands.taps("button.cancel_payment")
        hands.settled()
        hands.feeds(20)
        story.wait("the note is back", lambda: lab.device("cash1")["returned_yuan"][-1:] == [20])
        record.check("a returned note is not credited", credited(story) == 1000)
        hands.taps("button.keep_paying")
    with record.step("The supervisor has killed and restarted the worker; the session went on"):
        story.wait("restarted worker", lambda: restarts(story) > before)
        record.check("the hung worker was replaced", restarts(story) > before)
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
        before = credited(story)
        hands.feeds(20)
        hands.waits_until_note_is("stacking")
        kiosk.processes.kill("core")
        story.wait("core is back", lambda: kiosk.processes.restarts("core") == 1)
        story.wait("the note is credited", lambda: credited(story) == before + 2000)
        hands.sees_screen("pay")
        hands.sees("已收 20.00")
        record.check("after the restart the money is there, once", credited(story) == before + 2000)
        hands.shoots_all("pay-recovered")
    with record.step("The patient pays the rest and gets the slip"):
        hands.feeds(10)
        hands.sees_screen("done", seconds=20)
        story.wait("the slip", lambda: printed(story) >= 2)
        record.check("the slip is printed once", printed(story) == 2)
        kiosk.lab.act("printer1", "tear")
        hands.takes_card()
        hands.taps("button.finish", then="attract")


# --- 7 -------------------------------------------------------------------------------------------


def network_returns(story: Story) -> None:
    """Signed batches go out; lost answers and the duplicates they cause change nothing."""
    record, kiosk = story.record, story.kiosk
    with record.step("The network returns, but the first two answers get lost"):
        kiosk.lab.network("drop_answers", count=2)
        kiosk.lab.network("restore")
        story.wait("everything acknowledged", lambda: is_drained(story), 90)
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
        "the slip codes read accepted (paid), cancelled (owed) or case_open at the HIS",
        bool(states) and states == journal.slip_codes,
        f"{states}",
    )
    outcomes = gateway.outcomes()
    record.check("the HIS accepted every entry", set(outcomes) == {"accepted"}, f"{outcomes}")
    record.check("no alarm at the HIS", not gateway.rows["alarms"])


def pictures_are_complete(story: Story) -> None:
    """Every screen in both languages and both sizes; the table is in report.json."""
    folder = story.record.screens
    lines = table(folder)
    missing = [name for line in lines for name in line.missing]
    count = sum(len(line.pictures) for line in lines)
    told = f"missing: {', '.join(missing)}" if missing else f"{count} pictures"
    story.record.check(
        "every screen is pictured in Chinese and English, normal and elder", not missing, told
    )
    same = alike(folder)
    story.record.check("no two pictures are alike", not same, f"{same}" if same else "")


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
