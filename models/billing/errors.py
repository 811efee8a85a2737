"""Errors of the unit arithmetic: wrong arguments, each a named class holding its data."""

from __future__ import annotations

from collections.abc import Sequence

from nlp.errors import TherapyCoderError


class UnknownPolicy(TherapyCoderError, ValueError):
    """No unit policy has this name."""

    def __init__(self, policy: object, known: Sequence[str]) -> None:
        self.policy, self.known = policy, tuple(known)
        super().__init__(f"There is no unit policy {policy!r}. Use one of: {', '.join(known)}.")


class InvalidMinutes(TherapyCoderError, ValueError):
    """Minutes are no whole number of 0 or more."""

    def __init__(self, code: str, minutes: object) -> None:
        self.code, self.minutes = code, minutes
        super().__init__(f"Minutes of {code} must be a whole number, 0 or more, not {minutes!r}.")


class UnknownCode(TherapyCoderError, ValueError):
    """The code list has no such code."""

    def __init__(self, code: object) -> None:
        self.code = code
        super().__init__(f"There is no code {code!r} in models/billing/codes.toml. Write its number as text.")


class UnknownPayer(TherapyCoderError, ValueError):
    """The rules hold no profile of this payer for the day."""

    def __init__(self, payer: object, known: Sequence[str]) -> None:
        # A request's own words are not repeated: its message may reach a log.
        self.payer, self.known = payer, tuple(known)
        super().__init__(f"The rules have no such payer on that day. Use one of: {', '.join(known)}.")


class UnknownRule(TherapyCoderError, ValueError):
    """The rules hold no row of this id."""

    def __init__(self, rule: object, near: Sequence[str]) -> None:
        self.rule, self.near = rule, tuple(near)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        super().__init__(f"There is no rule {rule!r}.{hint}")


class InvalidUnits(TherapyCoderError, ValueError):
    """Units of a claim are no whole number of 1 or more."""

    def __init__(self, code: str, units: object) -> None:
        self.code, self.units = code, units
        super().__init__(f"Units of {code} must be a whole number, 1 or more, not {units!r}.")
