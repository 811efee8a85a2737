"""The groups of commands on the database: db, clinics, people, keys and audit."""
