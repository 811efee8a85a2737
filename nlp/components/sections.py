"""Headings and what stands under them: ``doc.spans["sections"]``; the reading itself is `nlp.headings`."""

from __future__ import annotations

from spacy.language import Language
from spacy.tokens import Doc, Span

from nlp.context import context_of


@Language.component("therapy_sections", assigns=["doc.spans"])
def create(doc: Doc) -> Doc:
    """Write ``doc.spans["sections"]``, one span a section, labelled, heading included."""
    headings = context_of(doc).headings
    doc.spans["sections"] = [Span(doc, h.start, h.until, label=h.label) for h in headings if h.start < h.until]
    return doc
