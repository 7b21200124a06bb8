"""The Twinnoverse door: data sources with their widgets (seed 001) on the engine's verbs."""
