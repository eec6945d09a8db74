"""The database: tables, engine, migrations, transactions, the journal of changes and checked snapshots."""
