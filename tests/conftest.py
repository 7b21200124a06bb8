"""Settings of the whole test run."""

import os

from hypothesis import settings

# No deadline: a shared machine's pauses are not the code's. Under CI the examples are the same in every run.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")
