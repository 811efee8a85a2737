"""Where notes, results, reviews, people and the audit trail are kept: SQLite by default, PostgreSQL by address."""
