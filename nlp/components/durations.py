"""Minutes: every candidate duration of a note with its form, ``doc.spans["durations"]``.

A candidate is a place that *reads like* minutes, in any of the forms of ``nlp/lexicons/durations.toml``; each way of writing
them has its reader in `nlp.minutes`. Which of them are treatment, which a hold, a test or a total, is decided with the block
they stand in (`nlp.components.blocks`).
"""

from __future__ import annotations

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.context import Context, context_of
from nlp.minutes.amounts import Amounts
from nlp.minutes.beside import Beside
from nlp.minutes.corrections import Corrections
from nlp.minutes.reading import Candidate
from nlp.minutes.tables import Tables
from nlp.minutes.times import Times
from nlp.minutes.wholes import Wholes

_CACHE = "durations"


class _Reader(Times, Amounts, Wholes, Tables, Beside, Corrections):
    """All readers of minutes over one note."""

    def read(self) -> list[Candidate]:
        """All candidates, in text order."""
        self.ranges()
        self.short_ranges()
        self.margin_ranges()
        self.in_out()
        self.zero_hours()
        self.amounts()
        self.shares()
        self.margin()
        self.columns()
        self.minute_rows()
        self.bare()
        self.brackets()
        self.lots()
        self.parts()
        self.rests()
        self.more()
        self.heads()
        self.divided()
        self.evenly()
        self.joined()
        self.less()
        self.corrected()
        self.parts_of_visit()
        self.edges()
        self.found.sort(key=lambda c: (c.start, c.end))
        return self.found


def _without_parts(context: Context, found: list[Candidate]) -> list[Candidate]:
    return [c for c in found if c.start not in context.untimed]


def find_durations(context: Context) -> list[Candidate]:
    """Every candidate duration of a note, in text order.

    Examples
    --------
    >>> import spacy
    >>> from nlp.context import context_of
    >>> from nlp.tokens import Tokenizer
    >>> nlp = spacy.blank("en")
    >>> nlp.tokenizer = Tokenizer(nlp.vocab)
    >>> [(c.minutes, c.form) for c in find_durations(context_of(nlp("TE 0905-0920: SLR, bike 8 min, min A x2")))]
    [(15, 'range'), (8, 'unit')]
    """
    found = context.cache.get(_CACHE)
    if found is None:
        found = context.cache[_CACHE] = _without_parts(context, _Reader(context).read())
    return found


@Language.component("therapy_durations", assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["durations"]``: every candidate, its form as label and its minutes as id."""
    found = find_durations(context_of(doc))
    doc.spans["durations"] = [Span(doc, c.start, c.end, label=c.form, span_id=str(c.minutes)) for c in found]
    return doc
