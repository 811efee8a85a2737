"""Functional objectives: ``doc.spans["goals"]``.

The tagger finds them; read by rule are headed lines that it missed, and sentences that say what somebody will do in how many of
how many trials.
"""

from __future__ import annotations

from collections.abc import Iterator

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.components.activities import tagged_goals, trim
from nlp.context import Context, context_of
from nlp.terms import listed

_LEAST_WORDS = 3  # shorter than that under a goals heading is "met", "see POC" and the like


def find_goals(context: Context, tagged: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Half-open token spans of the goals: those the tagger saw, and headed ones of sections where it saw none."""
    tokens = context.tokens
    words = tokens.words
    goals = list(tagged)
    for heading in context.headings:
        if heading.label != "goals" or any(heading.start <= start < heading.until for start, _ in tagged):
            continue
        begin = heading.end
        while begin < heading.until and (
            words[begin].isspace() or words[begin] in ":-–—.)/(=#" or words[begin].isdecimal()
        ):
            begin += 1
        finish = begin
        while (
            finish < heading.until
            and words[finish][0] not in "\n\r"
            and not (
                words[finish] == "." and (finish + 1 == len(words) or tokens.starts[finish + 1] > tokens.ends[finish])
            )
        ):
            finish += 1
        begin, finish = trim(tokens, begin, finish)
        if sum(1 for word in words[begin:finish] if word.isalpha()) >= _LEAST_WORDS:
            goals.append((begin, finish))
    goals += (span for span in _measured(context) if not any(span[0] < end and start < span[1] for start, end in goals))
    goals.sort()
    return goals


def _measured(context: Context) -> Iterator[tuple[int, int]]:
    """Sentences such as ``He will use both hands in play 4 of 5 times``."""
    tokens, lower = context.tokens, context.tokens.lower
    for at, word in enumerate(lower):
        if word != "will" or at == 0 or lower[at - 1] not in listed("goal_subject"):
            continue
        end = at
        while end < len(lower) and context.sentence_of[end] == context.sentence_of[at] and lower[end][0] not in "\r\n":
            end += 1
        _, end = trim(tokens, at, end)
        trials = (n for n in range(at, end) if lower[n] in listed("trial") and lower[n - 1].isdecimal())
        if any(lower[n - 2] in ("of", "/") and (lower[n - 3].isdecimal() or lower[n - 3] == "out") for n in trials):
            yield at - 1, end


@Language.component("therapy_goals", requires=["doc.spans"], assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["goals"]``."""
    context = context_of(doc)
    doc.spans["goals"] = [Span(doc, start, end, label="goal") for start, end in find_goals(context, tagged_goals(doc))]
    return doc
