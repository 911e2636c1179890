"""The stages, one file each: `main(job) -> int`."""
