"""Time-series observation engine with metric and unit conversion."""
