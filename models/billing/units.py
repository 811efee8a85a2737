"""Minutes to units under three policies, exactly: whole minutes in, whole units out, every tie in a stated order.

Examples
--------
>>> units({"97110": 33, "97530": 7}, "cms_8_minute")
{'97110': 2, '97530': 1}
>>> units({"97110": 33, "97530": 7}, "full_15")
{'97110': 2}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from models.billing import data
from models.billing.codes import CODES, Code, first_code, further_code
from models.billing.errors import InvalidMinutes, UnknownCode, UnknownPolicy
from models.billing.rows import parse_rows

# The policies by how they count: whole 15s of each code; the minutes of all codes together; each code alone, by the midpoint.
STRICT, POOLED, ALONE = "full_15", "cms_8_minute", "ama_midpoint"


class Policies(NamedTuple):
    """The policies' names by id, and the two numbers of their arithmetic, both in whole minutes."""

    names: Mapping[str, str]
    unit_minutes: int
    midpoint: int


def parse_policies(text: str, file: str = "policies.toml") -> Policies:
    """Return the policies of a data file.

    Raises
    ------
    LexiconError
        The file cannot be used, it names other policies than the code has, or the midpoint lies outside ``[1, unit)``.
    """
    root = data.parse(text, file).closed(("constants", "policy"), ("sources", "counting"))
    constants = root.table("constants").closed(("unit_minutes", "midpoint"))
    values: dict[str, int] = {}
    for key in ("unit_minutes", "midpoint"):
        entry = constants.table(key).closed(("value", "source"))
        entry.get("source", str)
        values[key] = entry.get("value", int)
    if not 1 <= values["midpoint"] < values["unit_minutes"]:
        raise constants.error("midpoint must be at least 1 and less than unit_minutes")
    names = {rule.id: rule.text("name") for rule in parse_rows(root, ("policy",))}
    if set(names) != set(_RULES):
        raise root.error(f"the policies must be {', '.join(_RULES)}")
    return Policies(MappingProxyType(names), values["unit_minutes"], values["midpoint"])


def _full_15(minutes: Mapping[str, int]) -> dict[str, int]:
    return {code: value // UNIT_MINUTES for code, value in minutes.items()}


def _cms_8_minute(minutes: Mapping[str, int]) -> dict[str, int]:
    given = _full_15(minutes)
    # A remainder is less than a unit, so there are never more units left than codes with a remainder: one each at most.
    left = (sum(minutes.values()) + UNIT_MINUTES - MIDPOINT) // UNIT_MINUTES - sum(given.values())
    order = sorted(minutes, key=lambda code: (-(minutes[code] % UNIT_MINUTES), -minutes[code], code))
    for code in order[:left]:
        given[code] += 1
    return given


def _ama_midpoint(minutes: Mapping[str, int]) -> dict[str, int]:
    return {code: value // UNIT_MINUTES + (value % UNIT_MINUTES >= MIDPOINT) for code, value in minutes.items()}


_RULES: Mapping[str, Callable[[Mapping[str, int]], dict[str, int]]] = {
    STRICT: _full_15,
    POOLED: _cms_8_minute,
    ALONE: _ama_midpoint,
}

_POLICIES = parse_policies(data.read("policies.toml"))
UNIT_MINUTES = _POLICIES.unit_minutes
MIDPOINT = _POLICIES.midpoint
POLICIES: tuple[str, ...] = tuple(_POLICIES.names)
POLICY_NAMES: Mapping[str, str] = _POLICIES.names


def counts(code: str, codes: Mapping[str, Code] = CODES) -> bool:
    """Return whether the minutes of ``code`` become units here: it is timed and its unit is 15 minutes.

    Raises
    ------
    UnknownCode
        The code list has no such code.
    """
    if code not in codes:
        raise UnknownCode(code)
    return codes[code].unit_minutes == UNIT_MINUTES


def units(minutes: Mapping[str, int], policy: str, *, codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the units that one day's minutes earn.

    Parameters
    ----------
    minutes : Mapping[str, int]
        Whole treatment minutes per code, 0 or more. Untimed codes, and codes whose unit is not 15 minutes, earn nothing
        here and take no part in the pooled total.
    policy : str
        ``full_15`` (whole 15s only, per code), ``cms_8_minute`` (all minutes together fix the number of units; whole
        15s first, the rest one each to the largest remainders, of equal remainders the code with more minutes first,
        then the lower number) or ``ama_midpoint`` (per code; a remainder of 8 minutes or more earns one more). A first code
        and its add-on are one service: it is counted as one, the first unit is the first code's, the rest the add-on's.
    codes : Mapping[str, Code]
        The code list; without it, the shipped one.

    Returns
    -------
    dict[str, int]
        Units per code, by number; a code that earns none is left out.

    Raises
    ------
    UnknownPolicy, UnknownCode, InvalidMinutes
        All three are also ``ValueError``.

    Examples
    --------
    >>> units({"97110": 20, "97530": 18}, "cms_8_minute")
    {'97110': 2, '97530': 1}
    >>> units({"97110": 20, "97530": 18}, "ama_midpoint")
    {'97110': 1, '97530': 1}
    >>> units({"97129": 30}, "full_15")
    {'97129': 1, '97130': 1}
    """
    return shared_out(service_units(minutes, policy, codes=codes), codes)


def service_units(minutes: Mapping[str, int], policy: str, *, codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the same units with those of an add-on under the code of its first unit; arguments and errors as for `units`.

    Examples
    --------
    >>> service_units({"97129": 30}, "full_15")
    {'97129': 2}
    """
    if policy not in POLICIES:
        raise UnknownPolicy(policy, POLICIES)
    return earned(counted(minutes, codes), policy)


def shared_out(services: Mapping[str, int], codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return a service's units as its codes bill them: the first units its own, the rest its add-on's.

    Examples
    --------
    >>> shared_out({"97129": 3, "97530": 3})
    {'97129': 1, '97130': 2, '97530': 3}
    """
    out: dict[str, int] = {}
    for code, number in services.items():
        further = further_code(code, codes)
        most = number if further is None else min(number, codes[code].max_units_day)
        out[code] = most
        if further is not None and most < number:
            out[further] = number - most
    return dict(sorted(out.items()))


def all_units(minutes: Mapping[str, int], *, codes: Mapping[str, Code] = CODES) -> dict[str, dict[str, int]]:
    """Return the units under every policy, by policy; arguments and errors as for `units`.

    Examples
    --------
    >>> all_units({"97110": 23})
    {'full_15': {'97110': 1}, 'cms_8_minute': {'97110': 2}, 'ama_midpoint': {'97110': 2}}
    """
    pooled = counted(minutes, codes)
    return {policy: shared_out(earned(pooled, policy), codes) for policy in POLICIES}


def counted(minutes: Mapping[str, int], codes: Mapping[str, Code] = CODES) -> dict[str, int]:
    """Return the minutes that become units: those of timed codes of 15 minutes, an add-on's under the code of its first unit.

    Raises
    ------
    UnknownCode, InvalidMinutes
        As for `units`.
    """
    out: dict[str, int] = {}
    for code, value in minutes.items():
        counting = counts(code, codes)
        if not _is_minutes(value):
            raise InvalidMinutes(code, value)
        if counting:
            first = first_code(code, codes)
            out[first] = out.get(first, 0) + value
    return out


def _is_minutes(value: object) -> bool:
    # True is an int in Python, and no number of minutes.
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def earned(counted: Mapping[str, int], policy: str) -> dict[str, int]:
    """Return the units of minutes that are known to become units (`counted`), under a policy that there is."""
    return {code: number for code, number in sorted(_RULES[policy](counted).items()) if number > 0}
