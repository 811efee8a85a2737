"""A documentation audit as people read it on the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from api.summary import clean
from api.words import service_name, words
from models.billing.audit import GoalAudit, Item, NoteAudit

_STATES = {"present": "+", "missing": "-", "not_applicable": "."}


def as_json(audit: NoteAudit) -> str:
    """Return an audit as a JSON document."""
    return json.dumps(asdict(audit), indent=2, ensure_ascii=False)


def show_audit(console: Console, audit: NoteAudit) -> None:
    """Print the score with its formula, then each block, the note, its goals and what does not apply.

    Parameters
    ----------
    console
        Where to.
    audit
        The audit of one note.
    """
    told = words()["documentation"]
    score = told["no_score"] if audit.score is None else told["score"].format(score=audit.score)
    console.print(Text(score, style="bold"))
    console.print(audit.formula, markup=False)
    console.print(told["marks"], markup=False)
    if audit.dates:
        console.print(audit.dates, markup=False)
    for service in audit.services:
        _heading(console, service_name("other", service.code))
        _items(console, service.items)
        if service.finding:
            _line(console, f"! {service.finding}")
    _heading(console, told["note"])
    _items(console, audit.note)
    documents = [item for item in audit.documents if item.state != "not_applicable"]
    if documents:
        _heading(console, told["documents"])
        _items(console, documents)
    if audit.goals:
        _heading(console, told["goals"])
        for goal in audit.goals:
            _goal(console, goal)
    if audit.empty_words:
        _heading(console, told["empty_words"])
        for span in audit.empty_words:
            _line(console, f'! "{clean(span.text)}"')
    console.print()
    console.print(f"{told['form']} Rules {audit.rules}.", style="italic", markup=False)


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold underline"))


def _items(console: Console, items: Sequence[Item]) -> None:
    for (state, why), alike in groupby(items, key=lambda item: (item.state, item.why)):
        # What does not apply for one reason stands in one line.
        if state == "not_applicable":
            _line(console, f"{_STATES[state]} {'; '.join(item.name for item in alike)} ({clean(why)})")
        else:
            _each(console, alike)


def _each(console: Console, items: Iterable[Item]) -> None:
    for item in items:
        line = f"{_STATES[item.state]} {item.name}"
        if item.state == "present" and item.spans:
            line += ": " + ", ".join(f'"{clean(span.text)}"' for span in item.spans[:3])
        if item.why:
            line += f" ({clean(item.why)})"
        _line(console, line)
        if item.example:
            console.print(Padding(Text(clean(item.example)), (0, 0, 0, 6)))
            sure = "" if item.confirmed else f", {words()['documentation']['unconfirmed']}"
            console.print(Padding(Text(f"[{item.level}{sure}: {item.rule or item.source}]", style="dim"), (0, 0, 0, 6)))


def _goal(console: Console, goal: GoalAudit) -> None:
    told = words()["documentation"]
    marks = [told["vague"]] * goal.vague + [told["met"]] * (goal.met is not None)
    _line(console, f'"{clean(goal.text)}"' + "".join(f" - {mark}" for mark in marks))
    for part in goal.parts:
        shown = f'+ {part.name}: "{clean(part.span.text)}"' if part.span else f"- {part.name}: {part.add}"
        console.print(Padding(Text(shown), (0, 0, 0, 6)))


def _line(console: Console, text: str) -> None:
    console.print(Padding(Text(text), (0, 0, 0, 2)))
