"""The ScaleOut door: real-time digital twins' messages (seed 000) on the engine's verbs."""
