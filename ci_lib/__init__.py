"""ml-release: no model reaches production unless the exact bytes that were validated were approved."""

__version__ = "0.1.0"
