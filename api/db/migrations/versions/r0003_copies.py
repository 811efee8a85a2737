"""Notes copied forward: which note was copied from which, and that as a reason to wait in the queue.

What follows is as it was when this step was released; it does not import `api.db.tables`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0003"
down_revision = "r0002"
branch_labels = None
depends_on = None

_BEFORE = "reason IN ('flagged', 'audit_sample', 'second_reading', 'adjudication', 'question', 'drift')"
_AFTER = "reason IN ('flagged', 'audit_sample', 'second_reading', 'adjudication', 'question', 'drift', 'copied')"


def upgrade() -> None:
    """Make the table, and let entries of the queue have the new reason."""
    op.create_table(
        "copies",
        sa.Column("clinic_id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("earlier_id", sa.Uuid(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("cloned", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("compared >= 1", name=op.f("ck_copies_compared")),
        sa.CheckConstraint("note_id <> earlier_id", name=op.f("ck_copies_earlier")),
        sa.CheckConstraint("share >= 0 AND share <= 1", name=op.f("ck_copies_share")),
        sa.ForeignKeyConstraint(
            ["clinic_id", "earlier_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_copies_clinic_id_earlier_id")
        ),
        sa.ForeignKeyConstraint(
            ["clinic_id", "note_id"], ["notes.clinic_id", "notes.id"], name=op.f("fk_copies_clinic_id_note_id")
        ),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinics.id"], name=op.f("fk_copies_clinic_id")),
        sa.PrimaryKeyConstraint("clinic_id", "note_id", name=op.f("pk_copies")),
    )
    op.create_index(op.f("ix_copies_clinic_id_earlier_id"), "copies", ["clinic_id", "earlier_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_reasons()
    else:
        op.drop_constraint(op.f("ck_queue_items_reason"), "queue_items", type_="check")
        op.create_check_constraint(op.f("ck_queue_items_reason"), "queue_items", _AFTER)


def _sqlite_reasons() -> None:
    """Make the table of the queue anew with the longer list: SQLite changes no constraint of a table.

    Reviews and questions refer to its rows, so that it must keep its name, and they are checked at the commit alone: rows that are
    put back answer what the drop left open.
    """
    connection = op.get_bind()
    made = connection.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'queue_items'"))
    if made is None or made.count(_BEFORE) != 1:
        raise RuntimeError("queue_items is not as step r0001 made it")
    indexes = connection.scalars(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'queue_items' AND sql IS NOT NULL")
    ).all()
    for statement in (
        "PRAGMA defer_foreign_keys = ON",
        "CREATE TEMPORARY TABLE queue_items_before AS SELECT * FROM main.queue_items",
        "DROP TABLE main.queue_items",
        made.replace(_BEFORE, _AFTER),
        "INSERT INTO main.queue_items SELECT * FROM queue_items_before",
        "DROP TABLE queue_items_before",
        *indexes,
    ):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Refuse: what was found and why notes wait would be lost.

    Raises
    ------
    NotImplementedError
        Always; restore a backup instead.
    """
    raise NotImplementedError("this step has no way back; restore a backup")
