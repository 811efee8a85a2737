"""Runs the steps on the connection that `api.db.migrate` opened; that one commits."""

from alembic import context

from api.db.tables import Base

# In one transaction on both engines: a step that fails leaves nothing behind.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
