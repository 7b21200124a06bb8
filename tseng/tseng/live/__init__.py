"""Live data: what changes in derived series and in entities, pushed to those who asked for it."""
