"""Labels of a note's events put right where the note's words leave no doubt, after the grouper has decided.

Each function takes the events and their labels (`nlp.events.EVENT_LABELS`) and gives labels; `settled` runs them in their order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise, takewhile

import numpy as np

from nlp.codes import code_boundary, code_odds
from nlp.context import Context
from nlp.cues import find_status
from nlp.events import (
    BEGINS,
    Event,
    begun_blocks,
    in_sentences,
    marks_between,
    on_lines,
    shared_by_names,
    shared_by_words,
)
from nlp.grouping import given_to_each
from nlp.layout import (
    NO_WORK,
    PLAIN_FORMS,
    Surroundings,
    closing_lines,
    opening_names,
    own_rows,
    spoken_against,
    totals_of_parts,
)
from nlp.parts import closing_wholes, each_of_named, heading_wholes, including, leading_brackets, leading_minutes
from nlp.terms import listed
from nlp.tokens import Tokens, is_code
from nlp.totals import total_kind

_DOSE_WORDS = 6  # words of a dose between an activity and its minutes
_PARTS = 2  # the least tasks with minutes that make a list of them, and events that make a part
_OPENING = 4  # tokens that hold the full stop and the bracket before a code, with blanks between
_TASK_REACH = 4  # tokens from minutes on top to the task that they were spent on
_SPLIT = 2  # the least activities that can be two blocks


def _in_block(events: Sequence[Event], labels: Sequence[str], number: int) -> bool:
    """Whether an event is work of a block."""
    return events[number].kind == "act" and labels[number] in ("B", "I", "J")


def parted_lines(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where work behind a heading that opens its line does not go on in the block of the lines above."""
    line_of = context.tokens.line_of
    out = list(labels)
    for number in opening_names(context, events):
        if labels[number] not in ("O", "Q"):
            continue
        for n in range(number + 1, len(events)):
            if line_of[events[n].start] != line_of[events[number].start] or labels[n] in (*BEGINS, "S"):
                break
            if events[n].kind == "act" and labels[n] in ("I", "J"):
                out[n] = "B"
                break
    return out


def one_code_a_block(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a block that names two codes, each with its minutes, is two: ``reach 18 min (97530), dress 9 min (97535)``.

    So is ``97161, 28 min. Today: pendulum, slides, 12 min (97110)``.
    """
    out = list(labels)
    for block in begun_blocks(labels):
        begin = block.start
        names = [n for n in block if events[n].kind == "svc" and is_code(context.tokens.words[events[n].start])]
        for first, second in pairwise(names):
            acts = [n for n in range(first + 1, second) if events[n].kind == "act" and events[n].tag == "ACT"]
            # Each behind its minutes, or the first right before its own and the second behind the work in between.
            behind = events[second - 1].kind == "dur" == events[first - 1].kind and first > begin
            opens = events[second - 1].kind == "dur" == events[first + 1].kind and first + 1 < min(acts, default=first)
            if (
                not (behind or opens)
                or events[first].code == events[second].code
                or "S" in (labels[first - 1], labels[second - 1])
            ):
                continue
            if marks_between(context, events[second - 1], events[second]) is None:
                continue
            if not acts:
                out[first], out[second - 1], out[second] = "J", "D-B", "J"
                continue
            out[acts[0]] = "B"
            for n in range(acts[0] + 1, second + 1):
                if events[n].kind == "act" and out[n] != "B":
                    out[n] = "I"
            out[second - 1], out[second] = "D-I", "J"
    return out


def one_name_a_block(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a block that names two services, each with its minutes, is two.

    Each name closes its own work with its minutes: ``SLR, rows. Ther ex 20 min`` and below it ``Curbs - ther act 11 min``. Or both
    lead to work told later: ``15 minutes of ther ex and 10 minutes of ther act.``
    """
    lower, line_of = context.tokens.lower, context.tokens.line_of
    out = list(labels)
    for block in begun_blocks(labels):
        names = [n for n in block if events[n].kind == "svc" and events[n].code and labels[n] != "S"]
        for first, second in pairwise(names):
            if events[first].code == events[second].code:
                continue
            acts = [n for n in range(first + 1, second) if events[n].kind == "act" and events[n].tag == "ACT"]
            worked = any(_in_block(events, labels, n) for n in range(block.start, first))
            if worked and acts and acts[0] > first + 1 and _in_block(events, labels, acts[0]):
                behind = [n + 1 for n in (first, second) if n + 1 < len(events) and events[n + 1].kind == "dur"]
                if [line_of[events[n].start] for n in behind] == [line_of[events[n].start] for n in (first, second)]:
                    out[acts[0]], out[second], out[second + 1] = "B", "J", "D-I"
            elif (
                not acts
                and first > 0
                and all(
                    events[n - 1].kind == "dur" and lower[events[n - 1].end : events[n].start] == ["of"]
                    for n in (first, second)
                )
            ):
                out[first - 1], out[first], out[second - 1], out[second] = "D-B", "J", "D-B", "J"
    return out


def covering_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes beside a service's name, or *in all*, are those of all the work around them.

    ``38 minutes of therapeutic exercise: NuStep 15 min, UBE 5 min, press`` is 38, and so is what ends with ``38 min ther ex``.
    """
    out = list(labels)
    seen = Surroundings(context, events, labels)
    for number, event in enumerate(events):
        plain = event.form in (*PLAIN_FORMS, "words") and number not in seen.totals
        if event.kind != "dur" or not plain or labels[number] == "S":
            continue
        ahead, behind = seen.name(number, -1), seen.name(number, 1)
        warmed = seen.includes(number) if ahead is not None or behind is not None else []
        if warmed and not any(events[n].code for n in warmed if events[n].kind == "svc"):
            for n in warmed:
                out[n] = "Q" if n == warmed[-1] else "I"
            out[warmed[0]] = "B"
            if ahead is not None:
                out[ahead] = "I"
            out[number] = "D-I"
            continue
        before = seen.scope(number if ahead is None else ahead, -1)
        worked = any(events[n].kind == "act" for n in before)
        after = seen.scope(number if behind is None else behind, 1)
        if not worked and (ahead is not None or behind is not None or seen.leads(number)):
            acts, timed = seen.part(after, number)
            if acts:
                out[number] = "D-B" if ahead is None else "D-I"
                if ahead is not None:
                    out[ahead] = "B"
                elif behind is not None:
                    out[behind] = "J"
                for n in acts:
                    out[n] = "J"
                for n in timed:
                    out[n] = "Q"
        elif worked and not any(events[n].kind == "act" for n in after):
            closing = seen.points(ahead) if ahead is not None else behind is not None and seen.closes(behind)
            acts, timed = seen.part(before, number) if closing or seen.in_all(number) else ([], [])
            if acts:
                for n in acts:
                    out[n] = "I"
                out[min(acts)] = "B"
                for n in timed:
                    out[n] = "Q"
                out[number] = "D-I"
                for n in (ahead, behind):
                    if n is not None:
                        out[n] = "I" if n == ahead else "J"
    return out


def own_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes right beside a block's service name win over smaller ones inside the block.

    ``38' TE: rec bike 6', sled push`` is 38, not 6. Only minutes that belong to no block otherwise are taken.
    """
    out = list(labels)
    totals = totals_of_parts(context, events)
    for block in begun_blocks(labels):
        begin = block.start
        inner = [n for n in block if labels[n] in ("D-B", "D-I", "P-B", "P-I")]
        if not inner:
            continue
        for number in block:
            event = events[number]
            if event.kind != "svc" or not event.code or labels[number] not in ("B", "I", "J"):
                continue
            for beside in (number - 1, number + 1):
                if not 0 <= beside < len(events) or events[beside].kind != "dur" or labels[beside] not in ("O", "Q"):
                    continue
                timed = events[beside]
                near = (
                    beside not in totals
                    and marks_between(context, event, timed) is not None
                    and context.sentence_of[event.start] == context.sentence_of[timed.start]
                )
                if near and timed.form in PLAIN_FORMS and timed.minutes > sum(events[n].minutes for n in inner):
                    for n in inner:
                        out[n] = "Q"
                    out[beside] = "D-I" if beside > begin else "D-B"
                    if beside < begin:
                        out[begin] = "J"
                    inner = [beside]
    return out


def net_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where fewer minutes behind a block's own are what is left of them: ``30 min minus 6 min rest = 24 min``.

    They stand behind an equals sign, or the note calls them billed; the block has no other minutes of its own. Of a note's only
    block the minutes called billed are those of all its parts: ``UBE 6 min, putty 4 min. 15 min billed``.
    """
    words, lower = context.tokens.words, context.tokens.lower
    billed = {
        n
        for n, event in enumerate(events)
        if event.kind == "dur" and not listed("billed").isdisjoint(lower[event.end : event.end + 1])
    }
    out = list(labels)
    for sentence in in_sentences(context, events):
        for n in sentence:
            left = n in billed or (events[n].kind == "dur" and words[events[n].start - 1 : events[n].start] == ["="])
            own = [m for m in sentence if labels[m] in ("D-B", "D-I") and m != n] if left else []
            if len(own) == 1 and own[0] < n and events[n].minutes < events[own[0]].minutes:
                for m in range(own[0] + 1, n):
                    out[m] = "Q" if labels[m] == "P-I" else out[m]
                out[n], out[own[0]] = labels[own[0]], "Q"
    begun = [n for n, label in enumerate(labels) if label in BEGINS]
    parts = [n for n, label in enumerate(labels) if label[:2] in ("P-", "D-") and events[n].kind == "dur"]
    if len(begun) == 1 and len(billed) == 1 and len(parts) > 1:
        (whole,) = billed
        if parts[-1] < whole and sum(events[n].minutes for n in parts) <= events[whole].minutes:
            for n in parts:
                out[n] = "Q"
            out[whole] = "D-I"
    return out


def row_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the last row under a heading gives the minutes of all its work, those within it included."""
    out = list(labels)
    for members in own_rows(context, events):
        for n in members:
            if events[n].kind == "dur":
                out[n] = "Q"
            elif labels[n] in BEGINS:
                out[n] = "I"
        out[members[0]], out[members[-1]] = "B", "D-I"
    return out


def added_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the minutes behind each of a block's activities add up: ``bike 8 min, press-outs, rows 10 min``.

    Only where the block's own minutes stand behind an activity too, and nothing in the clause of the others speaks against it.
    """
    words, sentence_of, line_of = context.tokens.words, context.sentence_of, context.tokens.line_of
    other = {i for cue in ("total", "not_treatment", "own") for m in context.found[cue] for i in range(m.start, m.end)}
    out = list(labels)
    for block in begun_blocks(labels):
        timed = [n for n in block if events[n].kind == "dur" and labels[n][0] in "DP"]
        if not timed or events[timed[0]].clock or labels[timed[0]] not in ("D-I", "P-I"):
            continue
        first = timed[0]
        acts = [n for n in block if _in_block(events, labels, n)]
        if events[first - 1].kind != "act" or first - 1 not in acts:
            continue
        if any(labels[n] in ("D-I", "D-B") for n in timed[1:]):
            continue  # of two that read as the block's own the greater is
        parts = [first]
        for n in range(first + 1, block.stop):
            event, last = events[n], events[parts[-1]]
            if event.kind == "svc":
                break
            if event.kind != "dur" or event.form != last.form:
                continue
            gap = range(events[n - 1].end, event.start)
            near = n - 1 in acts and sum(words[i].isalnum() for i in gap) <= _DOSE_WORDS
            near = near and (
                sentence_of[event.start] == sentence_of[last.start] or line_of[event.start] - line_of[last.start] == 1
            )
            if not near or any(i in other for i in range(gap.start, event.end + 3)):
                break
            parts.append(n)
        if len(parts) > 1:
            for n in timed:
                out[n] = "Q"
            for n in parts:
                out[n] = "P-I"
    return out


def topped_up(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes that come on top of a block's own are its too: ``24 min plus 6 min on the rower``.

    Not where the note says that they are no treatment, or names another service.
    """
    lower, sentence_of = context.tokens.lower, context.sentence_of
    out = list(labels)
    for n, (own, more) in enumerate(pairwise(events)):
        between = [word for word in lower[own.end : more.start] if not word.isspace()]
        plain = own.kind == more.kind == "dur" and own.form == more.form and own.form in PLAIN_FORMS
        if (
            not plain
            or len(between) != 1
            or between[0] not in listed("tops_up")
            or labels[n] not in ("D-B", "D-I")
            or labels[n + 1] not in ("O", "Q")
        ):
            continue
        behind = [m for m in range(n + 2, len(events)) if sentence_of[events[m].start] == sentence_of[own.start]]
        tasks = [m for m in behind if events[m].kind == "act" and events[m].tag == "ACT"]
        known = [m for m in context.found["activities"] if more.end <= m.start < more.end + _TASK_REACH]
        known = [m for m in known if m.entry.data["label"] != "service"]  # "plus 10 min icing"
        if len(tasks) < len(behind) or len(tasks) > 1 or not known or spoken_against(context, more, in_tasks=False):
            continue
        block = next(block for block in begun_blocks(labels) if n in block)
        alone = sum(labels[m][0] == "D" for m in block) == 1 and all(labels[m] != "B" for m in tasks)
        if alone and find_status(context, more.start, more.end) is None:
            out[n], out[n + 1] = f"P{labels[n][1:]}", "P-I"
            for m in tasks:
                out[m] = "J"
    return out


def line_parts(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes that close lines of one block, each right behind the line's own work, add up.

    ``getting off the sofa (6 min)``, and below it ``stepping over the shower lip (9 min)``: 15, where neither is all of them.
    """
    line_of = context.tokens.line_of
    out = list(labels)

    def closes(n: int) -> bool:
        """Whether minutes stand right behind a block's task and end its line."""
        line = line_of[events[n].start]
        task = _in_block(events, labels, n - 1) and line_of[events[n - 1].start] == line
        return task and (n + 1 == len(events) or line_of[events[n + 1].start] != line)

    for block in begun_blocks(labels):
        minutes = [n for n in block if events[n].kind == "dur"]
        timed = [n for n in minutes if labels[n] in ("D-I", "P-I")]
        free = [n for n in minutes if labels[n] in ("O", "Q") and closes(n)]
        if not timed or any(labels[n] == "D-B" for n in block) or not all(map(closes, timed)):
            continue
        timed += [n for n in free if not spoken_against(context, events[n], in_tasks=False)]
        lines = {line_of[events[n].start] for n in timed}
        if len(lines) == len(timed) >= _PARTS and not any(events[n].clock for n in timed):
            for n in timed:
                out[n] = "P-I"
    return out


def sum_of_all(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes that the note calls a total, and that are the sum of all blocks' minutes, are no block's."""
    out = list(labels)
    timed = [n for n, label in enumerate(labels) if label[0] in "DP" and events[n].kind == "dur"]
    worked = {n for block in begun_blocks(labels) if any(events[m].kind == "act" for m in block) for n in block}
    whole = sum(events[n].minutes for n in timed)
    for n in timed if len(timed) > _PARTS else ():
        free = n not in worked and labels[n] != "D-B"
        if free and 2 * events[n].minutes == whole and total_kind(context, events[n]) is not None:
            out[n] = "Q"
    return out


def attach_names(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service's name right before or behind a block that names none is that block's.

    ``Therapeutic exercise, 1:08-1:29: steps`` and ``dressing from locker (Self-care)``.
    """
    words, sentence_of = context.tokens.words, context.sentence_of
    out = list(labels)
    for block in begun_blocks(labels):
        begin, end = block.start, block.stop
        inside = [n for n in block if labels[n] not in ("O", "Q", "S")]
        if any(events[n].kind == "svc" and events[n].code for n in inside):
            continue
        ahead, behind = begin - 1, inside[-1] + 1
        if (
            ahead >= 0
            and _free_name(events, out, ahead)
            and sentence_of[events[ahead].start] == sentence_of[events[begin].start]
        ):
            out[ahead] = "B"
            out[begin] = "I" if out[begin] == "B" else f"{out[begin][0]}-I"
            continue
        last = max((n for n in inside if events[n].kind == "act"), default=-1)
        name = last + 1
        if 0 < name <= behind and name < end and _free_name(events, out, name):
            between = [w for w in words[events[last].end : events[name].start] if not w.isspace()]
            if between in (["("], ["-"], ["–"], [","]):
                out[name] = "I"
    return out


def _free_name(events: list[Event], labels: list[str], number: int) -> bool:
    """Whether an event is a service's name that no block has and that shares no minutes."""
    shared = any(label == "S" for label in labels[number + 1 : number + 3])
    return events[number].kind == "svc" and bool(events[number].code) and labels[number] in ("O", "Q") and not shared


def named_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes that would stand in no block begin that of the service named right before them.

    ``Gait training 18 min`` as a line of its own, though the name, which is a task too, is nobody's.
    """
    line_of = context.tokens.line_of
    out = list(labels)
    opened = False
    for number, event in enumerate(events):
        if number and event.kind == "dur" and labels[number] == "D-I" and not opened:
            name = number - 1
            while name > 0 and events[name].start == events[name - 1].start:
                name -= 1  # the task that the name is
            led = [n for n in range(name, number) if labels[n] in ("O", "Q")]
            named = events[name].kind == "svc" and events[name].code and len(led) == number - name > 0
            if named and line_of[events[name].start] == line_of[event.start]:
                for n in led:
                    out[n] = "B" if n == name else "I"
        opened = opened or out[number] in BEGINS
    return out


def led_names(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels of sentences that give each service its minutes in front of its name, and its work behind it.

    ``15 min TE, 30 min TA``; ``18 min of ther ex including bike, followed by 14 min of ther act including stairs``.
    """
    out = list(labels)
    for sentence in in_sentences(context, events):
        pairs = [n for n in sentence[:-1] if events[n].kind == "dur" and _names(context, events[n + 1], events[n])]
        names = [events[n].code for n in sentence if events[n].kind == "svc"]
        if (
            len(pairs) < _PARTS
            or sentence[0] != pairs[0]
            or sorted({*names}) != sorted(names)
            or len(names) != len(pairs)
        ):
            continue
        closed = sentence[-1] == pairs[-1] + 2 and events[sentence[-1]].kind == "dur"  # "45 min total: TE 20, TA 25"
        if closed or any(events[n].clock or labels[n] == "S" for n in pairs):
            continue
        for n in sentence:
            if events[n].kind == "dur":
                out[n] = "D-B" if n in pairs else "Q"
            elif events[n].kind == "svc" or labels[n] in ("B", "I"):
                out[n] = "J"
    return out


def _names(context: Context, name: Event, timed: Event) -> bool:
    """Whether a service's name stands right behind its minutes, with no mark between that parts them."""
    marks = marks_between(context, name, timed) if name.kind == "svc" and name.code else None
    return marks is not None and not any(mark in (":", ",", ";") for mark in marks)


def unshared(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes said to be shared are those of the one block before them: ``bridges, SLR, together 25 minutes``.

    Not where the note names two services, or says that it did not divide them.
    """
    out = list(labels)
    sure = {*shared_by_names(context, events)}
    sure |= {number for number, told in enumerate(shared_by_words(context, events)) if told}
    for number, label in enumerate(labels):
        if label != "S" or events[number].kind != "dur" or number in sure or not number:
            continue
        before = [
            n
            for n in range(number)
            if context.sentence_of[events[n].start] == context.sentence_of[events[number].start]
        ]
        begun = [n for n in before if labels[n] in BEGINS]
        timed = any(events[n].kind == "dur" and labels[n][0] in "DP" for n in before)
        if len(begun) == 1 and not timed and _in_block(events, labels, number - 1):
            out[number] = "D-I"
    return out


def shared_each(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes without work beside them that are each of two blocks' are shared: ``20 minutes each.`` under them.

    What they make together is then no block's: ``36 min for both, 18 min apiece``.
    """
    lower, sentence_of = context.tokens.lower, context.sentence_of

    def said(number: int) -> bool:
        """Whether the sentence of some minutes tells of more than whose they are: ``two rests, 3 min each``."""
        sentence = sentence_of[events[number].start]
        own = range(bisect_left(sentence_of, sentence), bisect_right(sentence_of, sentence))
        plain = {*listed("minute"), *listed("each"), *listed("both"), *listed("each_beside")}
        inside = {at for e in events if e.kind == "dur" for at in range(e.start, e.end)}
        return any(lower[at].isalpha() and lower[at] not in plain and at not in inside for at in own)

    out = list(labels)
    for members in in_sentences(context, events):
        timed = [n for n in members if events[n].kind == "dur"]
        each = [n for n in timed if given_to_each(context, events[n])]
        if len(each) != 1 or len(timed) > _PARTS or len(members) > len(timed) or labels[each[0]] == "S":
            continue
        number = each[0]
        whole = [n for n in timed if events[n].minutes == 2 * events[number].minutes]
        if context.sections[events[number].start] in NO_WORK or len(whole) + 1 < len(timed) or said(number):
            continue
        free = [
            block
            for block in begun_blocks(labels)
            if block.start < number
            and not any(events[n].kind == "dur" and labels[n][0] in "DP" and n not in timed for n in block)
        ]
        if len(free) == _PARTS and all(any(_in_block(events, labels, n) for n in block) for block in free):
            out[number] = "S"
            for n in whole:
                out[n] = "Q"
    return out


def timed_parts(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels of sentences in which minutes stand behind each of their tasks: ``hot pack 10 min, SLR 20 min, scar massage 8 min``.

    Neighbours of one code add up, others are blocks of their own. Not where a name or other minutes say whose they are.
    """
    out = list(labels)
    seen = Surroundings(context, events, labels)
    for members in in_sentences(context, events):
        sentence = [n for n in members if not (events[n].kind == "svc" and not events[n].code)]
        timed = [n for n in sentence if events[n].kind == "dur"]
        if len(timed) < _PARTS or sentence[-1] != timed[-1] or not _plain(seen, sentence):
            continue
        parts: list[list[int]] = [[]]
        for n in sentence:
            parts[-1].append(n)
            if events[n].kind == "dur":
                parts.append([])
        if any(len(part) < _PARTS for part in parts[:-1]):
            continue
        last: tuple[int, str] | None = None
        for part in parts[:-1]:
            work = [events[n] for n in part[:-1]]
            code = int(sum((code_odds(context, event) for event in work), np.zeros(3)).argmax())
            kind = code, next((event.code for event in work if event.code), "")
            for n in part[:-1]:
                out[n] = "J" if kind == last else "I"
            if kind != last:
                out[part[0]] = "B"
            out[part[-1]] = "P-I"
            last = kind
    return out


def _plain(seen: Surroundings, sentence: list[int]) -> bool:
    """Whether a sentence holds work that was done and plain minutes alone, under no name."""
    events = seen.events
    own = [events[n] for n in sentence]
    if any(e.tag == "NOT" or e.start in seen.context.unticked or (e.kind == "svc" and not e.names_task) for e in own):
        return False
    for n in sentence:
        event = events[n]
        if event.kind == "dur" and (
            event.clock or seen.in_all(n) or n in seen.totals or spoken_against(seen.context, event, in_tasks=False)
        ):
            return False
    line_of = seen.context.tokens.line_of
    line = line_of[events[sentence[0]].start]
    above = (e for e in events[: sentence[0]] if line_of[e.start] in (line, line - 1))
    return not any(e.kind == "svc" and e.code for e in above)


def parted_by_code(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the work that shares one duration is two blocks, not one, where the encoder sees two codes in it.

    ``TE/TA 40 min: SLR, clamshells, car transfer``. Only where no second block without minutes is there to share with.
    """
    out = list(labels)
    if context.encoded is None or "S" not in labels:
        return out
    first = next((n for n, label in enumerate(labels) if label not in ("O", "Q", "S")), len(events))
    begins = [n for n, label in enumerate(labels) if n == first or label in BEGINS]
    blocks = [range(begin, end) for begin, end in pairwise((*begins, len(events)))]
    free = [
        [n for n in block if _in_block(events, labels, n)]
        for block in blocks
        if not any(events[n].kind == "dur" and labels[n][0] in "DP" for n in block)
    ]
    if len(free) != 1 or len(free[0]) < _SPLIT:
        return out
    acts = free[0]
    boundary = code_boundary(context, [events[n] for n in acts])
    if boundary:
        out[acts[boundary]] = "B"
    return out


def bracketed_whole(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a line's closing bracket of minutes, with a code or without, is that of all its sentences.

    ``Bike 6 min. Press 3x10. (97110 - 28 min)`` is 28. Only where all else on the line is work, and the minutes inside are fewer.
    """
    words = context.tokens.words
    out = list(labels)
    for line in on_lines(context, events):
        pair, work = line[-2:], line[:-2]
        if {events[n].kind for n in pair} != {"svc", "dur"}:
            pair, work = line[-1:], line[:-1]
        if not work or events[line[-1]].kind == "act":
            continue
        start = events[pair[0]].start
        opened = [w for w in words[max(0, start - _OPENING) : start] if not w.isspace()][-2:] == [".", "("]
        timed = next((n for n in pair if events[n].kind == "dur"), None)
        if timed is None:
            continue
        inside = sum(events[n].minutes for n in work if events[n].kind == "dur")
        several = context.sentence_of[events[work[0]].start] != context.sentence_of[events[work[-1]].start]
        if not (opened and several and events[work[0]].kind == "act" and inside < events[timed].minutes):
            continue
        if len(pair) == 1 and not 0 < 2 * inside <= events[timed].minutes:
            continue
        # Work of two kinds is two services, whatever the bracket says.
        kinds = {int(code_odds(context, events[n]).argmax()) for n in work if events[n].kind == "act"}
        plain = all(events[n].kind in ("act", "dur") and labels[n] not in ("O", "Q", "S") for n in work)
        if plain and len(kinds) == 1 and not any(events[n].code for n in work):
            for n in work:
                out[n] = "Q" if events[n].kind == "dur" else "I"
            out[work[0]] = "B"
            for n in pair:
                out[n] = "D-I" if n == timed else "J"
    return out


def filled_services(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a service that was given its minutes has the work behind its colon, though that reads as not done.

    ``TA 15 min: stair training.`` Only where the block has no other work and no word of the sentence says otherwise.
    """
    words, sentence_of = context.tokens.words, context.sentence_of
    cues = {*context.cues_forward, *context.cues_backward}
    out = list(labels)
    for block in begun_blocks(labels):
        name, timed = block.start, block.start + 1
        if timed >= block.stop or {events[name].kind, events[timed].kind} != {"svc", "dur"}:
            continue
        sentence = sentence_of[events[name].start]
        behind = [n for n in block if n > timed and sentence_of[events[n].start] == sentence]
        done = any(_in_block(events, labels, n) for n in block)
        if done or sentence in cues or labels[timed] not in ("B", "I", "J", "D-I", "D-B") or not behind:
            continue
        plain = all(events[n].kind == "act" and events[n].start not in context.unticked for n in behind)
        if plain and ":" in words[events[timed].end : events[behind[0]].start]:
            for n in behind:
                out[n] = "J"
    return out


def spent_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes without a unit are those of the work they were spent on: ``20 went to sit to stand, 15 to rows``."""
    lower, sentence_of = context.tokens.lower, context.sentence_of
    out = list(labels)
    led = -1  # the sentence in which such minutes have begun a block
    for number, (event, work) in enumerate(pairwise(events)):
        sentence = sentence_of[event.start]
        between = [w for w in lower[event.end : work.start] if not w.isspace()]
        spent = bool(between) and all(w in listed("spent_on") or w in listed("determiner") for w in between)
        if event.form != "rest" or not spent or not _in_block(events, labels, number + 1):
            continue
        free = labels[number] in ("O", "Q") and labels[number + 1] in BEGINS
        if sentence == sentence_of[work.start] and (free or (led == sentence and labels[number] == "D-I")):
            out[number], out[number + 1] = "D-B", "J"
            led = sentence
    return out


def bracketed_parts(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where bracketed minutes are those of the tasks right before them, and what *then* follows is another block.

    ``Reaching and folding (12 min), then putty squeezes.`` Only where the block has no minutes otherwise.
    """
    words, lower, sentence_of = context.tokens.words, context.tokens.lower, context.sentence_of
    out = list(labels)
    for block in begun_blocks(labels):
        timed = [n for n in block if events[n].kind == "dur"]
        named = any(events[n].kind == "svc" for n in block)
        if len(timed) != 1 or labels[timed[0]] not in ("O", "Q") or events[timed[0]].clock or named:
            continue
        number = timed[0]
        event, before = events[number], events[number - 1]
        after = next(
            (n for n in range(number + 1, block.stop) if events[n].kind == "act" and labels[n] in ("I", "J")), None
        )
        if after is None or number - 1 not in block or not _in_block(events, labels, number - 1):
            continue
        inside = words[event.start - 1 : event.start] == ["("] and words[event.end : event.end + 1] == [")"]
        between = [w for w in lower[event.end + 1 : events[after].start] if not w.isspace()]
        parted = [w for w in between if w not in (",", "and")][:1]
        same = sentence_of[before.start] == sentence_of[event.start] == sentence_of[events[after].start]
        if inside and same and not listed("then").isdisjoint(parted):
            out[number], out[after] = "D-I", "B"
            for n in range(after + 1, block.stop):
                out[n] = "I" if out[n] == "J" else out[n]
    return out


def leading_lines(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where minutes alone on their lines stand above their work: ``10 min``, its tasks, ``25 min``, its tasks.

    Two such lines or more, the first above all work, and tasks right below each.
    """
    line_of, lines = context.tokens.line_of, context.tokens.lines
    words = context.tokens.lower
    heads = [
        n
        for n, event in enumerate(events)
        if event.kind == "dur"
        and event.form in ("unit", "tick", "words", "row")
        and not any(
            w.isalnum() and w not in listed("minute") for w in _beside(words, event, lines[line_of[event.start]])
        )
    ]
    worked = [n for n in range(len(events)) if _in_block(events, labels, n)]
    given = [events[n].minutes for n in heads]
    if len(heads) < _PARTS or not worked or worked[0] < heads[0] or 2 * given[0] == sum(given):
        return labels
    out = list(labels)
    for head, end in pairwise((*heads, len(events))):
        below = line_of[events[head].start] + 1
        own: list[int] = []
        for n in range(head + 1, end):
            if line_of[events[n].start] > below:
                break
            own.append(n)
            below = line_of[events[n].start] + 1
        acts = [n for n in own if _in_block(events, labels, n)]
        line = line_of[events[head].start] + 1
        told = line < len(lines) and any(
            word.isalpha() and word not in listed("minute") for word in words[slice(*lines[line])]
        )
        whole = end == len(events) and 2 * events[head].minutes == sum(given)
        if any(events[n].kind == "dur" for n in own) or not (acts or whole or (told and not own and end < len(events))):
            return labels
        over = line_of[events[head - 1].start]
        above = list(takewhile(lambda n, over=over: line_of[events[n].start] == over, range(head - 1, -1, -1)))
        named = labels[head] == "D-I" and {events[n].kind for n in above} == {"svc"} and labels[head - 1] in ("B", "I")
        out[head] = "D-I" if named else "D-B" if acts else "Q"
        for n in own:
            if n in acts or (events[n].kind == "svc" and out[n] in BEGINS and n + 1 < end):
                out[n] = "J"
    return out


def _beside(words: Sequence[str], event: Event, line: tuple[int, int]) -> list[str]:
    """The words of a line around an event."""
    return [*words[line[0] : event.start], *words[event.end : line[1]]]


def nested_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where the minutes of a line without work are those of the lines set in below it, whatever they say of parts.

    ``* Strength - 20 min``, and further in ``o stepper 8 min``, ``o hip abduction``: 20.
    """
    tokens = context.tokens
    line_of = tokens.line_of
    out = list(labels)
    lines = list(on_lines(context, events))
    for place, head in enumerate(lines):
        timed = [n for n in head if events[n].kind == "dur"]
        begun = {events[n].start for n in head if events[n].kind == "svc"}
        worked = any(events[n].kind == "act" and events[n].start not in begun for n in head)
        if len(timed) != 1 or worked or events[timed[0]].form not in PLAIN_FORMS:
            continue
        if context.sections[events[timed[0]].start] in NO_WORK or total_kind(context, events[timed[0]]):
            continue
        line = line_of[events[head[0]].start]
        first, end = tokens.lines[line]
        if any(word.isalnum() for word in tokens.words[events[timed[0]].end : end]):
            continue
        members: list[int] = []
        deep = _indent(tokens, line)
        for own in islice(lines, place + 1, None):
            following = line_of[events[own[0]].start]
            if following - line > _PARTS or _indent(tokens, following) <= deep:
                break
            members += own
            line = following
        acts = [n for n in members if _in_block(events, labels, n)]
        parts = [n for n in members if events[n].kind == "dur"]
        whole, given = events[timed[0]].minutes, [events[n].minutes for n in parts]
        if not acts or not parts or sum(given) > whole or max(given) == whole:
            continue
        if any(events[n].kind == "svc" and events[n].code for n in members):
            continue
        names = [n for n in head if n < timed[0] and events[n].kind == "svc"]
        if not any(events[n].code for n in names):
            visit = not listed("whole_visit").isdisjoint(tokens.lower[first:end])
            kinds = {int(code_odds(context, events[n]).argmax()) for n in acts} | {events[n].code for n in acts} - {""}
            untimed = any(n + 1 not in parts for n in acts)
            if visit or len(kinds) > 1 or not untimed or sum(given) == whole:
                continue
        for n in parts:
            out[n] = "Q"
        for n in (*acts, *head):
            out[n] = "J"
        out[timed[0]] = "D-I" if names else "D-B"
        for n in names:
            out[n] = "B" if n == names[0] else "I"
    return out


def _indent(tokens: Tokens, line: int) -> int:
    """How far a line is set in."""
    first, last = tokens.lines[line]
    start = next((at for at in range(first, last) if not tokens.words[at].isspace()), last)
    return 0 if start == last else tokens.starts[start] - tokens.starts[first]


def closed_lines(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a line of a service's name and minutes closes the work above it, with the minutes of parts inside.

    ``4 min UBE``, ``2x15 ER``, ``= 28 min TE``: 28.
    """
    out = list(labels)
    first = 0
    for line in closing_lines(context, events):
        timed = next(n for n in line if events[n].kind == "dur")
        members = range(first, line[0])
        first = line[-1] + 1
        acts = [n for n in members if _in_block(events, labels, n)]
        parts = [n for n in members if events[n].kind == "dur" and labels[n][0] in "DP"]
        if not acts or not parts or sum(events[n].minutes for n in parts) > events[timed].minutes:
            continue
        code = next(events[n].code for n in line if events[n].kind == "svc")
        if any(events[n].code not in ("", code) for n in acts):
            continue
        for n in (*parts, *acts):
            out[n] = "I" if n in acts else "Q"
        out[acts[0]] = "B"
        for n in line:
            out[n] = "D-I" if n == timed else "I" if n < timed else "J"
    return out


def column_minutes(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels where a row's minutes, under a heading that says so, are its work's, and those of a block's rows add up."""
    line_of = context.tokens.line_of
    out = list(labels)
    for block in begun_blocks(labels):
        timed = [n for n in block if events[n].kind == "dur" and labels[n][0] in "DP"]
        rows = [
            n
            for n in block
            if events[n].form == "column"
            and events[n - 1].kind == "act"
            and (labels[n - 1] in ("B", "I", "J") or events[n - 1].start in context.ticked)
            and line_of[events[n - 1].start] == line_of[events[n].start]
            and labels[n] != "S"
        ]
        if not {*timed} <= {*rows} or "D-B" in (labels[n] for n in timed):
            continue
        for n in block:
            if events[n].start in context.ticked and events[n].tag == "ACT" and labels[n] in ("O", "Q"):
                out[n] = "I"
        for n in rows:
            out[n] = "P-I" if len(rows) > 1 else "D-I"
    return out


def times_tasks(context: Context, events: list[Event], labels: list[str]) -> list[Event]:
    """Events where minutes given to each of a block's tasks count once a task: ``pulleys and dowel turns, 10 minutes each``."""
    words = context.tokens.lower
    out = list(events)
    for block in begun_blocks(labels):
        timed = [n for n in block if labels[n] in ("D-I", "P-I") and events[n].kind == "dur"]
        for n in timed if len(timed) == 1 else ():
            tasks = [m for m in block if m < n and _in_block(events, labels, m)]
            own = tasks[-1:]
            for before, after in pairwise(tasks[::-1]):
                joined = [w for w in words[events[after].end : events[before].start] if not w.isspace()]
                if joined not in ([","], ["and"], [",", "and"], ["&"], ["+"]):
                    break
                own.append(after)
            if len(own) >= _PARTS and n - 1 == own[0] and given_to_each(context, events[n]):
                out[n] = replace(events[n], minutes=events[n].minutes * len(own))
    return out


def settled(context: Context, events: list[Event], labels: list[str]) -> list[str]:
    """Labels after all of these, each on those of the one before."""
    for settle in (
        parted_lines,
        named_minutes,
        led_names,
        one_code_a_block,
        one_name_a_block,
        covering_minutes,
        own_minutes,
        net_minutes,
        row_minutes,
        filled_services,
        spent_minutes,
        bracketed_parts,
        leading_lines,
        nested_minutes,
        closed_lines,
        column_minutes,
        bracketed_whole,
        added_minutes,
        topped_up,
        line_parts,
        sum_of_all,
        timed_parts,
        leading_minutes,
        leading_brackets,
        including,
        each_of_named,
        heading_wholes,
        closing_wholes,
        attach_names,
        unshared,
        shared_each,
        parted_by_code,
    ):
        labels = settle(context, events, labels)
    return labels
