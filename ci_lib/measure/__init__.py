"""Pure numbers from arrays or counts: no files, no network, no model."""
