"""The first tables: clinics, people, notes, results, queue, reviews, jobs, models and the audit chain.

What follows is as it was when this step was released; it does not import `api.db.tables`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

# Table and the columns of its keys: SQLite's INSERT OR REPLACE deletes a row with the same key without asking delete triggers.
_APPEND_ONLY = {
    "reviews": (("clinic_id", "id"), ("clinic_id", "supersedes")),
    "audit": (("clinic_id", "seq"), ("clinic_id", "previous_hash")),
}


def upgrade() -> None:
    """Make the tables and the triggers that keep reviews and audit rows as they are."""
    op.create_table(
        "clinics",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("reference_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("audit_share", sa.Float(), nullable=False),
        sa.Column("second_share", sa.Float(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("audit_share >= 0 AND audit_share <= 1", name=op.f("ck_clinics_audit_share")),
        sa.CheckConstraint("retention_days >= 1", name=op.f("ck_clinics_retention_days")),
        sa.CheckConstraint("second_share >= 0 AND second_share <= 1", name=op.f("ck_clinics_second_share")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinics")),
        sa.UniqueConstraint("slug", name=op.f("uq_clinics_slug")),
    )
    op.create_table(
        "api_keys",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hint", sa.String(length=12), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_api_keys_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("clinic_id", "name", name=op.f("uq_api_keys_clinic_id_name")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
    )
    op.create_table(
        "audit",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.String(length=36), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("actor_kind IN ('person', 'key', 'system')", name=op.f("ck_audit_actor_kind")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_audit_seq")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_audit_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "seq", name=op.f("pk_audit")),
        sa.UniqueConstraint("clinic_id", "previous_hash", name=op.f("uq_audit_clinic_id_previous_hash")),
    )
    op.create_index(
        op.f("ix_audit_clinic_id_subject_kind_subject_id"),
        "audit",
        ["clinic_id", "subject_kind", "subject_id"],
        unique=False,
    )
    op.create_table(
        "audit_heads",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_audit_heads_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "people",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=300), nullable=True),
        sa.Column("failed_tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('therapist', 'coder', 'trainer', 'admin')", name=op.f("ck_people_role")),
        sa.CheckConstraint("failed_tries >= 0", name=op.f("ck_people_failed_tries")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_people_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_people")),
        sa.UniqueConstraint("clinic_id", "login", name=op.f("uq_people_clinic_id_login")),
    )
    op.create_table(
        "jobs",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("step", sa.String(length=200), nullable=True),
        sa.Column("worker", sa.String(length=100), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('retrain', 'evaluate', 'export', 'purge')", name=op.f("ck_jobs_kind")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'cancelling', 'done', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
        sa.CheckConstraint("progress >= 0 AND progress <= 1", name=op.f("ck_jobs_progress")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "asked_by"], ["people.clinic_id", "people.id"], name=op.f("fk_jobs_clinic_id_asked_by")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_jobs_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_clinic_id_created_at"), "jobs", ["clinic_id", "created_at"], unique=False)
    op.create_index(
        "uq_jobs_running",
        "jobs",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("state IN ('running', 'cancelling')"),
        postgresql_where=sa.text("state IN ('running', 'cancelling')"),
    )
    op.create_table(
        "notes",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("patient_ref", sa.String(length=64), nullable=True),
        sa.Column("submission_key", sa.String(length=64), nullable=True),
        sa.Column("discipline", sa.String(length=2), nullable=True),
        sa.Column("visit_date", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("discipline IN ('PT', 'OT')", name=op.f("ck_notes_discipline")),
        sa.CheckConstraint("source IN ('page', 'api', 'batch')", name=op.f("ck_notes_source")),
        sa.CheckConstraint("(text IS NULL) = (purged_at IS NOT NULL)", name=op.f("ck_notes_purged")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "key_id"], ["api_keys.clinic_id", "api_keys.id"], name=op.f("fk_notes_clinic_id_key_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"], ["people.clinic_id", "people.id"], name=op.f("fk_notes_clinic_id_person_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_notes_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_notes")),
        sa.UniqueConstraint("clinic_id", "submission_key", name=op.f("uq_notes_clinic_id_submission_key")),
    )
    op.create_index(op.f("ix_notes_clinic_id_patient_ref"), "notes", ["clinic_id", "patient_ref"], unique=False)
    op.create_index(op.f("ix_notes_clinic_id_person_id"), "notes", ["clinic_id", "person_id"], unique=False)
    op.create_index(op.f("ix_notes_clinic_id_submitted_at"), "notes", ["clinic_id", "submitted_at"], unique=False)
    op.create_index(op.f("ix_notes_clinic_id_text_sha256"), "notes", ["clinic_id", "text_sha256"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"], ["people.clinic_id", "people.id"], name=op.f("fk_sessions_clinic_id_person_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_sessions_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_clinic_id_person_id"), "sessions", ["clinic_id", "person_id"], unique=False)
    op.create_table(
        "sign_in_links",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('welcome', 'reset')", name=op.f("ck_sign_in_links_purpose")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"],
            ["people.clinic_id", "people.id"],
            name=op.f("fk_sign_in_links_clinic_id_person_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_sign_in_links_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_sign_in_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sign_in_links_token_hash")),
    )
    op.create_index(
        op.f("ix_sign_in_links_clinic_id_person_id"), "sign_in_links", ["clinic_id", "person_id"], unique=False
    )
    op.create_table(
        "model_verdicts",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("candidate", sa.String(length=100), nullable=False),
        sa.Column("current", sa.String(length=100), nullable=False),
        sa.Column("manifest_sha256", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("outcome IN ('pass', 'fail')", name=op.f("ck_model_verdicts_outcome")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "job_id"], ["jobs.clinic_id", "jobs.id"], name=op.f("fk_model_verdicts_clinic_id_job_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_model_verdicts_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_model_verdicts")),
    )
    op.create_index(
        op.f("ix_model_verdicts_clinic_id_candidate"), "model_verdicts", ["clinic_id", "candidate"], unique=False
    )
    op.create_table(
        "results",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("profile", sa.String(length=20), nullable=False),
        sa.Column("rules_version", sa.String(length=100), nullable=False),
        sa.Column("policy", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("confidence >= 0 AND confidence <= 1", name=op.f("ck_results_confidence")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "note_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_results_clinic_id_note_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_results_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_results")),
    )
    op.create_index(op.f("ix_results_clinic_id_created_at"), "results", ["clinic_id", "created_at"], unique=False)
    op.create_index(op.f("ix_results_clinic_id_model_version"), "results", ["clinic_id", "model_version"], unique=False)
    op.create_index(op.f("ix_results_clinic_id_note_id"), "results", ["clinic_id", "note_id"], unique=False)
    op.create_table(
        "promotions",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("previous", sa.String(length=100), nullable=False),
        sa.Column("verdict_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind = 'rollback' OR verdict_id IS NOT NULL", name=op.f("ck_promotions_verdict")),
        sa.CheckConstraint("kind IN ('promote', 'rollback')", name=op.f("ck_promotions_kind")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "person_id"],
            ["people.clinic_id", "people.id"],
            name=op.f("fk_promotions_clinic_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "verdict_id"],
            ["model_verdicts.clinic_id", "model_verdicts.id"],
            name=op.f("fk_promotions_clinic_id_verdict_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_promotions_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_promotions")),
    )
    op.create_index(op.f("ix_promotions_clinic_id_created_at"), "promotions", ["clinic_id", "created_at"], unique=False)
    op.create_table(
        "queue_items",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("reading", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.Float(), nullable=False),
        sa.Column("variety", sa.String(length=64), nullable=True),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'claimed') = (claimed_by IS NOT NULL) AND (state = 'claimed') = (lease_until IS NOT NULL)",
            name=op.f("ck_queue_items_claim"),
        ),
        sa.CheckConstraint("reading IN ('first', 'second', 'adjudication')", name=op.f("ck_queue_items_reading")),
        sa.CheckConstraint(
            "reason IN ('flagged', 'audit_sample', 'second_reading', 'adjudication', 'question', 'drift')",
            name=op.f("ck_queue_items_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'claimed', 'decided', 'returned', 'skipped', 'withdrawn')",
            name=op.f("ck_queue_items_state"),
        ),
        sa.CheckConstraint("claims >= 0", name=op.f("ck_queue_items_claims")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "claimed_by"],
            ["people.clinic_id", "people.id"],
            name=op.f("fk_queue_items_clinic_id_claimed_by"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "note_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_queue_items_clinic_id_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "result_id"],
            ["results.clinic_id", "results.id"],
            name=op.f("fk_queue_items_clinic_id_result_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_queue_items_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_queue_items")),
        sa.UniqueConstraint(
            "clinic_id", "result_id", "reading", name=op.f("uq_queue_items_clinic_id_result_id_reading")
        ),
    )
    op.create_index(
        op.f("ix_queue_items_clinic_id_lease_until"), "queue_items", ["clinic_id", "lease_until"], unique=False
    )
    op.create_index(op.f("ix_queue_items_clinic_id_note_id"), "queue_items", ["clinic_id", "note_id"], unique=False)
    op.create_index(
        "ix_queue_items_order", "queue_items", ["clinic_id", "state", "priority", "created_at"], unique=False
    )
    op.create_table(
        "questions",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("queue_item_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinic_id", "answered_by"],
            ["people.clinic_id", "people.id"],
            name=op.f("fk_questions_clinic_id_answered_by"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "asked_by"], ["people.clinic_id", "people.id"], name=op.f("fk_questions_clinic_id_asked_by")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "note_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_questions_clinic_id_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "queue_item_id"],
            ["queue_items.clinic_id", "queue_items.id"],
            name=op.f("fk_questions_clinic_id_queue_item_id"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_questions_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_questions")),
    )
    op.create_index(op.f("ix_questions_clinic_id_note_id"), "questions", ["clinic_id", "note_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=False),
        sa.Column("queue_item_id", sa.Uuid(), nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("reading", sa.String(length=20), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("model_version", sa.String(length=100), nullable=False),
        sa.Column("guide_version", sa.String(length=100), nullable=False),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reading IN ('first', 'second', 'adjudication')", name=op.f("ck_reviews_reading")),
        sa.CheckConstraint("milliseconds >= 0", name=op.f("ck_reviews_milliseconds")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "note_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_reviews_clinic_id_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "queue_item_id"],
            ["queue_items.clinic_id", "queue_items.id"],
            name=op.f("fk_reviews_clinic_id_queue_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "result_id"], ["results.clinic_id", "results.id"], name=op.f("fk_reviews_clinic_id_result_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "reviewer_id"],
            ["people.clinic_id", "people.id"],
            name=op.f("fk_reviews_clinic_id_reviewer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "supersedes"],
            ["reviews.clinic_id", "reviews.id"],
            name=op.f("fk_reviews_clinic_id_supersedes"),
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_reviews_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("clinic_id", "supersedes", name=op.f("uq_reviews_clinic_id_supersedes")),
    )
    op.create_index(op.f("ix_reviews_clinic_id_note_id"), "reviews", ["clinic_id", "note_id"], unique=False)
    op.create_index(
        op.f("ix_reviews_clinic_id_reviewer_id_created_at"),
        "reviews",
        ["clinic_id", "reviewer_id", "created_at"],
        unique=False,
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _sqlite_triggers() -> None:
    for table, keys in _APPEND_ONLY.items():
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
            )
        same = " OR ".join(
            f"EXISTS (SELECT 1 FROM {table} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
            for key in keys
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {same} "
            "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only' USING ERRCODE = 'TCAPO'; END $$"
    )
    for table in _APPEND_ONLY:
        for actions, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_no_{actions.split()[0].lower()}"
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {actions} ON {table} FOR EACH {level} EXECUTE FUNCTION refuse_change()"
            )


def downgrade() -> None:
    """Refuse: going back would delete every note and the audit trail.

    Raises
    ------
    NotImplementedError
        Always; restore a backup instead.
    """
    raise NotImplementedError("the first step has no way back; restore a backup")
