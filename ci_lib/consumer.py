"""`ml-release resolve NAME` for those who use a model and have no release.yml: MLflow's address is all it takes.

What is in production is what the newest entry of the ledger says, not what the alias says, and the bytes are those
whose digest it names. Who trusts MLflow's administrator less gives the public keys that releases are signed with
(``--key``), and an anchor of the ledger's head that was kept elsewhere (``--head``): the entry's signature covers the
digest of the entry before it, and so all of them.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pydantic import ValidationError

from ci_lib import anchor, consoles, resolve
from ci_lib.errors import BadInput, Refused
from ci_lib.ledger import Ledger
from ci_lib.production import Production
from ci_lib.signing import ROLE, Signing
from ci_lib.text import quoted
from ci_lib.trusted import VerifyKey

if TYPE_CHECKING:
    from ci_lib.registry import Registry


def main(args: Namespace, env: Mapping[str, str], out: TextIO, open_registry: "Callable[[str], Registry]") -> int:
    """Print the version of a registered model that is in production; with --download, fetch its files, checked.

    Raises:
        BadInput: no address, no key, nothing released.
        Refused: there is no ledger, or it does not hold, or is not signed with one of the keys.
        Unavailable: MLflow does not answer.
    """
    production = _open(args, env, open_registry)
    anchor.check_all(args.head, Path(), production.ledger, production.model, production.environment)
    return resolve.give(production, args, consoles.choose(out, env))


def _open(args: Namespace, env: Mapping[str, str], open_registry: "Callable[[str], Registry]") -> Production:
    address = args.registry or env.get("MLFLOW_TRACKING_URI")
    if not address:
        message = f"there is no {args.config}, so nothing says where {args.name!r} is"
        raise BadInput(message, f"ml-release resolve {quoted(args.name)} --registry URI")
    trusted = tuple(_key(text) for text in args.trusted)
    registry = open_registry(address)
    found = Production(
        registry=registry, model="", environment="", name=args.name, alias="champion",
        run=registry.ledger(args.name),
    )  # fmt: skip
    if found.run is None:
        message = f"there is no ledger of {args.name!r} at {registry.address}: ml-release has released nothing there"
        raise Refused(message, "check NAME (the registered model's, as in models:/NAME) and --registry")
    return _checked(found, Signing(keys=trusted, only_head=True), args.environment)


def _checked(production: Production, signing: Signing, environment: str | None) -> Production:
    """Learn from the newest entry what the ledger is about, and check that entry's signature."""
    head = Ledger(production.run, model=None, environment=None).signed_head()
    if head is None:
        message = f"nothing has been released to {production.name} yet"
        raise BadInput(message, "ask those who release it")
    about = head.entry
    if environment not in {None, about.environment}:
        message = f"{production.name!r} is {about.model} in {about.environment}, not in {environment}"
        raise Refused(message, "give the registered model's NAME of that environment")
    return replace(production, model=about.model, environment=about.environment, signing=signing)


def _key(text: str) -> VerifyKey:
    try:
        return VerifyKey(name=text, public=text, role=ROLE)
    except ValidationError as error:
        message = f"{text[:60]!r} is no public key"
        raise BadInput(message, "ask those who release it for the output of: ml-release keys show KEYFILE") from error
