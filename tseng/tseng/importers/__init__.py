"""Logger files in: one parser per format, and the one command that stores what they hold."""
