"""The report and the card: whole, self-contained, and of shut notes nothing but figures."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.coder import Coder
from models.registry import shipped
from models.training import report
from models.training.dataset import read_corpus, read_splits, select
from models.training.evaluate import Measured, evaluate_profiles
from models.training.figures import KINDS
from models.training.misses import CAUSES, misses

from .conftest import at, labelled, perfect

DATA = Path(__file__).parents[3] / "training_data"
VOID = {"meta", "br", "input", "link", "img", "hr"}


@pytest.fixture(scope="module")
def measured():
    corpus, splits = read_corpus(DATA), read_splits(DATA)
    notes = select(corpus, splits, "development")[:16]
    coder = Coder.load()
    evaluations = evaluate_profiles(coder, notes, split="development", known=set())
    return evaluations, report.facts_of(coder, shipped(), splits, select(corpus, splits, "train"))


@pytest.fixture(scope="module")
def page(measured):
    return report.render_report(*measured)


@pytest.fixture(scope="module")
def shut(measured):
    evaluations, facts = measured
    return [replace(each, split="sealed") for each in evaluations], facts


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.links += [values[key] for key in ("href", "src", "action", "data") if values.get(key)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.links += [value for key, value in attrs if key in ("href", "src")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_the_page_is_whole_and_asks_for_nothing_outside(page):
    tags = read(page)
    assert [link for link in tags.links if not link.startswith("#")] == []
    assert "<script" not in page
    assert not re.search(r"url\(|@import|https?://", page)


def test_every_link_leads_somewhere(page):
    assert {link[1:] for link in read(page).links} <= set(re.findall(r'id="([^"]+)"', page))


def test_every_measured_figure_stands_in_report_and_card(measured, page):
    evaluations, facts = measured
    card = report.render_card(evaluations, facts)
    for figure in evaluations[0].figures:
        assert (f"| {figure.name} |" in card) is bool(figure.count), figure.id
        assert (f'<th scope="row">{figure.name}<small>' in page) is bool(figure.count), figure.id
        assert KINDS[figure.id].meaning in read(page).text or not figure.count or figure.kind.better == "lower"


def test_both_profiles_stand_side_by_side(measured, page):
    for each in measured[0]:
        value = f"{each.figure('activities_f1').value:.3f}".removeprefix("0")
        assert f'data-head="{each.profile}">{value}' in re.sub(r">\s+", ">", page)


def test_notes_with_errors_are_shown_whole(measured, page):
    shown = {}
    for article in re.findall(r"<article.*?</article>", page, flags=re.DOTALL):
        [name] = re.findall(r"<h3>(\S+) ", article)
        [text] = re.findall(r'<div class="text">(.*?)</div>', article, flags=re.DOTALL)
        shown[name] = unescape(re.sub(r'<span class="tag">.*?</span>|</?mark[^>]*>', "", text))
    wrong = [each.note for each in measured[0][0].measured if misses(each.note, each.result, each.needed)]
    assert wrong
    assert shown == {note.id: note.text for note in wrong}


def test_of_shut_notes_there_is_no_text_no_id_no_layout_and_no_writer(measured, shut):
    for text in (report.render_report(*shut), report.render_card(*shut)):
        for each in measured[0][0].measured:
            for word in (each.note.id, each.note.layout, each.note.layout.replace("_", " "), each.note.writer):
                assert word not in text
            for span in (*each.note.activities, *each.note.goals, *each.note.mentions):
                assert len(span.text) < 12 or span.text not in text
        assert "activities F1 (overlap)" in text


def test_groups_of_shut_notes_are_never_small(shut):
    rows = report._breakdowns(shut[0], is_open=False)
    assert {by for by, _ in rows} <= {"setting", "discipline", "hard kind", "length"}
    assert all(notes >= 5 for _, groups in rows for _, notes, _ in groups)


def test_a_version_with_one_profile_has_a_report(measured):
    evaluations, facts = measured
    page = report.render_report(evaluations[1:], facts)
    read(page)
    assert "Profile <b>fast</b>" in page
    assert "accurate: found" not in page


def test_files_are_written(measured, tmp_path):
    paths = report.write(*measured, tmp_path / "new")
    assert [path.name for path in paths] == ["report.html", "model_card.md"]
    assert all(path.read_text(encoding="utf-8") for path in paths)
    again = [path.read_bytes() for path in report.write(*measured, tmp_path / "new")]
    assert again == [path.read_bytes() for path in paths]


def test_card_names_the_files_by_hash(measured):
    evaluations, facts = measured
    card = report.render_card(evaluations, facts)
    for name, value in facts.manifest.files.items():
        assert f"| `{name}`, SHA-256 | `{value}` |" in card
    assert evaluations[0].data_sha256 in card


def pieces(note, result, needed=()):
    each = Measured(note, result, needed, {}, ())
    return [(p.text, p.styles, p.ends) for p in report.mark(each, misses(note, result, needed))]


def test_marks_cut_the_text_and_lose_nothing():
    note = labelled()
    read_as = labelled(
        services=[note.model_dump()["services"][1]], goals=[at(note.text, "car transfers. Stairs held. STG")]
    )
    found = pieces(note, perfect(read_as))
    assert "".join(text for text, _, _ in found) == note.text
    assert ("SLR", "missed", (CAUSES["missed"].tag,)) in found
    assert ("car transfers", "goal_invented ok", ()) in found
    assert ("get into car alone", "goal_missed", (CAUSES["goal_missed"].tag,)) in found


def test_a_right_note_has_only_quiet_marks():
    note = labelled()
    assert {style for _, style, _ in pieces(note, perfect(note))} == {"", "ok", "goal"}


def test_text_of_a_note_is_escaped(measured):
    evaluations, facts = measured
    text = "TE 20 min: SLR <script>alert(1)</script> & more. STG: x"
    note = labelled(text, services=[], mentions=[], goals=[at(text, "SLR")])
    each = Measured(
        note, perfect(labelled(text, services=[], mentions=[], goals=[])), (), evaluations[0].measured[0].counts, ()
    )
    page = report.render_report([replace(evaluations[0], measured=(each,))], facts)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page
