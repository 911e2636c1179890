"""Print the path of ml-release-core's lock."""

from importlib.resources import files

print(files("ci_lib.locks") / "core.txt")
