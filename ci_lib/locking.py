"""The environment lock: what is installed where the model was made."""

import importlib.metadata


def environment_lock() -> bytes:
    """Return every installed distribution as ``name==version``, sorted: what `pip freeze` prints, without the paths."""
    found = {f"{d.metadata['Name']}=={d.version}" for d in importlib.metadata.distributions() if d.metadata["Name"]}
    return "".join(f"{line}\n" for line in sorted(found, key=str.lower)).encode()
