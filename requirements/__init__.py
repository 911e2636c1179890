"""The hash lock of ml-release-core, shipped inside its wheel: `python -m ci_lib.locks` prints where it is.

`approve`, `deploy` and `rollback` hold the keys to production, so they install exactly what was locked and tested, and
none of the packages that load a model::

    pip install --no-deps ml-release-core==VERSION
    pip install --require-hashes -r "$(python -m ci_lib.locks)"

This package imports nothing, so that it works between these two lines.
"""
