"""Headings of a note and how far each reaches.

Source of the words: ``nlp/lexicons/sections.toml`` and ``services.toml`` (a service's name as a heading opens treatment).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nlp.lexicon import Match
from nlp.terms import listed
from nlp.tokens import Tokens

_BULLETS = frozenset("-*•·–—>~.|[(#+=")
_AFTER_LETTER = frozenset(":)/-–.|]")
_AFTER_WORD = frozenset(":-–—|/=")
_BEFORE_MINUTES = frozenset(":-–—(=")
_BRACKETS = {"[": "]", "{": "}", "<": ">"}
_RULES, _RULE = frozenset("-=*_~–—"), 3
_INTERRUPTING = frozenset(("goals", "plan", "home_program", "not_today", "previous"))
_OPENING_WORDS, _PAIR = 5, 2  # of a sentence that may say that it tells of work done today
_VISIT_WORDS = 4  # in front of a heading: "Visit 8 treatment:"
_TIMED_REACH = 8  # tokens after a heading of measures within which minutes make it one of work
_HEADING_REACH = 7  # tokens after a heading's words within which its colon may stand: "Goals (by 4/20):"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading at tokens ``[start, end)``; its section reaches to token ``until``; ``quoted`` where that is of another note."""

    start: int
    end: int
    until: int
    label: str
    quoted: bool = False


def line_opening(tokens: Tokens, start: int, end: int) -> int:
    """First token of a line that is no bullet, number or blank: where a heading may stand."""
    words = tokens.words
    index = start
    while index < end:
        word = words[index]
        if word.isspace() or word[0] in _BULLETS:
            index += 1
        elif (
            index + 1 < end
            and (word.isdecimal() or len(word) == 1)
            and words[index + 1][0] in ".)"
            and word.lower() not in "soap"
        ):
            index += 2
        else:
            break
    return index


def find_headings(tokens: Tokens, found_terms: Mapping[str, list[Match]]) -> list[Heading]:
    """The headings of a note, each with the token its section reaches to; ``found_terms`` is what `nlp.terms.terms` found."""
    words, line_of, lines = tokens.words, tokens.line_of, tokens.lines
    opening = {line_opening(tokens, start, end) for start, end in lines if start < end}
    found: list[tuple[int, int, str]] = []
    todays: list[int] = []
    # One letter alone may be anything ("vitamin A: low"); several with a colon are a note's parts.
    letters = {
        words[m.start] for m in found_terms["sections"] if m.end - m.start == 1 and words[m.end : m.end + 1] == [":"]
    }
    soap = len({letter for letter in letters if len(letter) == 1 and letter.isupper()}) > 1
    for match in found_terms["sections"]:
        at, end = match.start, match.end
        line_start, line_end = lines[line_of[at]]
        led = (
            match.entry.data["label"] == "treatment"
            and words[end : end + 1] == [":"]
            and _led_by_visit(tokens, line_start, at)
        )
        # "R TKA. [copied from 6/14: bike 14 min] Today ...": text of another day in a sentence's middle.
        led = led or (
            match.entry.data["label"] == "previous" and words[at - 1] in _BRACKETS and ":" in words[end:line_end]
        )
        first = at in opening or led
        if not first:
            before = at - 1
            while before > line_start and words[before].isspace() and len(words[before]) == 1:
                before -= 1
            gap = words[before].isspace() and len(words[before]) >= 2
            # Where lines were joined, a capital and a colon are all that is left of a heading.
            named = (
                words[at][0].isupper()
                and words[end : end + 1] == [":"]
                and (end - at > 1 or len(words[at]) > 1 or soap)
            )
            if not (gap or named or words[before][0] in ".;|!?/]"):
                continue
        following = words[end] if end < line_end else "\n"
        if match.term == "home" and _is_place(tokens.lower[end : min(line_end, end + _HEADING_REACH)]):
            continue
        letter = end - at == 1 and len(words[at]) == 1
        if letter:
            ok = (
                following[0] in _AFTER_LETTER
                and (words[at].isupper() or following == ":")
                and (first or following == ":")
            )
            if following in "./" and not first:
                ok = False
            if match.entry.data["label"] == "goals":
                # "G: climb 12 stairs", but not "G: 150 ft" for gait.
                ok = ok and following == ":" and words[end + 1 : end + 2] != [] and words[end + 1].isalpha()
        elif following == "\n" or (
            following.isspace() and first and all(words[i].isspace() for i in range(end, line_end))
        ):
            ok = first
        elif following[0] in _AFTER_WORD:
            ok = first or following == ":"
        else:
            reach = words[end : min(line_end, end + _HEADING_REACH)]
            ok = first and ":" in reach and not any(word in ".;," for word in reach[: reach.index(":")])
            if not ok and first and words[at].isupper() and len(words[at]) >= 4:
                ok = not (following.isalpha() and following.isupper())
            if (
                not ok
                and first
                and match.entry.data["label"] in ("goals", "plan", "home_program", "not_today", "previous")
            ):
                ok = len(match.term) >= 3
        if match.term == "today" and words[at] == "Today" and not ok:
            todays.append(at)
        if ok:
            label = match.entry.data["label"]
            if (
                match.term.lower() in listed("measured_work")
                and label == "measures"
                and _timed(tokens, end, min(line_end, end + _TIMED_REACH))
            ):
                label = "treatment"  # "Strength/ROM - 20 min"
            found.append((at, end, label))
    for match in (*found_terms["services"], *found_terms["service_heads"]):
        following = words[match.end] if match.end < len(words) else "\n"
        placed = match.start in opening or (words[match.start].isupper() and following == ":")
        told = following[0] in ":-–—(|[\n\t " or following.isdecimal() or following == "x"
        if placed and told and match.entry.data["code"]:
            found.append((match.start, match.start, "treatment"))
    for at in opening:
        if at < len(words) and len(words[at]) == 5 and words[at].isdecimal() and words[at][0] == "9":
            found.append((at, at, "treatment"))
    found.sort()
    for at in todays:
        # "Last visit: SLR. Today she did bridges"
        if "previous" in [label for start, _, label in found if start < at][-1:]:
            found.append((at, at, "treatment"))
    found.sort()
    found += [(at, at, "") for at in _worked(tokens, found)]
    found += _resumed(tokens, found)
    found.sort()
    quoted = _quoted(tokens, found)
    named = {m.start for m in (*found_terms["services"], *found_terms["service_heads"]) if m.entry.data["code"]}
    for start, until in quoted.items():
        found = [entry for entry in found if not start < entry[0] < until]
        behind = next((at for at in range(until + 1, len(words)) if not words[at].isspace()), until)
        found.append((until, until, "treatment" if words[until] in _BRACKETS.values() and behind in named else ""))
        found.sort()
    headings: list[Heading] = []
    for position, (start, end, label) in enumerate(found):
        if position and start < found[position - 1][1]:
            continue
        until = found[position + 1][0] if position + 1 < len(found) else len(words)
        headings.append(Heading(start, end, until, label, start in quoted))
    return headings


def _is_place(behind: Sequence[str]) -> bool:
    """Whether the words behind *home* make it where the visit was, not what to do there: ``HOME HEALTH PT VISIT``."""
    return not listed("home_setting").isdisjoint(behind[:1]) and listed("program_word").isdisjoint(behind)


def _led_by_visit(tokens: Tokens, first: int, at: int) -> bool:
    """Whether a line says up to a heading's words which visit they are of: ``Visit 8 treatment: threading needles``."""
    before = [w for w in tokens.lower[line_opening(tokens, first, at) : at] if w.isalnum()]
    return 0 < len(before) <= _VISIT_WORDS and all(w.isdecimal() or w in listed("visit_head") for w in before)


def _worked(tokens: Tokens, found: list[tuple[int, int, str]]) -> list[int]:
    """Where goals end though no heading says so: at a line below that gives minutes, or a sentence behind that gives a dose.

    ``Goals: walk to the dining room.`` and below it ``NuStep 8 min``; ``Pt wants to golf. SLR 3x10``. Not where words of a goal
    stand beside them ("carry 10 lb x 5 in 2 wks").
    """
    aims = listed("aim")
    ends = [*(start for start, _, _ in found), len(tokens.words)][1:]
    out = []
    for (start, end, label), until in zip(found, ends, strict=True):
        line = tokens.line_of[start]
        own = tokens.lines[line][1]
        if label != "goals" or not any(word.isalpha() for word in tokens.words[end:own]):
            continue
        behind = [(first, last, True) for first, last in _sentences_behind(tokens, end, min(own, until))]
        last_line = tokens.line_of[until - 1]
        below = ((*tokens.lines[number], False) for number in range(line + 1, last_line + 1))
        for first, last, dosed in (*behind, *below):
            if first == last:
                continue
            if _RULES.issuperset(tokens.words[first : first + 2]):
                break  # what is pasted in below a drawn line is not this note's work
            if not aims.intersection(tokens.lower[first:last]) and _counted(tokens, first, last, dosed=dosed):
                out.append(first)
                break
    return out


def _resumed(tokens: Tokens, found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Where a sentence goes back from what was not done, or not today, to what was done.

    ``HEP: clams. Performed lunges``, ``Last visit: rows. This visit: presses``. What was left out and has no colon is told in its
    own sentence: ``Held leg press today. Quad sets``.
    """
    ends = [*(start for start, _, _ in found), len(tokens.words)][1:]
    out = []
    for (_, end, label), until in zip(found, ends, strict=True):
        if label not in _INTERRUPTING:
            continue
        alone = label == "not_today" and not _announces(tokens, end)
        for first, last in _sentences(tokens, end, until):
            said = [word for word in tokens.lower[first:last] if word.isalnum()][:_OPENING_WORDS]
            if _of_today(said) or (label != "previous" and _did(said)):
                out.append((first, first, "treatment"))
                break
            if alone:
                out.append((first, first, ""))
                break
    return out


def _sentences(tokens: Tokens, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sentences of a stretch behind its first one; a line ends one too."""
    for number in range(tokens.line_of[start], tokens.line_of[end - 1] + 1) if start < end else ():
        first, last = tokens.lines[number]
        if first > start:
            yield first, min(last, end)
        yield from _sentences_behind(tokens, max(first, start), min(last, end))


def _announces(tokens: Tokens, end: int) -> bool:
    """Whether a mark or the end of its line stands behind a heading."""
    behind = next((word for word in itertools.islice(tokens.words, end, None) if word.strip(" \t")), "\n")
    return behind[0] in _AFTER_WORD or behind[0] in "\r\n"


def _of_today(said: Sequence[str]) -> bool:
    """Whether a sentence's first words say that it tells of today: ``Today's tx``, ``This visit``, ``Rx today``."""
    pairs = {" ".join(pair) for pair in itertools.pairwise(said[:_PAIR])}
    return not listed("of_today").isdisjoint((*said[:1], *pairs))


def _did(said: Sequence[str]) -> bool:
    """Whether a sentence's first words tell of work done: ``Performed``, ``Pt then completed``, ``Tx included``."""
    lead = list(itertools.takewhile(lambda word: word in listed("doer"), said))
    return not listed("did").isdisjoint(said[len(lead) : len(lead) + 1])


def _sentences_behind(tokens: Tokens, start: int, end: int) -> list[tuple[int, int]]:
    """The sentences of a stretch of a line, without the first."""
    starts, ends = tokens.starts, tokens.ends
    stops = [at + 1 for at in range(start, end - 1) if tokens.words[at] == "." and starts[at + 1] > ends[at]]
    return list(itertools.pairwise((*stops, end))) if stops else []


def _timed(tokens: Tokens, first: int, last: int) -> bool:
    """Whether minutes stand right behind a mark in a stretch, as a heading's own do: ``/ROM - 20 min``, not ``: sits 6 min``."""
    solid = [at for at in range(first, last) if not tokens.words[at].isspace()]
    return any(
        tokens.words[mark] in _BEFORE_MINUTES
        and tokens.words[at].isdecimal()
        and tokens.lower[unit] in listed("minute")
        for mark, at, unit in zip(solid, solid[1:], solid[2:], strict=False)
    )


def _counted(tokens: Tokens, first: int, last: int, *, dosed: bool) -> bool:
    """Whether minutes stand in a stretch, or with ``dosed`` repetitions ("3x10", "x 5")."""
    minute, lower = listed("minute"), tokens.lower
    for at in range(first, last - 1):
        if lower[at].isdecimal() and lower[at + 1] in minute:
            return True
        if dosed and lower[at] in ("x", "×") and lower[at + 1].isdecimal():
            return True
    return False


def _quoted(tokens: Tokens, found: list[tuple[int, int, str]]) -> dict[int, int]:
    """Where text of an earlier note stands: between rules or in brackets.

    ``---- copied from 2/14 ----``, lines, ``--------``; on one line ``*** pulled from 4/11: TE 25 min ***``; in brackets
    ``[pulled from 7/1: bike 15 min]``. Headings in it are that note's own.
    """
    words = tokens.words
    ends = [
        start
        for start, end in tokens.lines
        if start < end
        and _is_rule(_leading(words, start, end))
        and (_is_rule(words[start:end]) or _ends(tokens, start, end))
    ]
    out: dict[int, int] = {}
    for start, _, label in found:
        line, end = tokens.lines[tokens.line_of[start]]
        if label != "previous":
            continue
        closing = None
        if _is_rule(words[line:start]):
            last = next((at for at in range(end - 1, start, -1) if not words[at].isspace()), start)
            inline = _is_rule(words[last - _RULE + 1 : last + 1]) and ":" in words[start:last]
            closing = last - _RULE + 1 if inline else next((rule for rule in ends if rule > start), None)
        elif words[start - 1 : start] and words[start - 1] in _BRACKETS:
            end = _closing_bracket(words, start)
            closing = end if ":" in words[start:end] else None  # "[brought forward from 11/15] TE 15 min" is a heading
        if closing is not None:
            out[start] = closing
    return out


def _closing_bracket(words: list[str], start: int) -> int:
    """Where the bracket ends that opens right before ``start``; ``start`` where it never does."""
    deep, opens = 1, words[start - 1]
    for at in range(start, len(words)):
        deep += (words[at] == opens) - (words[at] == _BRACKETS[opens])
        if not deep:
            return at
    return start


def _leading(words: list[str], start: int, end: int) -> list[str]:
    """The marks that a line begins with."""
    return list(itertools.takewhile(lambda word: word in _RULES or word.isspace(), words[start:end]))


def _ends(tokens: Tokens, start: int, end: int) -> bool:
    """Whether a line that begins with a rule says that what was copied ends there: ``--- End copied text ---``."""
    said = [word for word in tokens.lower[start:end] if word.isalnum()]
    return not listed("ends_copy").isdisjoint(said[:1])


def _is_rule(words: list[str]) -> bool:
    """Whether tokens are a drawn line: three marks or more and nothing else."""
    drawn = "".join(words).replace(" ", "")
    return len(drawn) >= _RULE and set(drawn) <= _RULES


def section_labels(tokens: Tokens, headings: list[Heading]) -> list[str]:
    """The section label of every token (``""`` before the first heading)."""
    labels = [""] * len(tokens)
    for heading in headings:
        labels[heading.start : heading.until] = [heading.label] * (heading.until - heading.start)
    return labels
