"""Rules that a prop of the sensor chooses between: how its value becomes one of the cases."""

from tseng_units.catalogue import Choice
from tseng_units.formulas.declare import REQUIRED, Prop
from tseng_units.params import number
from tseng_units.registry import dimension_of


def _by_presence(value: object) -> str:
    return "absent" if value is None else "present"


def _by_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value in ("true", "false") else str(value)


def _by_zero(value: object) -> str:
    return "zero" if number(value) == 0 else "other"


def _by_dimension(value: object) -> str:
    found = dimension_of(value) if isinstance(value, str) else None
    return found.name if found else ""


BY = {"presence": _by_presence, "value": _by_value, "zero": _by_zero, "dimension": _by_dimension}
"""The ways in which a value can decide. The text "true" is not the value true."""


def case_of(choice: Choice, value: object) -> str:
    """The case that the value of the prop falls into; ValueError naming what is allowed where there is none."""
    case = BY[choice.by](value)
    if case in choice.cases:
        return case
    allowed = ", ".join(choice.cases)
    raise ValueError(f"{value!r} is {'no unit' if choice.by == 'dimension' else 'none'} of {allowed}")


def decider(choice: Choice) -> Prop:
    """The prop that decides, with its default; its check refuses values of no case."""

    def check(value: object) -> object:
        case_of(choice, value)
        return value

    absent = None if choice.by == "presence" else REQUIRED
    return Prop(choice.prop, "", absent if choice.default is None else choice.default, check)


def is_told(choice: Choice, value: object) -> bool:
    """Whether the prop is to be told with what it chose: a formula that takes the prop itself tells it anyway."""
    return choice.by == "value" or case_of(choice, value) == "zero"
