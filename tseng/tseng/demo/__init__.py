"""A simulated monitored site, imported the way a real one is, and three questions answered about it."""
