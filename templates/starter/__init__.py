"""The project that `ml-release init` writes."""
