"""Reads one lexicon file, checks it, and finds its terms in a note's tokens.

A file has a ``[header]`` (version, source, licence, reviewed, reviewed_by) and ``[[entry]]`` tables with a stable ``id``,
``terms``, and their own ``examples`` and ``not_examples``. Keys are closed; a term that stands twice, or differs only by
case, is refused. Matching ignores case, hyphens and plurals, and forgives one letter in a word of seven or more; a term of
two letters is matched with its case (``AP``, ``QS``).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from nlp.errors import LexiconError
from nlp.tokens import Tokens

_HEADER_KEYS = {"version", "source", "licence", "reviewed", "reviewed_by"}
_BASE_KEYS = {"id", "terms", "examples", "not_examples"}
_TYPO_LENGTH = 7
_LONGEST_WORD = 24  # longer strings of letters are no words; correcting them would cost their square
_WORDS = re.compile(r"[^\W\d_]+(?:['’](?:s|t|re|ve|ll|d|m)(?![^\W\d_]))?|\d+|[^\s\-]", re.IGNORECASE)
_CACHED = 50_000  # words kept in the cache of forms
_SKIPPED = frozenset("-‐‑")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a lexicon file; ``data`` holds the keys that this kind of file adds."""

    id: str
    terms: tuple[str, ...]
    examples: tuple[str, ...]
    not_examples: tuple[str, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A term found at the half-open token range ``[start, end)``."""

    start: int
    end: int
    entry: Entry
    term: str


def read_lexicon(name: str, *, extra: Iterable[str] = (), term_keys: Iterable[str] = ()) -> tuple[Entry, ...]:
    """Read ``nlp/lexicons/<name>.toml``.

    Parameters
    ----------
    name
        File name without its ending.
    extra
        Keys that every entry of this kind has beside id, terms, examples and not_examples.
    term_keys
        Those of ``extra`` that hold terms too, checked for doubles together with ``terms``.

    Raises
    ------
    LexiconError
        Unreadable file, unknown or missing key, empty or doubled term; names file and entry.
    """
    file = f"{name}.toml"
    try:
        raw = tomllib.loads(files("nlp").joinpath("lexicons", file).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, FileNotFoundError, UnicodeDecodeError) as error:
        raise LexiconError(file, "-", f"cannot be read: {error}") from None
    return parse_lexicon(file, raw, extra=extra, term_keys=term_keys)


def parse_lexicon(
    file: str, raw: Mapping[str, Any], *, extra: Iterable[str] = (), term_keys: Iterable[str] = ()
) -> tuple[Entry, ...]:
    """Check the parsed tables of one file; see `read_lexicon`."""
    extra = set(extra)
    if set(raw) != {"header", "entry"}:
        raise LexiconError(file, "-", "must hold [header] and [[entry]] tables, nothing else")
    if set(raw["header"]) != _HEADER_KEYS:
        raise LexiconError(file, "header", f"must have exactly the keys {', '.join(sorted(_HEADER_KEYS))}")
    entries: list[Entry] = []
    ids: set[str] = set()
    terms: dict[str, str] = {}
    for number, item in enumerate(raw["entry"], start=1):
        name = str(item.get("id", f"number {number}"))
        if set(item) != _BASE_KEYS | extra:
            odd = sorted(set(item) ^ (_BASE_KEYS | extra))
            raise LexiconError(
                file, name, f"keys must be exactly {', '.join(sorted(_BASE_KEYS | extra))}; see {', '.join(odd)}"
            )
        if name in ids:
            raise LexiconError(file, name, "this id stands twice; give it another")
        ids.add(name)
        for key in ("terms", *term_keys):
            for term in item[key]:
                if not isinstance(term, str) or not term.strip():
                    raise LexiconError(file, name, "a term is empty or no text")
                # Twins are looked for within one kind of term and, where entries have a role or a meaning of their own, within it.
                within = (str(item.get(other, "")) for other in ("role", "meaning", "status", "direction"))
                twin = ":".join((key, *within, term.casefold()))
                if twin in terms:
                    raise LexiconError(file, name, f"the term {term!r} stands in entry {terms[twin]!r} too")
                terms[twin] = name
        entries.append(
            Entry(
                id=name,
                terms=tuple(item["terms"]),
                examples=tuple(item["examples"]),
                not_examples=tuple(item["not_examples"]),
                data={key: item[key] for key in extra},
            )
        )
    return tuple(entries)


def singular(word: str) -> str:
    """Lower-case singular of an English word, by its ending; words under four letters are only lower-cased.

    Examples
    --------
    >>> [singular(word) for word in ("Squats", "stretches", "gliding", "glass", "SLRs", "gas")]
    ['squat', 'stretch', 'gliding', 'glass', 'slr', 'gas']
    """
    lower = word.lower()
    if len(word) >= 3 and word[-1] == "s" and word[:-1].isupper():
        return lower[:-1]
    if lower == "ups":
        return "up"  # push-ups, step-ups
    if len(lower) < 4 or lower[-1] != "s" or lower.endswith(("ss", "us", "is")):
        return lower
    if lower.endswith("ies") and len(lower) > 4:
        return lower[:-3] + "y"
    if lower.endswith(("ches", "shes", "xes", "sses", "zzes")):
        return lower[:-2]
    return lower[:-1]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a matcher looks for under one name: a lexicon's entries, which of their lists, and whether typos are forgiven."""

    entries: tuple[Entry, ...]
    key: str = "terms"
    typos: bool = False

    def items(self) -> Iterable[tuple[Entry, str]]:
        """Every (entry, term)."""
        return (
            (entry, term)
            for entry in self.entries
            for term in (entry.terms if self.key == "terms" else entry.data[self.key])
        )


class Matcher:
    """Finds the terms of several lexicons in one pass over a token table.

    Under each name matches are longest first, left to right, without overlap; names do not hinder one another.

    Parameters
    ----------
    terms
        What to find, by name.
    plain
        Words that are themselves, never a slip of another.
    """

    def __init__(self, terms: Mapping[str, Terms], *, plain: Iterable[str] = ()) -> None:
        self.names = tuple(terms)
        self._trie: dict[str, Any] = {}
        self._cased: dict[str, list[tuple[str, Entry, str]]] = {}
        self._cache: dict[str, str] = {}
        self._vocabulary = {singular(word) for word in plain}
        correctable: set[str] = set()
        for name, wanted in terms.items():
            for entry, term in wanted.items():
                words = [word for word in _WORDS.findall(term) if word not in _SKIPPED]
                if len(words) == 1 and len(term) == 2 and term.isupper():
                    self._cased.setdefault(term, []).append((name, entry, term))
                    continue
                node = self._trie
                for word in words:
                    form = singular(word)
                    self._vocabulary.add(form)
                    if wanted.typos and _TYPO_LENGTH <= len(form) <= _LONGEST_WORD and form.isalpha():
                        correctable.add(form)
                    node = node.setdefault(form, {})
                node.setdefault("", {}).setdefault(name, (entry, term))
        self._near: dict[str, str] = {}
        for form in sorted(correctable):
            for index in range(1, len(form)):
                self._near.setdefault(form[:index] + form[index + 1 :], form)
        self._correctable = correctable

    def normal(self, word: str) -> str:
        """The form of a token that terms are looked up by."""
        known = self._cache.get(word)
        if known is None:
            if len(self._cache) > _CACHED:
                self._cache.clear()
            known = self._cache[word] = self._normalise(word)
        return known

    def _normalise(self, word: str) -> str:
        form = singular(word)
        if form in self._vocabulary or not _TYPO_LENGTH <= len(form) <= _LONGEST_WORD or not form.isalpha():
            return form
        near = self._near.get(form)
        if near is not None:
            return near
        for index in range(1, len(form)):
            shorter = form[:index] + form[index + 1 :]
            if shorter in self._correctable:
                return shorter
            near = self._near.get(shorter)
            if near is not None:
                return near
        return form

    def forms(self, words: Sequence[str]) -> list[str]:
        """`normal` of every word."""
        cache = self._cache
        return [cache.get(word) or self.normal(word) for word in words]

    def find(self, tokens: Tokens) -> dict[str, list[Match]]:
        """Matches by name, each list in token order."""
        words = tokens.words
        forms = self.forms(words)
        trie, cased = self._trie, self._cased
        count = len(words)
        found: dict[str, list[Match]] = {name: [] for name in self.names}
        free = dict.fromkeys(self.names, 0)
        for index in range(count):
            node = trie.get(forms[index])
            exact = cased.get(words[index])
            if node is None and exact is None:
                continue
            best: dict[str, tuple[int, Entry, str]] = {}
            if exact is not None:
                for name, entry, term in exact:
                    best[name] = (index + 1, entry, term)
            end = index + 1
            while node is not None:
                leaves = node.get("")
                if leaves is not None:
                    for name, (entry, term) in leaves.items():
                        best[name] = (end, entry, term)
                if end < count and words[end] in _SKIPPED and end + 1 < count:
                    end += 1
                if end >= count:
                    break
                node = node.get(forms[end])
                end += 1
            for name, (stop, entry, term) in best.items():
                if free[name] <= index:
                    found[name].append(Match(index, stop, entry, term))
                    free[name] = stop
        return found
