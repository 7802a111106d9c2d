"""How Chinese words are typed on a kiosk: whole pinyin without tones, and initials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Spelling:
    """``耳鼻喉科`` is typed ``erbihouke`` or ``ebhk``."""

    pinyin: str
    initials: str


def spell(chinese: str) -> Spelling:
    """Spell a word; letters and digits in it stay, lower case, other signs are dropped."""
    # Its dictionaries take half a second and 30 MB to load, and only a reload of the
    # reference file needs them.
    from pypinyin import lazy_pinyin

    syllables = [
        "".join(sign for sign in syllable.lower() if sign.isascii() and sign.isalnum())
        for syllable in lazy_pinyin(chinese, v_to_u=False)
    ]
    syllables = [syllable for syllable in syllables if syllable]
    return Spelling("".join(syllables), "".join(syllable[0] for syllable in syllables))


def search_words(words: Iterable[str]) -> tuple[str, ...]:
    """Each word followed by its pinyin and its initials, every one once, in order."""
    found: dict[str, None] = {}
    for word in words:
        spelling = spell(word)
        for each in (word, spelling.pinyin, spelling.initials):
            found.setdefault(each)
    return tuple(each for each in found if each)
