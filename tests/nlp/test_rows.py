"""Which rows of a table were not done today; a clinician can read and extend the tables. ``!`` opens a row that was not done."""

import pytest

from nlp.rows import earlier_rows, told_rows
from nlp.tokens import Tokens

TABLES = [
    # Marks for nothing and words for work left out, whatever the columns are.
    "!Sit to stand | NT | --\nRolling L/R | max A x2 | 5",
    "!Wall slide | 3x20s | 3x30s | hold, sore\nPlank | 3x | hold 30 s",
    "!Curb, 6 inch      n/a    n/a    brace not here\nNuStep            --     8 min  RPE 12",
    "!bridging ............ ––\n!hamstring stretch . ––\nnoodle kicks ......... 5 min",
    "!Obstacle course | - | not reached\nZipping own coat | 9 | engages pin 2/5",
    "| !Knee mobs | hold, hot | 0 |\n| SLR | 3x10 | 6 |",
    "97140    8    scar massage     -\n97112    0    !foam stance     -",
    # A dash beside a remark or a tick says nothing, nor does one in a column of remarks.
    "Hall walk | -- | CGA, no LOB\nCar seat simulation    -    ✓ CGA\nStacking chairs | 4 chairs | --",
    # A grid of visits: the last column is today.
    "       | 4/22 | 4/25 | 4/29 (today)\nNuStep | L3 8' | L4 8' | L4 10'\n!Quad set | x20 | x20 | --\n!SAQ | x15 | x20 |\nHeel slide | -- | x15 | x20",
    "                Mon     Tue     Fri\nLadder, trips   4       5       8\nKneel-crawl     5       6       8\n!Plank, s       30      45",
    "\t3/3\t3/6\nWater walking\t6 lap\t8 lap\n!Wall squats\tx15\t-\nDeep-well jog\t-\t5 min",
    # Not today's: the newest first, today named earlier, a last column that nobody filled, grades of strength.
    "            11/7    10/31    10/24\nWall walks  x12     x10      n/a\nPress       3x10    2x10",
    "            8/1     8/8 today    8/12\nElliptical  5       8\nSide steps  2x10    3x10",
    "            8/1     8/8     8/12\nElliptical  5       8\nSide steps  2x10    3x10",
    "Quad      4/5    5/5\nSLR       3x10",
    # Lines that are answered.
    "Y   copying sentences    3 lines\nN   !lacing cards\nY   buttoning a vest",
    "N   lacing cards\nN   keyboard practice",
    "Press-ups | 2x10 | Y\n!Leg press | 3x10 70# | N - time\nSquats | x20 | Yes",
    "Press-ups | 2x10 | N\nLeg press | 3x10 70# | No",
    "Press-ups | 2x10 | Y\nLeg press | N | 3x10 70#",
    # Columns that say where: a tick in another one than today's.
    "Sheet      today   HEP   held\nTilts        X      X\n!Press-ups                X\n!Plank              X",
    "Task | done today | next visit\nCurb | x |\n!Floor transfer | | x\nKettle | x | x",
    "Task | this visit | sets\nCurb | x | 2\nKettle | | 2",
    "Task | HEP | sets\nCurb | x | 2\nKettle | | 2",
    "Task | sets | today\nCurb | 3x10 | x\n!Kettle | 2x8 | -",
    "Task | sets | today\nCurb | 3x10 | x\nKettle | 2x8 | 3x10",
    # A box for every answer.
    "Curb   (x) done ( ) not done ( ) deferred\n!Kettle   ( ) done ( ) not done (x) deferred",
    "Curb   (x) done ( ) not done\nKettle   ( ) done ( ) not done",
    "Curb   (o) done ( ) not done\n!Kettle   ( ) done (o) not done",
    # Lines of nothing but marks.
    "|\n||\n| |\nCurb | 3x | x\n\t",
    # Prose is no table.
    "Bridges 2x10, clamshells held. No SLR - 0 pain",
]


@pytest.mark.parametrize("table", TABLES)
def test_rows(table: str):
    tokens = Tokens.of(table.replace("!", ""))
    undone, _ = told_rows(tokens)
    assert all(0 <= start < end <= len(tokens) for start, end in undone.values())
    assert {tokens.line_of[index] for index in undone} == {
        number for number, line in enumerate(table.splitlines()) if "!" in line
    }


FILLED = [
    # ``+`` opens a row that says that it was done; without a row that was left out none says anything.
    "+Plank | done\nCurb | not done",
    "Plank | done\nCurb | 3x",
    "+Y   copying sentences    3 lines\nN   lacing cards",
    "+Press-ups | 2x10 | Y\nLeg press | 3x10 70# | N",
    "+Beads | ✓ 5 of 6\nPegs | held",
    "       | 4/22 | 4/25 | 4/29 (today)\n+NuStep | L3 8' | L4 8' | L4 10'\nQuad set | x20 | x20 | --",
    "Quad      4/5    5/5\nSLR       hold",
    "Sheet      today   HEP\n+Tilts        X     X\nPlank              X",
    "+Curb   (x) done ( ) deferred\nKettle   ( ) done (x) deferred",
]


@pytest.mark.parametrize("table", FILLED)
def test_rows_that_were_done(table: str):
    tokens = Tokens.of(table.replace("+", ""))
    assert {tokens.line_of[index] for index in told_rows(tokens)[1]} == {
        number for number, line in enumerate(table.splitlines()) if line.startswith("+")
    }


LOGS = [
    # The last day with work done is today, whichever way the days run.
    "!03-02,97110,prone press-up,8,yes\n03-09,97110,slump,8,yes\n03-16,97530,gardening,,scheduled",
    "!2026-02-03,97110,leg press,10\n2026-02-06,97110,plank,4",
    "2/10 | LAQ | 3x10\n!2/3 | LAQ | 2x10\n!1/28 | SAQ | 2x10",
    "!10/08  9:10-9:40  bead stringing\n!10/15  ---  no service\n10/22  9:12-9:40  tissue paper\n10/29  planned  scissors",
    "!12/30/25 | LAQ | 3x10\n01/06/26 | LAQ | 3x12",
    # One day, grades, a header of days, days in no order, a measure.
    "03-09,97110,slump,8\n03-09,97530,mopping,6",
    "4/5  hip flexion x10\n3/5  hip abduction x10",
    "     5/1    5/8\n5/8: called in sick",
    "2/10 | LAQ | 3x10\n2/3 | SLR | 2x10\n2/24 | SAQ | 2x10",
    "3/4 turn of the key x5",
]


@pytest.mark.parametrize("log", LOGS)
def test_rows_of_earlier_days(log: str):
    tokens = Tokens.of(log.replace("!", ""))
    earlier = earlier_rows(tokens)
    assert {tokens.line_of[index] for index in earlier} == {
        number for number, line in enumerate(log.splitlines()) if "!" in line
    }
    for start, end in earlier.values():
        assert tokens.span(start, end)[-1].isdecimal()


def test_a_long_blank_line_costs_no_more_than_it_is_long():
    tokens = Tokens.of(("x" + " " * 20_000) * 5 + "|" + " " * 50_000)
    assert told_rows(tokens)[0] == earlier_rows(tokens) == {}
