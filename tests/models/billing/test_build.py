"""What the result says of written minutes: those of a block, or under Medicare's count the total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.billing.proposal import propose
from models.build import build_result
from models.note import Note

TE: dict[str, Any] = {"code": "97110", "minutes": None}
MT = {"code": "other", "other_code": "97140", "minutes": 15}
TIMED, VISIT = (940, 38, "timed"), (960, 45, "visit")


@pytest.mark.parametrize(
    ("specs", "totals", "policy", "start"),
    [
        ([TE], [TIMED], "cms_8_minute", 940),
        ([TE], [VISIT, TIMED], "cms_8_minute", 940),
        ([TE | {"minutes": 15}], [TIMED], "cms_8_minute", 0),
        ([TE], [TIMED], "full_15", None),
        ([TE], [TIMED], "ama_midpoint", None),
        ([TE], [VISIT], "cms_8_minute", None),
        ([MT], [TIMED], "cms_8_minute", None),
        ([], [TIMED], "cms_8_minute", None),
    ],
)
def test_a_timed_total_documents_the_time_where_minutes_are_pooled(
    specs: Any, totals: Any, policy: str, start: int | None, services: Callable[..., Any], document: Callable[..., Any]
) -> None:
    coded = services(*specs)
    made = build_result(
        Note(text=""), document(totals=totals), coded, propose(coded, policy), (), version="1", profile="fast"
    )
    [element] = [each for each in made.documentation if each.element == "duration"]
    assert (element.documented, element.start) == (start is not None, start)
