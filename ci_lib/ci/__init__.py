"""CI systems: one small Protocol (`port`), one file per system, `detect` picks one."""
