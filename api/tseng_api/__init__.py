"""Starlette application: every foreign API is a translator onto the engine's verbs."""
