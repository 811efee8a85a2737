"""A block in its document as named features, each with the words it was read from.

What was *done* (``a:`` words of the activities, ``lex:`` and ``fam:`` from the lexicon, ``read:`` what the encoder made of
them in their note), how it was dosed (``dose:``), what it was
*for* (``c:`` words around the activities inside the block), its heading (``h:``), goal links (``goal:``), section, setting
and the code the note states (``stated:``). Pure: no model, no file but the lexicons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from models.billing.codes import CODES, HEADLINE
from nlp.document import Block, Document
from nlp.lexicon import singular
from nlp.terms import entries

FEATURES_VERSION = 2
STATED = "stated:"
READ = "read:"  # what the encoder makes of the activities
_HEAD = 600  # characters in which the setting is looked for

_WORD = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?")
_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "and",
        "or",
        "with",
        "w",
        "in",
        "on",
        "at",
        "by",
        "as",
        "x",
        "each",
        "ea",
        "then",
        "from",
        "his",
        "her",
        "their",
        "own",
        "was",
        "were",
        "is",
        "it",
        "that",
        "this",
    ]
)
_DOSES = (
    ("sets", re.compile(r"\b\d+\s*[x×]\s*\d+|\bsets?\b|\breps?\b", re.IGNORECASE)),
    ("load", re.compile(r"\d\s*(?:#|lbs?\b|kg\b)|\b[rygb]tb\b|\btheraband\b|\bband\b", re.IGNORECASE)),
    ("hold", re.compile(r"\bhold\b|\bsec(?:ond)?s?\b|\d\s*[\"”s]\b", re.IGNORECASE)),
    ("distance", re.compile(r"\d\s*(?:ft|feet|m)\b|\blaps?\b", re.IGNORECASE)),
    ("assist", re.compile(r"\b(?:cga|sba|min a|mod a|max a|mod i|supervision|assist)\b", re.IGNORECASE)),
    ("trials", re.compile(r"\btrials?\b|\btries\b|\battempts?\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Feature:
    """A named value and the half-open stretch of the note it was read from (``start == end``: no one place)."""

    name: str
    value: float
    start: int = 0
    end: int = 0


@cache
def setting_pattern() -> tuple[re.Pattern[str], Mapping[str, str]]:
    """One pattern over all setting words of ``settings.toml``, and the setting each word points to."""
    words = {term.lower(): entry.data["setting"] for entry in entries("settings") for term in entry.terms}
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b"), words


def settings_of(text: str) -> tuple[str, ...]:
    """The settings that the words near the head of a note point to, in order of their names.

    Examples
    --------
    >>> settings_of("HAND CLINIC, wk 9 post-op")
    ('hand',)
    """
    pattern, words = setting_pattern()
    return tuple(sorted({words[found] for found in pattern.findall(text[:_HEAD].lower())}))


def block_features(block: Block, document: Document, settings: tuple[str, ...]) -> Iterator[Feature]:
    """Every feature of one block."""
    text = document.text
    covered: list[tuple[int, int]] = []
    labels: dict[str, int] = {}
    for activity in block.activities:
        covered.append((activity.start, activity.end))
        label = activity.label or "unlisted"
        labels[label] = labels.get(label, 0) + 1
        if activity.entry:
            yield Feature(f"fam:{activity.entry.rpartition('.')[0]}", 1.0, activity.start, activity.end)
            yield Feature(f"ent:{activity.entry}", 1.0, activity.start, activity.end)
        yield Feature(f"lex:{label}", 1.0, activity.start, activity.end)
        previous = ""
        for number, match in enumerate(_WORD.finditer(activity.text)):
            word = singular(match.group())
            start, end = activity.start + match.start(), activity.start + match.end()
            if number == 0:
                yield Feature(f"a1:{word}", 1.0, start, end)
                yield Feature(f"ae:{word[-3:]}", 1.0, start, end)
            if word not in _STOP:
                yield Feature(f"a:{word}", 1.0, start, end)
                if len(word) > 5:
                    yield Feature(f"ap:{word[:5]}", 0.5, start, end)
            if previous:
                yield Feature(f"a2:{previous} {word}", 1.0, start - len(previous) - 1, end)
            previous = word
    count = max(1, len(block.activities))
    for activity in block.activities:
        for code, push in zip((*HEADLINE, "other"), activity.hint, strict=False):
            yield Feature(f"{READ}{code}", push / count, activity.start, activity.end)
    for label, number in labels.items():
        yield Feature(f"share:{label}", 2.0 * number / count)
    if not block.activities:
        yield Feature("noactivity", 1.0)
    # Another service is named or done, or nothing speaks of one: the absence counts too.
    named = block.stated is not None and block.stated.code not in HEADLINE
    if not named:
        yield Feature("sign:" + ("done" if labels.get("service") else "none"), 2.0)
    if block.stated is not None:
        covered.append((block.stated.start, block.stated.end))
        number = block.stated.code
        group = number if number in HEADLINE else CODES[number].group if number in CODES else "unknown"
        yield Feature(f"{STATED}{number}", 1.0, block.stated.start, block.stated.end)
        yield Feature(f"{STATED}{group}", 2.0, block.stated.start, block.stated.end)
        main = max(sorted(labels), key=labels.__getitem__) if labels else "none"
        yield Feature(f"{STATED}{group}|{main}", 2.0, block.stated.start, block.stated.end)
    if block.duration is not None:
        covered.append((block.duration.start, block.duration.end))
    covered.sort()
    position = block.start
    for start, end in [*covered, (block.end, block.end)]:
        if position < start:
            for match in _WORD.finditer(text, position, start):
                word = singular(match.group())
                if word not in _STOP and len(word) > 1:
                    yield Feature(f"c:{word}", 1.0, match.start(), match.end())
        position = max(position, end)
    body = text[block.start : block.end]
    for name, pattern in _DOSES:
        found = pattern.search(body)
        if found:
            yield Feature(f"dose:{name}", 1.0, block.start + found.start(), block.start + found.end())
    yield Feature("goal:linked" if block.goals else "goal:none", 1.0)
    for setting in settings:
        yield Feature(f"set:{setting}", 0.5)
    yield Feature("bias", 1.0)


def as_dict(features: list[Feature], *, stated: bool = True) -> dict[str, float]:
    """Features by name; a name that stands several times counts half more each time, at most twice.

    ``stated=False`` leaves out the code that the note states, and what the encoder made of the activities, since it saw
    that code too.
    """
    values: dict[str, float] = {}
    for feature in features:
        if not stated and feature.name.startswith((STATED, READ)):
            continue
        known = values.get(feature.name)
        if feature.name.startswith(READ):
            values[feature.name] = (known or 0.0) + feature.value
            continue
        values[feature.name] = feature.value if known is None else min(known + feature.value / 2, 2 * feature.value)
    return values
