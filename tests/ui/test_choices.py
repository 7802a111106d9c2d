"""Cards to choose from are kept when what they show changes, and empty once they are not needed."""

from __future__ import annotations

import gc

from firmware.messages.intents import Activity, GoHome, Intent
from tests.ui.stepping import PORTRAIT, Stand, settle
from ui.theme.look import Look
from ui.widgets.chips import Chip, Chips
from ui.widgets.choices import Choice, ChoiceCard, Choices
from ui.widgets.words import Words


def _send(_: Intent) -> None:
    """Nobody listens."""


def _choices() -> Choices:
    Stand(Look(PORTRAIT))
    return Choices(size_hint=(None, None), width=900)


def _named(*titles: str, picture: str = "") -> list[Choice]:
    return [Choice(f"row.{title}", title, Activity(), picture=picture) for title in titles]


def _shown(choices: Choices) -> list[str]:
    return [card.sid.removeprefix("row.") for card in reversed(choices.children)]


def test_another_number_of_choices_keeps_the_cards_that_stay() -> None:
    choices = _choices()
    choices.fill(_named("A", "B"), _send)
    first, second = reversed(choices.children)
    choices.fill(_named("C", "D", "E"), _send)
    assert choices.children[::-1][:2] == [first, second]
    assert _shown(choices) == ["C", "D", "E"]


def test_a_card_that_was_not_needed_is_used_again() -> None:
    choices = _choices()
    choices.fill(_named("A", "B", "C"), _send)
    cards = set(choices.children)
    choices.fill(_named("D"), _send)
    choices.fill(_named("E", "F", "G"), _send)
    assert set(choices.children) == cards
    assert _shown(choices) == ["E", "F", "G"]


def test_a_card_that_is_not_needed_holds_no_text() -> None:
    choices = _choices()
    secret = Choice("row.x", "secret", Activity(), "secret", ("check", "secret", "ink"), "secret")
    choices.fill([secret], _send)
    choices.fill([], _send)
    settle()
    alive = [thing for thing in gc.get_objects() if type(thing) in {Words, ChoiceCard}]
    held = [getattr(thing, name, "") for thing in alive for name in ("content", "text", "speech")]
    assert not any("secret" in text for text in held)


def test_cards_with_and_without_a_picture_keep_their_order() -> None:
    choices = _choices()
    choices.fill(_named("A", "B"), _send)
    choices.fill([*_named("C"), *_named("D", picture="home"), *_named("E")], _send)
    assert _shown(choices) == ["C", "D", "E"]


def test_chips_are_told_their_new_content() -> None:
    _choices()
    chips, sent = Chips(width=900), list[Intent]()
    chips.fill([Chip("chip.1", "one", Activity()), Chip("chip.2", "two", Activity())], sent.append)
    kept = chips.children[-1]
    chips.fill([Chip("chip.3", "three", GoHome(), chosen=True)], sent.append)
    assert chips.children == [kept]
    assert (kept.sid, kept.kind, kept.picture, kept.spoken) == (
        "chip.3",
        "chosen",
        "check",
        "three",
    )
    kept.dispatch("on_tap")
    assert sent == [GoHome()]
