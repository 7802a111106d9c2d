"""The text of a resident identity card: GA/T 490 fields, checked before anybody believes them."""

from __future__ import annotations

from datetime import date

from stdnum.cn import ric

from devices.messages import IdentityCard

_TEXT_BYTES, _PHOTO_BYTES = 256, 1024
_FOREIGN, _HONG_KONG_MACAO_TAIWAN = "I", "J"
_SEXES = {"1": "男", "2": "女", "0": "未知", "9": "未说明"}  # GB/T 2261.1
_NO_EXPIRY = "长期"

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
    try:
        text = block.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise CardTextInvalid("text block is not UTF-16") from error
    if len(text) != _TEXT_BYTES // 2:
        raise CardTextInvalid("text block is cut short")
    return _resident(text)


def _resident(text: str) -> IdentityCard:
    kind = text[124]  # byte 248
    if kind == _FOREIGN:
        raise CardTextInvalid("foreign permanent resident card: please use the counter")
    ethnic = "" if kind == _HONG_KONG_MACAO_TAIWAN else _ethnic_group(text[16:18])
    number = _number(text[61:79].strip())
    birth = _date(text[18:26], "birth date")
    if birth.replace("-", "") != number[6:14]:
        raise CardTextInvalid("birth date differs from the number's")
    until = text[102:110].strip()
    name = text[0:15].strip(" \0")
    if not name or not name.isprintable():
        raise CardTextInvalid("name is empty or unreadable")
    return IdentityCard(
        name=name,
        sex=_sex(text[15]),
        ethnic_group=ethnic,
        birth_date=birth,
        address=text[26:61].strip(" \0"),
        id_number=number,
        issuer=text[79:94].strip(" \0"),
        valid_from=_date(text[94:102], "start of validity"),
        valid_until=None if until == _NO_EXPIRY else _date(until, "end of validity"),
    )


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
