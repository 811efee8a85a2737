"""The code list: what it must say, and how a bad file is refused."""

from __future__ import annotations

import pytest

from models.billing import data
from models.billing.codes import CODES, HEADLINE, Code, first_code, further_code, parse_codes
from models.billing.rows import FILES, GROUPS
from nlp.errors import LexiconError

GOOD = """
[header]
version = "1"
source = "somewhere"
reviewed = "2026-01-31"
reviewed_by = "someone"
[sources]
page = "https://example.org"
[[code]]
number = "97110"
name = "exercise"
timed = true
unit_minutes = 15
group = "procedure"
headline = true
source = "page"
checked = 2026-01-31
confirmed = true
[[code]]
number = "97161"
name = "evaluation"
timed = false
unit_minutes = 0
group = "evaluation"
from = 2017-01-01
source = "general knowledge"
checked = 2026-01-31
confirmed = false
"""


@pytest.mark.parametrize(
    ("number", "timed", "unit_minutes", "group"),
    [
        ("97110", True, 15, "procedure"),
        ("97530", True, 15, "procedure"),
        ("97112", True, 15, "procedure"),
        ("97116", True, 15, "procedure"),
        ("97140", True, 15, "procedure"),
        ("97535", True, 15, "procedure"),
        ("97542", True, 15, "procedure"),
        ("97035", True, 15, "modality"),
        ("97150", False, 0, "group"),
        ("97161", False, 0, "evaluation"),
        ("97010", False, 0, "modality"),
        ("97014", False, 0, "modality"),
        ("97545", True, 120, "procedure"),
        ("96125", True, 60, "test"),
        ("99281", False, 0, "physician"),
    ],
)
def test_codes_that_notes_bill(number: str, timed: bool, unit_minutes: int, group: str) -> None:
    code = CODES[number]
    assert (code.number, code.timed, code.unit_minutes, code.group) == (number, timed, unit_minutes, group)


def test_the_two_headline_codes() -> None:
    assert HEADLINE == ("97110", "97530")
    assert [number for number, code in CODES.items() if code.headline] == list(HEADLINE)


def test_there_are_as_many_codes_as_the_source_has() -> None:
    assert len(CODES) == 88
    assert {code.group for code in CODES.values()} == set(GROUPS)


@pytest.mark.parametrize(
    ("code", "first", "further"),
    [
        ("97129", "97129", "97130"),
        ("97130", "97129", None),
        ("90912", "90912", "90913"),
        ("97110", "97110", None),
        # add-ons whose first code has a unit of its own, or no number of units a day, stand alone
        ("97546", "97546", None),
        ("97551", "97551", None),
        ("97598", "97598", None),
        ("S9999", "S9999", None),
    ],
)
def test_first_codes_and_their_add_ons(code: str, first: str, further: str | None) -> None:
    assert first_code(code, CODES) == first
    assert further_code(code, CODES) == further


def test_codes_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CODES["97110"].timed = False  # type: ignore[misc]
    with pytest.raises(TypeError):
        CODES["00000"] = CODES["97110"]  # type: ignore[index]


def test_a_good_file() -> None:
    assert list(parse_codes(GOOD).values()) == [
        Code("97110", "exercise", True, 15, "procedure", True),
        Code("97161", "evaluation", False, 0, "evaluation", False),
    ]


BAD = [
    ("timed = true", "timd = true", "97110", "timed is missing"),
    ("timed = true", "timed = true\ncolour = 1", "97110", "unknown key colour"),
    ("timed = true", "timed = 1", "97110", "timed must be true or false"),
    ("timed = true", "timed = false", "97110", "unit_minutes must be above 0"),
    ("unit_minutes = 15", "unit_minutes = 0", "97110", "unit_minutes must be above 0"),
    ("unit_minutes = 15", "unit_minutes = -15", "97110", "unit_minutes must be 0 or more"),
    ("unit_minutes = 15", "unit_minutes = 15.0", "97110", "unit_minutes must be a whole number"),
    ("unit_minutes = 15", "unit_minutes = true", "97110", "unit_minutes must be a whole number"),
    ("unit_minutes = 0", "unit_minutes = 15", "97161", "unit_minutes must be above 0"),
    ('name = "exercise"', 'name = ""', "97110", "name must be text"),
    ('group = "procedure"', 'group = "procedures"', "97110", "group must be one of"),
    ('number = "97110"', 'number = "9711"', "9711", "five digits"),
    ('number = "97110"', "number = 97110", "97110", "number must be text"),
    ('number = "97161"', 'number = "97110"', "97110", "number stands twice"),
    ('source = "page"', 'source = "paper"', "97110", r"key of \[sources\]"),
    ('source = "general knowledge"', "", "97161", "source is missing"),
    ("confirmed = false", "", "97161", "confirmed is missing"),
    ("confirmed = false", "confirmed = 0", "97161", "confirmed must be true or false"),
    (
        "confirmed = false",
        'confirmed = false\nunconfirmed_fields = ["colour"]',
        "97161",
        "unconfirmed_fields must name",
    ),
    ("confirmed = false", "confirmed = false\nunconfirmed_fields = [1]", "97161", "unconfirmed_fields must be a list"),
    ("confirmed = false", "confirmed = false\nheadline = true", "97161", "headline code must be timed"),
    ("checked = 2026-01-31", 'checked = "2026-01-31"', "97110", "checked must be a date"),
    ("from = 2017-01-01", "from = 2017-01-01T10:00:00", "97161", "from must be a date"),
    ("from = 2017-01-01", "from = 2017-01-01\nuntil = 2016-12-31", "97161", "until lies before from"),
    ("from = 2017-01-01", "from = 2017-02-29", "", "not valid TOML"),
    ("headline = true", "headline = false", "", "at least one code"),
    ("[[code]]", "[[cod]]", "", "unknown key cod"),
    ("[sources]", "[sourcs]", "", "sources is missing"),
    ("[header]", "[haeder]", "", r"table \[header\]"),
    ('version = "1"', "version = 1", "header", "version must be text"),
    ('reviewed = "2026-01-31"', 'reviewed = "2026-02-31"', "header", "year-month-day"),
    ("timed = true", "timed = treu", "", "not valid TOML"),
]


@pytest.mark.parametrize(("old", "new", "entry", "reason"), BAD)
def test_a_bad_file_is_refused_by_name(old: str, new: str, entry: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(LexiconError, match=reason) as caught:
        parse_codes(GOOD.replace(old, new, 1), "some.toml")
    assert (caught.value.file, caught.value.entry) == ("some.toml", entry)


@pytest.mark.parametrize("text", ["", "code = 1", 'code = ["97110"]'])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    header, _, _ = GOOD.partition("[[code]]")
    with pytest.raises(LexiconError):
        parse_codes(text)
    with pytest.raises(LexiconError):
        parse_codes(text + header)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        data.read("nowhere.toml")


@pytest.mark.parametrize("file", [*FILES, "flags.toml"])
def test_no_path_of_a_machine_stands_in_a_data_file(file: str) -> None:
    text = data.read(file)
    assert "/home/" not in text
    assert "/work/" not in text
