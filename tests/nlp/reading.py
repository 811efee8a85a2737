"""Events of a text in which given words are work that was done."""

from nlp.components.durations import find_durations
from nlp.context import Context
from nlp.events import Candidate, make_events
from nlp.tokens import Tokens


def events_of(text, *work):
    context = Context(Tokens.of(text))
    tokens = context.tokens
    done = [Candidate(tokens.at(text.index(w)), tokens.at(text.index(w) + len(w) - 1) + 1, "ACT", 3.0) for w in work]
    return context, make_events(context, done, find_durations(context))
