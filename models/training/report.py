"""The HTML report and the model card: one file each, with nothing outside them. Words and layout stand in the two templates.

Of notes that may be looked at, the report shows the text with every miss marked. Of any other split it holds figures alone: no
text, no id, no layout, no writer, and no group of fewer than five notes.
"""

from __future__ import annotations

import itertools
import pkgutil
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

from jinja2 import DictLoader, Environment, StrictUndefined

from models.billing.flags import FLAGS
from models.coder import Coder
from models.note import USUAL_RISK, Note, Profile, Risk
from models.registry import Manifest, shipped
from models.training import svg
from models.training.curves import (
    Bin,
    Confusion,
    Point,
    area_of_risk,
    block_confusion,
    coverage_curve,
    flag_counts,
    judged_of,
    proposal_confusion,
    reliability,
)
from models.training.dataset import LabelledNote, headline_of, read_corpus, read_splits, select
from models.training.evaluate import PROFILES, Evaluation, Measured, break_down
from models.training.figures import GROUPS, KINDS, Figure, Source
from models.training.groups import BREAKDOWNS, setting_group
from models.training.misses import CAUSES, Miss, cause_counts, misses

REPORT_FILE, CARD_FILE = "report.html", "model_card.md"
OPEN_SPLITS = ("train", "development")  # notes of these may be looked at

_TEMPLATES = {REPORT_FILE: "report.html.jinja", CARD_FILE: "model_card.md.jinja"}
_NAMELESS = ("setting", "discipline", "hard kind", "length")  # break-downs that point to no single note
_FEWEST = 5
_COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
_LEAST_ACCURACY = 0.5
_WORDS = 200
_ROUNDS = 15
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of a version beside its figures.

    ``megabytes`` is the size of its files (millions of bytes), ``milliseconds`` the median time for one note of 200 words on the
    machine that measured, by profile; ``splits`` the number of notes a split and ``train`` the notes that it learnt from.
    """

    manifest: Manifest
    megabytes: float
    milliseconds: Mapping[Profile, float]
    splits: Mapping[str, int]
    train: Sequence[LabelledNote]


def facts_of(coder: Coder, folder: Path, splits: Mapping[str, str], train: Sequence[LabelledNote]) -> Facts:
    """Facts of the version in ``folder`` that ``coder`` was loaded from; ``splits`` maps note id to split."""
    size = sum((folder / name).stat().st_size for name in coder.manifest.files)
    text = " ".join(max((note.text for note in train), key=len, default="").split()[:_WORDS])
    times: dict[Profile, float] = {
        profile: _milliseconds(coder, profile, text) for profile in PROFILES if profile in coder.readers
    }
    return Facts(coder.manifest, size / _MEGABYTE, times, dict(sorted(Counter(splits.values()).items())), train)


def _milliseconds(coder: Coder, profile: Profile, text: str) -> float:
    note = Note(text=text, profile=profile)
    coder.code(note)  # fills caches
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        coder.code(note)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def run(evaluations: Sequence[Evaluation], folder: Path, *, data: Path, model: Path | None = None) -> list[Path]:
    """`write` with the facts of the shipped version, or of the one in ``model``, and of the corpus under ``data``."""
    corpus, splits = read_corpus(data), read_splits(data)
    facts = facts_of(Coder.load(model), shipped() if model is None else model, splits, select(corpus, splits, "train"))
    return write(evaluations, facts, folder)


def write(evaluations: Sequence[Evaluation], facts: Facts, folder: Path) -> list[Path]:
    """Write report and model card of these evaluations, one a profile and all of the same notes, to ``folder``.

    Returns
    -------
    list of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name, text in ((REPORT_FILE, render_report(evaluations, facts)), (CARD_FILE, render_card(evaluations, facts))):
        (folder / name).write_text(text, encoding="utf-8")
        out.append(folder / name)
    return out


def render_report(evaluations: Sequence[Evaluation], facts: Facts) -> str:
    """The report as HTML; the first evaluation is the one whose curves, groups and errors are shown."""
    first = evaluations[0]
    is_open = first.split in OPEN_SPLITS
    return _render(
        REPORT_FILE,
        **_common(evaluations, facts),
        is_open=is_open,
        head=sorted((f for f in first.figures if f.kind.place and f.count), key=lambda f: f.kind.place),
        charts=_charts(evaluations),
        levels=_levels(evaluations),
        confusions=_confusions(first),
        warnings=_warnings(evaluations),
        breakdowns=_breakdowns(evaluations, is_open),
        causes=_causes(evaluations),
        errors=_errors(first) if is_open else [],
        clean=sum(not misses(m.note, m.result, m.needed) for m in first.measured),
    )


def render_card(evaluations: Sequence[Evaluation], facts: Facts) -> str:
    """The model card as Markdown."""
    first = evaluations[0]
    only = {"proposal_code", "minutes_headline", "found_coded", "leak"}
    settings = break_down(first.measured, "setting", only=only)
    return _render(
        CARD_FILE,
        **_common(evaluations, facts),
        settings=[(name, notes, shown) for name, (notes, shown) in settings.items() if notes >= _FEWEST],
        train_settings=Counter(setting_group(note.setting) for note in facts.train).most_common(),
        train_writers=len({note.writer for note in facts.train}),
        train_layouts=len({note.layout for note in facts.train}),
        train_disciplines=sorted(Counter(note.discipline for note in facts.train).items()),
        train_codes=sorted(Counter(service.code for note in facts.train for service in note.services).items()),
    )


def _common(evaluations: Sequence[Evaluation], facts: Facts) -> dict[str, Any]:
    first = evaluations[0]
    return {
        "first": first,
        "profiles": [each.profile for each in evaluations],
        "groups": _groups(evaluations),
        "figure": first.figure,
        "facts": facts,
        "manifest": facts.manifest,
        "risk": USUAL_RISK,
        "risks": sorted(get_args(Risk)),
        "writers": len({m.note.writer for m in first.measured}),
    }


def _render(name: str, **values: Any) -> str:
    text = (pkgutil.get_data(__name__, _TEMPLATES[name]) or b"").decode("utf-8")
    environment = Environment(
        loader=DictLoader({name: text}),
        autoescape=name == REPORT_FILE,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(share=_share, hundred=_hundred, range=_range, decimals=_decimals)
    environment.globals.update(bar=svg.interval_bar, amount=svg.amount_bar, CAUSES=CAUSES, FLAGS=FLAGS, KINDS=KINDS)
    return environment.get_template(name).render(**values)


def _share(value: float) -> str:
    """Three decimals without the zero in front, as figures are written: .914."""
    return f"{value:.3f}".removeprefix("0")


def _hundred(value: float) -> str:
    return f"{100 * value:.0f}"


def _range(figure: Figure) -> str:
    return f"{_share(figure.low)}–{_share(figure.high)}"


def _decimals(value: float, places: int) -> str:
    return f"{value:.{places}f}"


def _groups(evaluations: Sequence[Evaluation]) -> list[tuple[str, list[list[Figure]]]]:
    """Figures by group, each a row with one figure a profile."""
    rows = list(zip(*(each.figures for each in evaluations), strict=True))
    return [(group, [list(row) for row in rows if row[0].kind.group == group]) for group in GROUPS]


class Chart(NamedTuple):
    """A drawn chart, its heading, what to see in it, and its numbers: the heads of a table and its rows."""

    title: str
    drawing: str
    told: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]


_SOURCE_NAMES: Mapping[Source, str] = {
    "proposal": "Proposals of notes",
    "read": "Codes of blocks as read",
    "block": "Codes of labelled blocks",
}


def _charts(evaluations: Sequence[Evaluation]) -> list[Chart]:
    first = evaluations[0]
    return [
        *(_reliability_chart(first, source) for source in ("proposal", "read")),
        *(_coverage_chart(evaluations, source) for source in ("proposal", "read")),
    ]


def _reliability_chart(evaluation: Evaluation, source: Source) -> Chart:
    bins = [each for each in reliability(judged_of(evaluation.measured, source)) if each.count]
    dots = [svg.Dot(each.confidence, each.right, each.least, each.most, each.count) for each in bins]
    told = f"{_SOURCE_NAMES[source]}, profile {evaluation.profile}: " + "; ".join(
        f"of {each.count} with a confidence around {svg.percent(each.confidence)}, {svg.percent(each.right)} are right"
        for each in bins
    )
    rows = [_bin_row(each) for each in bins]
    heads = ("confidence", "how many", "mean confidence", "right", "interval")
    drawing = svg.reliability_chart(dots, told, across="confidence", up="right")
    return Chart(f"{_SOURCE_NAMES[source]}: confidence against truth", drawing, told, heads, rows)


def _bin_row(each: Bin) -> tuple[str, ...]:
    return (
        f"{svg.percent(each.low)} to {svg.percent(each.high)}",
        str(each.count),
        svg.percent(each.confidence),
        svg.percent(each.right),
        f"{svg.percent(each.least)} to {svg.percent(each.most)}",
    )


def _coverage_chart(evaluations: Sequence[Evaluation], source: Source) -> Chart:
    curves = {each.profile: coverage_curve(judged_of(each.measured, source)) for each in evaluations}
    lines = [
        svg.Line(profile, [(point.coverage, point.accuracy) for point in points], f"line-{number}")
        for number, (profile, points) in enumerate(curves.items(), start=1)
    ]
    lowest = min((p.accuracy for points in curves.values() for p in points if p.coverage >= 0.1), default=1.0)
    least = max(0.0, min(_LEAST_ACCURACY, int(lowest * 10) / 10))
    told = f"{_SOURCE_NAMES[source]}: " + "; ".join(
        f"{profile}: {_of(points, 1.0)} right of all, {_of(points, 0.8)} of the surest 80 %"
        for profile, points in curves.items()
    )
    heads = ("surest", *(f"{profile}: right" for profile in curves), *(f"{profile}: wrong" for profile in curves))
    rows = [
        (
            svg.percent(coverage),
            *(_of(points, coverage) for points in curves.values()),
            *(_of(points, coverage, risk=True) for points in curves.values()),
        )
        for coverage in _COVERAGES
    ]
    areas = ", ".join(f"{profile} {_share(area_of_risk(points))}" for profile, points in curves.items())
    rows.append(("mean wrong over all", areas, *("" for _ in range(2 * len(curves) - 1))))
    drawing = svg.curve_chart(
        lines, told, across="share taken, surest first", up="right among these", least=least, target=(0.8, 0.99)
    )
    return Chart(f"{_SOURCE_NAMES[source]}: the least sure set aside", drawing, told, heads, rows)


def _of(points: Sequence[Point], coverage: float, *, risk: bool = False) -> str:
    """Accuracy or risk at the first point that takes at least this share; a dash without points."""
    point = next((each for each in points if each.coverage >= coverage - 1e-9), None)
    return "-" if point is None else f"{100 * (point.risk if risk else point.accuracy):.1f} %"


def _levels(evaluations: Sequence[Evaluation]) -> list[tuple[str, float, float]]:
    """What passes unflagged, by profile: share of the notes and share of wrong codes among them."""
    return [
        (each.profile, each.figure("unflagged_share").value, each.figure("unflagged_wrong").value)
        for each in evaluations
    ]


def _confusions(evaluation: Evaluation) -> list[tuple[str, Confusion]]:
    return [
        ("Proposed code of notes", proposal_confusion(evaluation.measured)),
        ("Codes of blocks as read", block_confusion(evaluation.measured)),
    ]


def _warnings(evaluations: Sequence[Evaluation]) -> list[tuple[Any, ...]]:
    counts = [flag_counts(each.measured) for each in evaluations]
    return [
        (FLAGS[row[0].id], row[0].wanted, [(one.found, one.both) for one in row]) for row in zip(*counts, strict=True)
    ]


def _breakdowns(evaluations: Sequence[Evaluation], is_open: bool) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """By break-down: each group with its number of notes and, for each figure, one figure a profile."""
    only = {kind.id for kind in KINDS.values() if kind.groups}
    out = []
    for by in BREAKDOWNS:
        if not is_open and by not in _NAMELESS:
            continue
        tables = [break_down(each.measured, by, only=only) for each in evaluations]
        rows = []
        for group, (notes, shown) in tables[0].items():
            if is_open or notes >= _FEWEST:
                others = [table[group][1] for table in tables]
                rows.append((group, notes, list(zip(*(shown, *others[1:]), strict=True))))
        if len(rows) > 1:
            out.append((by, rows))
    return out


def _causes(evaluations: Sequence[Evaluation]) -> list[tuple[Any, ...]]:
    counts = [cause_counts(each.measured) for each in evaluations]
    return [(CAUSES[cause], [each[cause] for each in counts]) for cause in CAUSES]


class Piece(NamedTuple):
    """A stretch of a note's text with the CSS classes of what covers it, and the names of the misses that end with it."""

    text: str
    styles: str
    ends: tuple[str, ...]


class NoteErrors(NamedTuple):
    """One note of the error list."""

    note: LabelledNote
    measured: Measured
    wanted: str | None
    pieces: list[Piece]
    misses: tuple[Miss, ...]
    others: tuple[tuple[str, Miss], ...]
    styles: str


_MARKED = ("missed", "leaked", "invented", "goal_missed", "goal_invented")


def _errors(evaluation: Evaluation) -> list[NoteErrors]:
    """Notes with at least one difference, those with most first."""
    out = []
    for each in evaluation.measured:
        found = misses(each.note, each.result, each.needed)
        if found:
            others = tuple((each.note.text[m.start : m.end] if m.start is not None else "", m) for m in found)
            out.append(
                NoteErrors(
                    each.note,
                    each,
                    headline_of(each.note),
                    mark(each, found),
                    found,
                    tuple((text, m) for text, m in others if m.cause not in _MARKED),
                    " ".join(f"c-{cause}" for cause in dict.fromkeys(m.cause for m in found)),
                )
            )
    return sorted(out, key=lambda item: (-len(item.misses), item.note.id))


def mark(measured: Measured, found: Sequence[Miss]) -> list[Piece]:
    """A note's text in pieces, cut wherever a miss or a labelled task or goal begins or ends."""
    text = measured.note.text
    spans = [
        (m.start, m.end, m.cause) for m in found if m.cause in _MARKED and m.start is not None and m.end is not None
    ]
    missing = {(start, end) for start, end, cause in spans if cause in ("missed", "goal_missed")}
    good = [(a.start, a.end, "ok") for a in measured.note.activities if (a.start, a.end) not in missing]
    good += [(g.start, g.end, "goal") for g in measured.note.goals if (g.start, g.end) not in missing]
    layers = [*spans, *good]
    cuts = sorted({0, len(text), *(start for start, _, _ in layers), *(end for _, end, _ in layers)})
    pieces = []
    for start, end in itertools.pairwise(cuts):
        over = [cause for a, b, cause in layers if a <= start and end <= b]
        ends = tuple(CAUSES[cause].tag for _, b, cause in spans if b == end)
        pieces.append(Piece(text[start:end], " ".join(dict.fromkeys(over)), ends))
    return pieces
