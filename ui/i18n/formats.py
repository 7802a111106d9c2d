"""Numbers as people read them, and as they are spoken."""

from __future__ import annotations

from firmware.messages.views import Language

FEN_PER_YUAN = 100

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def yuan(amount_fen: int, language: Language) -> str:
    """``20.00元``, always with the unit and two decimals: an amount is never ambiguous."""
    whole, rest = divmod(abs(amount_fen), FEN_PER_YUAN)
    sign = "-" if amount_fen < 0 else ""
    if language is Language.EN:
        return f"¥{sign}{whole:,}.{rest:02d}"
    return f"{sign}{whole:,}.{rest:02d}元"


def whole_yuan(amount_fen: int, language: Language) -> str:
    """A note's denomination: ``20元`` / ``¥20``."""
    whole = amount_fen // FEN_PER_YUAN
    return f"¥{whole}" if language is Language.EN else f"{whole}元"


def spoken_yuan(amount_fen: int, language: Language) -> str:
    """``12元5角`` or ``12 yuan 50``: a synthesiser would drop the decimal point."""
    whole, rest = divmod(abs(amount_fen), FEN_PER_YUAN)
    if language is Language.EN:
        return f"{whole} yuan" + (f" {rest} fen" if rest else "")
    jiao, fen = divmod(rest, 10)
    tail = (f"{jiao}角" if jiao else "零" if fen else "") + (f"{fen}分" if fen else "")
    return f"{whole}元{tail}"


def spoken_time(clock: str, language: Language) -> str:
    """``HH:MM`` as it is said: ``10点20分``; unknown shapes are said as they are."""
    hour, colon, minute = clock.partition(":")
    if not (colon and hour.isdigit() and minute.isdigit()) or language is Language.EN:
        return clock
    return f"{int(hour)}点" + (f"{int(minute)}分" if int(minute) else "整")


def short_date(iso_date: str) -> str:
    """``2026-07-13`` as ``07-13``: what staff compare is never a year old."""
    return iso_date[5:]


def spoken_date(iso_date: str, language: Language) -> str:
    """An ISO 8601 date as it is said: ``7月13日`` or ``13 July``; other shapes as they are."""
    _, _, rest = iso_date.partition("-")
    month, dash, day = rest.partition("-")
    if not (dash and month.isdigit() and day.isdigit() and 1 <= int(month) <= len(MONTHS)):
        return iso_date
    if language is Language.EN:
        return f"{int(day)} {MONTHS[int(month) - 1]}"
    return f"{int(month)}月{int(day)}日"


def spoken_code(code: str) -> str:
    """Letters and digits one by one, so that a code can be written down."""
    return " ".join(code.replace("-", ""))
