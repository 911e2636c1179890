"""Properties of numbers are checked on many examples, and none of them is about time."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
