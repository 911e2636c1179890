"""Print the path of the small jobs' lock."""

from importlib.resources import files

print(files("ci_lib.locks") / "deploy.txt")
