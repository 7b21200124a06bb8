"""The log, the Parquet tier, the catalog and the DuckDB session: the ground floor that knows no units."""
