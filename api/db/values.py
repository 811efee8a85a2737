"""The closed lists of words that columns may hold; no import but the standard library, so that commands stay light.

Examples
--------
>>> ROLES
('therapist', 'coder', 'trainer', 'admin')
"""

from __future__ import annotations

from typing import Literal, get_args

Role = Literal["therapist", "coder", "trainer", "admin"]
# What a program may do with its key.
Scope = Literal["suggestions", "submit", "queue", "export", "models"]
ActorKind = Literal["person", "key", "system"]
# No account that is not disabled; none that was ever opened; one at least was.
Accounts = Literal["none", "waiting", "opened"]
LinkPurpose = Literal["welcome", "reset"]
Source = Literal["page", "api", "batch"]
# Why a note is in the queue, and how far it has come.
QueueReason = Literal["flagged", "audit_sample", "second_reading", "adjudication", "question", "drift", "copied"]
QueueState = Literal["waiting", "claimed", "decided", "returned", "skipped", "withdrawn"]
Reading = Literal["first", "second", "adjudication"]
JobKind = Literal["retrain", "evaluate", "export", "purge"]
JobState = Literal["queued", "running", "cancelling", "done", "failed", "cancelled"]
Outcome = Literal["pass", "fail"]
PromotionKind = Literal["promote", "rollback"]

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)
ACTOR_KINDS: tuple[ActorKind, ...] = get_args(ActorKind)
LINK_PURPOSES: tuple[LinkPurpose, ...] = get_args(LinkPurpose)
SOURCES: tuple[Source, ...] = get_args(Source)
QUEUE_REASONS: tuple[QueueReason, ...] = get_args(QueueReason)
QUEUE_STATES: tuple[QueueState, ...] = get_args(QueueState)
READINGS: tuple[Reading, ...] = get_args(Reading)
JOB_KINDS: tuple[JobKind, ...] = get_args(JobKind)
JOB_STATES: tuple[JobState, ...] = get_args(JobState)
# Kinds of decisions that carry a whole reading of the note.
WHOLE = ("accept", "correct")
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
PROMOTION_KINDS: tuple[PromotionKind, ...] = get_args(PromotionKind)
