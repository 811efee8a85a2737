"""Which notes need a look, by the contract, read off the labels."""

import pytest

from models.training.gold import labelled_flags, needs_look
from nlp.document import Document, WrittenUnits

from .conftest import TEXT, at, labelled

SERVICES = labelled().model_dump(mode="json")["services"]


def changed(number, **values):
    services = [dict(service) for service in SERVICES]
    services[number] |= values
    return services


def read(*units):
    written = tuple(WrittenUnits(0, 2, "TE", amount, code) for amount, code in units)
    return Document(text=TEXT, written_units=written)


@pytest.mark.parametrize(
    ("changes", "units", "needed"),
    [
        ({}, [], ()),
        ({"goals": []}, [], ("goal_missing",)),
        (
            {"goals": [], "services": changed(0, code="other", accept=["other"], other_code="97140")[:1]},
            [],
            ("code_mismatch",),
        ),
        ({"services": changed(0, minutes=None)}, [], ("minutes_missing", "no_unit")),
        ({"services": changed(0, minutes=14)}, [], ("no_unit",)),
        ({"services": changed(0, minutes=15)}, [], ()),
        (
            {
                "services": [s | {"minutes": None} for s in SERVICES],
                "shared_minutes": [{"minutes": 30, "blocks": [0, 1]}],
            },
            [],
            ("shared_minutes",),
        ),
        ({"services": changed(0, stated_code="97530")}, [], ("code_mismatch",)),
        ({"services": changed(0, stated_code="97530", accept=["97110", "97530"])}, [], ("low_confidence",)),
        ({"services": changed(1, stated_code="97535")}, [], ("code_mismatch",)),
        ({"services": changed(1, stated_code="97535", accept=["97530", "other"])}, [], ()),
        ({"services": changed(0, accept=["97110", "97530"])}, [], ("low_confidence",)),
        ({"services": changed(0, accept=["97110", "other"])}, [], ()),
        ({}, [(1, "97110")], ()),
        ({}, [(3, "97110")], ("units_impossible",)),
        ({"services": [], "goals": []}, [], ()),
    ],
)
def test_what_the_labels_raise(changes, units, needed):
    assert sorted(needs_look(labelled(**changes), read(*units))) == sorted(needed)


def test_only_warnings_call_for_a_look():
    note = labelled()
    found = {flag.id for flag in labelled_flags(note, read())}
    assert {"assessment_missing", "progress_missing"} <= found
    assert needs_look(note, read()) == ()


def test_a_block_of_two_possible_codes_needs_a_look_however_it_is_labelled():
    for code in ("97110", "97530"):
        note = labelled(services=[at(TEXT, "TA 10 min: car transfers", code=code, accept=["97110", "97530"], other_code=None,
                                     stated=None, stated_code=None, minutes=16, activities=[at(TEXT, "car transfers")])])  # fmt: skip
        assert needs_look(note, read()) == ("low_confidence",)
