"""Calls actions by name with arguments from outside, checked against their signatures."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping

import msgspec

Action = Callable[..., object]


class UnknownAction(Exception):
    """There is no action of this name."""


class WrongArguments(Exception):
    """The action does not take these arguments."""


class NotPossible(Exception):
    """The action makes no sense right now."""


class Argument(msgspec.Struct, frozen=True):
    """One argument of an action; ``default`` is None when it must be given."""

    name: str
    type: str
    default: str | None


def arguments_of(action: Action) -> list[Argument]:
    """Describe what an action takes, for a panel."""
    return [
        Argument(
            name=parameter.name,
            type=_type_name(parameter),
            default=None if parameter.default is parameter.empty else str(parameter.default),
        )
        for parameter in inspect.signature(action).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]


def call(actions: Mapping[str, Action], name: str, arguments: Mapping[str, object]) -> object:
    """Call the action ``name``.

    Raises:
        UnknownAction, WrongArguments: with a message for the person who asked.
    """
    action = actions.get(name)
    if action is None:
        raise UnknownAction(f"no action {name!r}; there are: {', '.join(sorted(actions))}")
    usage = f"{name}{inspect.signature(action)}"
    hints = typing.get_type_hints(action)
    parameters = inspect.signature(action).parameters
    rest = next((p for p in parameters.values() if p.kind is p.VAR_KEYWORD), None)
    checked = {}
    for key, value in arguments.items():
        parameter = parameters.get(key, rest)
        if parameter is None:
            raise WrongArguments(f"no argument {key!r}: {usage}")
        try:
            wanted = hints.get(parameter.name, object)
            checked[key] = msgspec.convert(value, wanted, strict=False)
        except msgspec.ValidationError as error:
            raise WrongArguments(f"argument {key!r}: {error}: {usage}") from error
    try:
        inspect.signature(action).bind(**checked)
    except TypeError as error:
        raise WrongArguments(f"{error}: {usage}") from error
    try:
        return action(**checked)
    except ValueError as error:
        raise WrongArguments(str(error)) from error


def _type_name(parameter: inspect.Parameter) -> str:
    annotation = parameter.annotation
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "any")
