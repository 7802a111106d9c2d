"""The text of a resident identity card: GA/T 490 fields, checked before anybody believes them."""

from __future__ import annotations

import unicodedata
from datetime import date

from devices.messages import IdentityCard
from devices.stand_ins import stand_ins

with stand_ins({"ssl": {}, "pydoc": {}}):  # for web services and a list of all numbers
    from stdnum.cn import ric

_TEXT_BYTES, _PHOTO_BYTES = 256, 1024
_FOREIGN, _HONG_KONG_MACAO_TAIWAN = "I", "J"
_SEXES = {"1": "男", "2": "女", "0": "未知", "9": "未说明"}  # GB/T 2261.1
_NO_EXPIRY = "长期"

_IDEOGRAPHIC_PLANES = range(0x2_0000, 0x4_0000)
"""Unicode keeps planes 2 and 3 for ideographs, and adds to them almost every year."""

# GB/T 3304: code 01 to 56 in order.
_ETHNIC_GROUPS = [
    "汉",
    "蒙古",
    "回",
    "藏",
    "维吾尔",
    "苗",
    "彝",
    "壮",
    "布依",
    "朝鲜",
    "满",
    "侗",
    "瑶",
    "白",
    "土家",
    "哈尼",
    "哈萨克",
    "傣",
    "黎",
    "傈僳",
    "佤",
    "畲",
    "高山",
    "拉祜",
    "水",
    "东乡",
    "纳西",
    "景颇",
    "柯尔克孜",
    "土",
    "达斡尔",
    "仫佬",
    "羌",
    "布朗",
    "撒拉",
    "毛南",
    "仡佬",
    "锡伯",
    "阿昌",
    "普米",
    "塔吉克",
    "怒",
    "乌孜别克",
    "俄罗斯",
    "鄂温克",
    "德昂",
    "保安",
    "裕固",
    "京",
    "塔塔尔",
    "独龙",
    "鄂伦春",
    "赫哲",
    "门巴",
    "珞巴",
    "基诺",
]


class CardTextInvalid(Exception):
    """The card's content cannot be believed. Says which field, never what stands in it."""


def parse_card(data: bytes) -> IdentityCard:
    """Read the payload of a successful read: lengths, text, photo (which is skipped).

    Raises:
        CardTextInvalid: the payload, a field or the number's checksum is wrong, or the card is
            of a kind this kiosk cannot take.
    """
    if len(data) < 4 or int.from_bytes(data[:2], "big") != _TEXT_BYTES:
        raise CardTextInvalid("text block has a wrong length")
    start = 6 if len(data) >= 6 + _TEXT_BYTES + 2 * _PHOTO_BYTES else 4
    block = data[start : start + _TEXT_BYTES]
    if len(block) != _TEXT_BYTES:
        raise CardTextInvalid("text block is cut short")
    return _resident(block)


def _resident(block: bytes) -> IdentityCard:
    """Read the fields at their byte offsets: a rare character takes four bytes, so counting
    characters would shift all that follows."""
    kind = _text(block, 248, 2, "type mark")
    if kind == _FOREIGN:
        raise CardTextInvalid("foreign permanent resident card: please use the counter")
    ethnic = _text(block, 32, 4, "ethnic group")
    number = _number(_text(block, 122, 36, "number").strip())
    birth = _date(_text(block, 36, 16, "birth date"), "birth date")
    if birth.replace("-", "") != number[6:14]:
        raise CardTextInvalid("birth date differs from the number's")
    until = _text(block, 204, 16, "end of validity").strip()
    return IdentityCard(
        name=_name(_text(block, 0, 30, "name").strip(" \0")),
        sex=_sex(_text(block, 30, 2, "sex")),
        ethnic_group="" if kind == _HONG_KONG_MACAO_TAIWAN else _ethnic_group(ethnic),
        birth_date=birth,
        address=_text(block, 52, 70, "address").strip(" \0"),
        id_number=number,
        issuer=_text(block, 158, 30, "issuer").strip(" \0"),
        valid_from=_date(_text(block, 188, 16, "start of validity"), "start of validity"),
        valid_until=None if until == _NO_EXPIRY else _date(until, "end of validity"),
    )


def _text(block: bytes, start: int, length: int, what: str) -> str:
    """Decode one field by itself, so that one spoilt byte is blamed on the field it stands in."""
    try:
        return block[start : start + length].decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise CardTextInvalid(f"{what} is not UTF-16") from error


def _name(name: str) -> str:
    """Check that a name is writing. Names hold characters of every age: private-use ones of
    registers older than their place in Unicode, and ones newer than this Python's tables."""
    if not name or any(_is_no_writing(character) for character in name):
        raise CardTextInvalid("name is empty or unreadable")
    return name


def _is_no_writing(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cn":
        is_end_of_plane = ord(character) & 0xFFFE == 0xFFFE
        return is_end_of_plane or ord(character) not in _IDEOGRAPHIC_PLANES
    return category in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _number(number: str) -> str:
    """Check form and check digit (GB 11643).

    The region is not looked up: region codes are added and abolished, the card stays valid.
    """
    is_form = len(number) == 18 and number.isascii() and number[:17].isdigit()
    if not is_form or ric.calc_check_digit(number) != number[17]:
        raise CardTextInvalid("number fails its checksum")
    return number


def _date(text: str, what: str) -> str:
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        raise CardTextInvalid(f"{what} is not a date")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
    except ValueError as error:
        raise CardTextInvalid(f"{what} is not a date") from error


def _sex(code: str) -> str:
    if code not in _SEXES:
        raise CardTextInvalid("sex has an unknown code")
    return _SEXES[code]


def _ethnic_group(code: str) -> str:
    if code in ("97", "98"):
        return "其他" if code == "97" else "外国血统中国籍人士"
    if not (code.isascii() and code.isdigit()) or not 1 <= int(code) <= len(_ETHNIC_GROUPS):
        raise CardTextInvalid("ethnic group has an unknown code")
    return _ETHNIC_GROUPS[int(code) - 1]
