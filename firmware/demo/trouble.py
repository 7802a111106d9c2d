"""Chapters in which something goes wrong for the patient, or only takes its time."""

from __future__ import annotations

import resource
import signal

from firmware.demo.evidence import read_journal
from firmware.demo.pictures import Scene
from firmware.demo.stage import FIRST, FIRST_MASKED, Story, credited, printed
from firmware.demo.workspace import STAFF_CODE
from store_forward.contract.facts import CaseOpened

CANCEL_QUESTION = Scene(
    "pay-cancel-question", "button.cancel_payment", "button.keep_paying", "button.keep_paying"
)

TIME_OUT = Scene("timeout-warning", proof="button.extend", left_by="button.extend", seconds=60)

STAFF_ENTRY = Scene("help-staff", "tool.help", "button.open_staff", "button.close_help")

SHORT_TIMES = """
[limits]
warning_seconds = 10
idle_seconds = 20
"""


def changes_mind(story: Story) -> None:
    """A patient cancels with money in the box: a slip says what is owed at the counter."""
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("The first patient comes back and is told of the own registration"):
        hands.wakes()
        hands.lays_card(FIRST)
        seen = hands.sees(FIRST_MASKED)
        record.check("own registration is the next step", "您已挂号" in " ".join(seen.texts))
        hands.shoots_all("home-next-step")
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
        kiosk.lab.act("printer1", "tear")


def loses_a_note(story: Story) -> None:
    """The acceptor dies with a note in it: nobody guesses, a person looks, a slip says so."""
    record, hands, lab = story.record, story.hands, story.kiosk.lab
    with record.step(
        "Once more: 10 yuan are paid, the next note jams, the acceptor's cable is out"
    ):
        hands.taps("button.home", then="home")
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("主任医师", pictures=False)
        hands.taps("button.confirm", then="pay")
        hands.feeds(10)
        hands.sees("已收 10.00")
        before, slips = credited(story), printed(story)
        hands.feeds(20)
        hands.waits_until_note_is("stacking")
        lab.act("cash1", "jam")
        lab.act("cash1", "unplug")
        hands.sees("投币口暂停")
        hands.shoots_all("pay-interrupted", CANCEL_QUESTION)
    with record.step("The note's end stays unknown: a case is opened, the patient gets its slip"):
        hands.sees_screen("case", seconds=60)
        story.wait("the case slip", lambda: printed(story) > slips)
        record.check("a note nobody knows the end of is not credited", credited(story) == before)
        text = lab.slips()[-1]["text"]
        named = all(words in text for words in ("待核实", "20.00", "10.00"))
        record.check("the slip names what is uncertain and what is owed", named)
        hands.sees("取走凭条")
        hands.shoots_all("case")
        lab.act("printer1", "tear")
    with record.step("Staff open the acceptor, hand the note back and plug it in again"):
        hands.taps("button.home", then="home")
        lab.act("cash1", "clear")
        back = lab.device("cash1")["returned_yuan"][-1:] == [20]
        lab.act("cash1", "replug")
        hands.sees("离线可办", seconds=30)
        record.check("the note is in the patient's hand, and in nobody's books", back)


def staff_look(story: Story) -> None:
    """Staff see at the screen what needs a person; looking changes nothing."""
    record, hands = story.record, story.hands
    journal = read_journal(story.kiosk)
    case = journal.facts(CaseOpened)[-1]
    with record.step("The patient leaves with the slip; staff come in through the help"):
        hands.takes_card()
        hands.taps("button.home", then="attract")
        hands.wakes()
        hands.shoots_all(STAFF_ENTRY)
        hands.taps("tool.help")
        hands.taps("button.open_staff", then="staff_code")
        hands.shoots_all("staff-code")
    with record.step("With their code staff see the open case, without the network"):
        hands.enters(STAFF_CODE)
        record.check("the code is nowhere on the screen", STAFF_CODE not in hands.reads_all())
        hands.taps("button.enter_code", then="staff")
        seen = hands.sees("待核实", "20.00", case.slip_code)
        listed = sum(case.slip_code in text for text in seen.texts)
        record.check("the case is listed once, with amount and slip", listed == 1, case.slip_code)
        record.check("no patient is named", FIRST_MASKED not in hands.reads_all())
        hands.shoots_all("staff")
        after = len(read_journal(story.kiosk).entries)
        record.check("nothing is recorded by looking", after == len(journal.entries))
        hands.taps("button.home", then="attract")


def disk_is_full(story: Story) -> None:
    """The store cannot grow: nothing is taken from the patient, and it recovers by itself."""
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("The disk is full: the kiosk says so before money goes in"):
        hands.wakes()
        hands.lays_card(FIRST)
        hands.sees(FIRST_MASKED)
        hands.taps("tile.register_today", then="department")
        story.chooses_doctor("住院医师", pictures=False)
        before = len(read_journal(kiosk).entries)
        core = kiosk.processes.pid("core")
        resource.prlimit(core, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        hands.taps("button.confirm", then="out_of_service")
        hands.shoots_all("out-of-service")
        resource.prlimit(core, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        hands.takes_card()
        hands.sees_screen("attract", seconds=30)
        kinds = [type(e.fact).__name__ for e in read_journal(kiosk).entries[before:]]
        record.check("nothing was half recorded", kinds in ([], ["KioskStarted"]), f"{kinds}")


def thinks_for_long(story: Story) -> None:
    """A warning comes before the session ends, and one touch gives more time.

    The deployment file is given the shortest times a kiosk may be given, so that elder patients,
    who have twice as long, need not be waited for all night.
    """
    record, hands, kiosk = story.record, story.hands, story.kiosk
    with record.step("The clinic shortens the time-out; core starts again with it"):
        with kiosk.space.deployment.open("a") as deployment:
            deployment.write(SHORT_TIMES)
        starts = kiosk.processes.restarts("core")
        kiosk.processes.kill("core", signal.SIGTERM)
        story.wait("core is back", lambda: kiosk.processes.restarts("core") > starts)
        story.wait("the idle screen", lambda: _is_served(story))
    with record.step("A patient thinks for long: the warning, and more time with one touch"):
        hands.wakes()
        hands.shoots_all(TIME_OUT)
        record.check("more time was given each time", hands.settled().view == "home")
        hands.taps("button.home", then="attract")


def _is_served(story: Story) -> bool:
    seen = story.kiosk.screen.look()
    return seen is not None and seen.widget("attract") is not None
