"""Charts are well-formed, say what they show, and put their marks where the numbers are."""

import xml.etree.ElementTree as ET

import pytest

from models.training.svg import Dot, Line, amount_bar, curve_chart, interval_bar, percent, reliability_chart


def parts(drawing, tag, style=""):
    return [e.attrib for e in ET.fromstring(drawing).iter(tag) if style in e.attrib.get("class", "")]


def test_a_dot_stands_at_its_confidence_and_share():
    drawing = reliability_chart([Dot(0.0, 0.0, 0.0, 0.5, 1), Dot(1.0, 1.0, 0.5, 1.0, 100)], "told", across="a", up="b")
    low, high = parts(drawing, "circle")
    diagonal = parts(drawing, "line", "ideal")[0]
    assert (low["cx"], low["cy"], high["cx"], high["cy"]) == tuple(diagonal[key] for key in ("x1", "y1", "x2", "y2"))
    assert float(low["r"]) < float(high["r"])
    assert len(parts(drawing, "line", "whisker")) == 2


def test_a_chart_without_dots_is_a_chart():
    assert parts(reliability_chart([], "told", across="a", up="b"), "circle") == []


def test_text_is_escaped_and_the_alternative_is_there():
    drawing = curve_chart([Line("<b>", [(0.5, 0.9), (1.0, 0.8)], "line-1")], '5 < 6 & "so"', across="x", up="y")
    root = ET.fromstring(drawing)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == '5 < 6 & "so"'
    assert "<b>" in [text.text for text in root.iter("text")]


@pytest.mark.parametrize(("least", "points"), [(0.0, 3), (0.5, 2), (0.95, 0)])
def test_points_below_the_axis_are_left_out(least, points):
    drawing = curve_chart(
        [Line("n", [(0.2, 0.4), (0.5, 0.9), (1.0, 0.8)], "line-1")], "t", across="x", up="y", least=least
    )
    assert len(parts(drawing, "polyline")[0]["points"].split()) == points


@pytest.mark.parametrize(("target", "crosses"), [(None, 0), ((0.8, 0.99), 1)])
def test_the_target_is_marked_where_there_is_one(target, crosses):
    assert len(parts(curve_chart([], "t", across="x", up="y", target=target), "path", "target")) == crosses
    assert len(parts(interval_bar(0.5, 0.4, 0.6, target=target and target[0]), "path", "target")) == crosses


def test_bars():
    dot = parts(interval_bar(0.5, 0.25, 0.75), "circle")[0]
    assert dot["cx"] == "60.0"
    assert [parts(amount_bar(amount, 10), "rect")[0]["width"] for amount in (0, 5, 10)] == ["0.0", "58.0", "116.0"]
    assert parts(amount_bar(0, 0), "rect")[0]["width"] == "0.0"


@pytest.mark.parametrize(("share", "text"), [(0.0, "0 %"), (0.876, "88 %"), (1.0, "100 %")])
def test_percent(share, text):
    assert percent(share) == text
