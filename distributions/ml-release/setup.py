"""Ask for ml-release-core of exactly this version; an extra here is the extra of the same name there.

`version.py` is a link to ci_lib/__init__.py, the only place where the version stands; an sdist carries a copy.
"""

from runpy import run_path

from setuptools import setup

VERSION = run_path("version.py")["__version__"]


def core(extra: str) -> list[str]:
    """Return the requirement of ml-release-core with an extra."""
    return [f"ml-release-core[{extra}]=={VERSION}"]


setup(
    version=VERSION,
    install_requires=core("full"),
    extras_require={extra: core(extra) for extra in ("demo", "gitlab", "jenkins")},
)
