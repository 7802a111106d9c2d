"""Field-by-field validation of the raw file against the model, collecting every error."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeGuard

import msgspec
from msgspec import inspect, structs

from firmware.config.locator import KeyPath
from firmware.config.model import Section

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True)
class Finding:
    """Something wrong at a key, which may be one that is not in the file."""

    path: KeyPath
    message: str
    right: str = ""


@dataclass
class Fields:
    """What validation found: good values by key path (defaults filled in) and the findings."""

    values: dict[KeyPath, object] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def validate_fields(raw: Mapping[str, object], model: type[Section]) -> Fields:
    """Check every table and key of ``raw`` on its own against ``model``."""
    fields = Fields()
    _check_table(fields, (), raw, model)
    return fields


def _check_table(fields: Fields, path: KeyPath, raw: object, model: type[Section]) -> None:
    if not isinstance(raw, Mapping):
        found = f"is {_kind_of(raw)}, not a table"
        fields.findings.append(Finding(path, found, f"a table [{path[-1]}]"))
        return
    known = {item.encode_name: item for item in structs.fields(model)}
    for name in raw:
        if name not in known:
            fields.findings.append(_unknown_key((*path, name), name, known))
    for name, item in known.items():
        here = (*path, name)
        if name in raw:
            _check_value(fields, here, raw[name], item.type)
        elif item.required:
            right = _describe(item.type)
            fields.findings.append(Finding(here, "is missing", right))
        else:
            _fill_default(fields, here, item.default)


def _unknown_key(path: KeyPath, name: str, known: Mapping[str, object]) -> Finding:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return Finding(path, f"is not a known key; did you mean {close[0]!r}?", close[0])
    return Finding(path, "is not a known key", "one of " + ", ".join(known))


def _fill_default(fields: Fields, path: KeyPath, default: object) -> None:
    if isinstance(default, Section):
        for item in structs.fields(default):
            _fill_default(fields, (*path, item.encode_name), getattr(default, item.name))
    else:
        fields.values[path] = default


def _check_value(fields: Fields, path: KeyPath, raw: object, kind: Any) -> None:
    element = _list_element(kind)
    if _is_section(kind):
        _check_table(fields, path, raw, kind)
    elif _is_section(element):
        _check_tables(fields, path, raw, element)
    elif element is not None:
        _check_list(fields, path, raw, kind, element)
    else:
        _check_plain(fields, path, raw, kind)


def _check_tables(fields: Fields, path: KeyPath, raw: object, model: type[Section]) -> None:
    if not isinstance(raw, list):
        right = f"one [[{path[-1]}]] for each"
        fields.findings.append(Finding(path, f"is {_kind_of(raw)}, not a list of tables", right))
        return
    for index, table in enumerate(raw):
        _check_table(fields, (*path, index), table, model)
    fields.values[path] = len(raw)


def _check_list(fields: Fields, path: KeyPath, raw: object, kind: Any, element: Any) -> None:
    if not isinstance(raw, list):
        fields.findings.append(Finding(path, f"is {_kind_of(raw)}", _describe(kind)))
        return
    places = [(*path, index) for index in range(len(raw))]
    for place, value in zip(places, raw, strict=True):
        _check_plain(fields, place, value, element)
    if all(place in fields.values for place in places):
        fields.values[path] = tuple(fields.values[place] for place in places)


def _check_plain(fields: Fields, path: KeyPath, raw: object, kind: Any) -> None:
    if isinstance(raw, str) and _CONTROL.search(raw):
        found = "contains a line break or control character"
        fields.findings.append(Finding(path, found, _describe(kind)))
        return
    try:
        fields.values[path] = msgspec.convert(raw, type=kind)
    except msgspec.ValidationError as error:
        found = _kind_of(raw) if ", got " in str(error) else _shown(raw)
        fields.findings.append(Finding(path, f"is {found}", _describe(kind)))


def _list_element(kind: Any) -> Any | None:
    """Return the element type when ``kind`` is ``tuple[<type>, ...]``."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def _is_section(kind: Any) -> TypeGuard[type[Section]]:
    return isinstance(kind, type) and issubclass(kind, Section)


def _shown(raw: object) -> str:
    text = str(raw).lower() if isinstance(raw, bool) else repr(raw)
    return text if len(text) <= 60 else text[:57] + "…"


def _kind_of(raw: object) -> str:
    match raw:
        case bool():
            return f"the truth value {_shown(raw)}"
        case str():
            return f"the text {_shown(raw)}"
        case int() | float():
            return f"the number {_shown(raw)}"
        case Mapping():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"


def _describe(kind: Any) -> str:
    """Say what values a field takes, with an example where the model gives one."""
    element = _list_element(kind)
    if _is_section(kind) or _is_section(element):
        keys = ", ".join(item.encode_name for item in structs.fields(element or kind))
        return f"tables with {keys}" if element else f"a table with {keys}"
    info = inspect.type_info(kind)
    example = ""
    if isinstance(info, inspect.Metadata):
        examples = (info.extra_json_schema or {}).get("examples", ())
        example = f', such as "{examples[0]}"' if examples else ""
        info = info.type
    return _describe_info(info) + example


def _describe_info(info: inspect.Type) -> str:
    match info:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high):
            return "a whole number" + _range(low, high)
        case inspect.FloatType(ge=low, le=high):
            return "a number" + _range(low, high)
        case inspect.StrType(min_length=shortest, max_length=longest, pattern=pattern):
            length = f" of {shortest} to {longest} characters" if longest is not None else ""
            return f"text{length}" + (f" matching {pattern}" if pattern else "")
        case inspect.EnumType(cls=choices):
            return "one of " + ", ".join(_choice(choice) for choice in choices)
        case inspect.VarTupleType(item_type=element):
            return f"a list in [ ], each {_describe_info(element)}"
        case _:
            return "see the example deployment file"


def _choice(choice: object) -> str:
    return f'"{choice.value}"' if isinstance(choice, Enum) else str(choice)


def _range(low: float | None, high: float | None) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" of at least {low:g}"
        case None, _:
            return f" of at most {high:g}"
        case _:
            return f" from {low:g} to {high:g}"
