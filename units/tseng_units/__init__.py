"""Units, metric catalogue and derivations: the ground floor that knows no storage."""
