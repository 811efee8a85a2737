"""A person of one clinic may sign in with the account that they have in another.

What follows is as it was when this step was released; it does not import `api.db.tables`, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None

_MAIN = (
    "(main_id IS NULL AND main_clinic_id IS NULL)"
    " OR (main_id IS NOT NULL AND main_clinic_id IS NOT NULL AND main_clinic_id <> clinic_id"
    " AND password_hash IS NULL)"
)


def upgrade() -> None:
    """Add the two columns that name the main account, empty; everybody signs in as before."""
    op.add_column("people", sa.Column("main_clinic_id", sa.Uuid(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        # SQLite adds a check to a table only along with a column; to make the table anew would break what refers to it.
        op.execute(f"ALTER TABLE people ADD COLUMN main_id CHAR(32) CONSTRAINT ck_people_main CHECK ({_MAIN})")
    else:
        op.add_column("people", sa.Column("main_id", sa.Uuid(), nullable=True))
        op.create_check_constraint(op.f("ck_people_main"), "people", _MAIN)
    op.create_index(op.f("uq_people_main"), "people", ["main_clinic_id", "main_id", "clinic_id"], unique=True)


def downgrade() -> None:
    """Refuse: going back would forget who reads for several clinics.

    Raises
    ------
    NotImplementedError
        Always; restore a backup instead.
    """
    raise NotImplementedError("this step has no way back; restore a backup")
