"""Every lexicon of the reader, read once, and the one matcher over all of them."""

from __future__ import annotations

from functools import cache

from nlp.lexicon import Entry, Matcher, Terms, read_lexicon


@cache
def entries(name: str) -> tuple[Entry, ...]:
    """The entries of ``lexicons/<name>.toml``; each file's own keys stand here once."""
    extra, term_keys = {
        "activities": (("label", "code"), ()),
        "durations": (("role",), ()),
        "elements": (("element",), ()),
        "lists": (("meaning",), ()),
        "notices": (("kind",), ()),
        "sections": (("label",), ()),
        "services": (("code", "name", "names_task", "head_terms", "headings"), ("head_terms", "headings")),
        "settings": (("setting",), ()),
        "unskilled": (("role", "what"), ()),
        "status": (("status", "direction", "scope", "yields"), ()),
        "words": ((), ()),
    }[name]
    return read_lexicon(name, extra=extra, term_keys=term_keys)


@cache
def listed(name: str) -> frozenset[str]:
    """The words of one list of ``lexicons/lists.toml``, in lower case.

    Raises
    ------
    KeyError
        There is no such list.

    Examples
    --------
    >>> sorted(listed("minute"))
    ['min', 'mins', 'minute', 'minutes']
    """
    return {entry.id: frozenset(term.lower() for term in entry.terms) for entry in entries("lists")}[name]


@cache
def short_names() -> dict[str, str]:
    """The code of every service name of two capitals that counts as a heading only, by the name in small letters."""
    return {
        term.lower(): entry.data["code"]
        for entry in entries("services")
        for term in entry.data["head_terms"]
        if len(term) == 2 and term.isupper()
    }


def _where(name: str, key: str, *values: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries(name) if entry.data[key] in values)


HINTS = ("hint_near", "hint_before", "hint_after", "hint_inside")
_DURATION_CUES = ("total", "not_treatment", "own", "remainder", "shared", "shared_sure")


@cache
def terms() -> Matcher:
    """The matcher that finds everything in one pass.

    Its names: ``activities``; ``services``, ``service_heads`` (as headings only) and ``headings`` (of work, no service's name);
    ``sections``; ``forward``, ``backward`` and ``pseudo`` status cues, and those of
    `HINTS`: words that tell why something was not done; ``total``, ``not_treatment``, ``own``, ``remainder``,
    ``shared`` and ``shared_sure`` duration cues; ``assessment``, ``progress``; ``notices``.
    """
    status = [entry for entry in entries("status") if entry.data["status"] != "pseudo"]
    return Matcher(
        {
            "activities": Terms(entries("activities"), typos=True),
            "services": Terms(entries("services"), typos=True),
            "service_heads": Terms(entries("services"), key="head_terms"),
            "headings": Terms(entries("services"), key="headings"),
            "sections": Terms(entries("sections")),
            "forward": Terms(tuple(e for e in status if e.data["direction"] in ("forward", "both"))),
            "backward": Terms(tuple(e for e in status if e.data["direction"] in ("backward", "both"))),
            **{hint: Terms(tuple(e for e in status if e.data["direction"] == hint)) for hint in HINTS},
            "pseudo": Terms(_where("status", "status", "pseudo")),
            **{role: Terms(_where("durations", "role", role)) for role in _DURATION_CUES},
            **{element: Terms(_where("elements", "element", element)) for element in ("assessment", "progress")},
            "notices": Terms(entries("notices")),
        },
        plain=[term for entry in entries("words") for term in entry.terms],
    )
