"""The Azure Digital Twins door: models, twins, components and queries (seeds 002 and 004) on the engine's verbs."""
