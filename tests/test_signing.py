"""Who may sign a ledger: keys with a role and a time, taking over what began unsigned, and ways to get round it."""

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from doubles.entries import entry
from doubles.memory_store import MemoryStore
from doubles.signers import ALPHA, BETA, named, signing
from doubles.small_chain import MODEL, NOW, config

from ci_lib import signing as rules
from ci_lib.entry import Entry, sign
from ci_lib.errors import Refused
from ci_lib.ledger import Ledger
from ci_lib.record import digest
from ci_lib.release import Release
from ci_lib.signing import Signing

DAY = timedelta(days=1)
ONLY = named(ALPHA)


def ledger(store: MemoryStore, signs: Signing | None = None) -> Ledger:
    return Ledger(store, model=MODEL, environment="production", signing=signs)


def append(store: MemoryStore, signs: Signing | None, content: str, **changes: Any) -> Release:
    op = digest(content.encode())
    return ledger(store, signs).append(op, lambda head: entry(head, content, op=op, **changes))


def filled(*signs: Signing | None) -> MemoryStore:
    """Return a store with one entry a signing."""
    store = MemoryStore()
    for number, each in enumerate(signs):
        append(store, each, f"content {number}")
    return store


def forge(store: MemoryStore, key: Any, **changes: Any) -> None:
    """Append by hand, as whoever can write to MLflow can."""
    head = ledger(store).head()
    number = head.number + 1 if head else 1
    store.texts[f"op-{number:06d}"] = sign(entry(head, "forged", **changes), key).text()


def test_where_no_key_is_named_entries_are_unsigned_whatever_key_there_is() -> None:
    """The key of the gate must not sign releases only because the variable is set."""
    store = filled(signing(ALPHA))
    assert [each.signatures for each in ledger(store).signed()] == [()]


def test_where_a_key_is_named_entries_are_signed_with_it() -> None:
    signs = signing(ALPHA, ONLY)
    store = filled(signs, signs)
    (one, two) = ledger(store, signs).signed()
    assert one.signed_by(ONLY.public)
    assert two.signed_by(ONLY.public)
    assert signs.words(two) == "signed with deployer"


@pytest.mark.parametrize(
    ("key", "trusted", "words"),
    [
        (None, ONLY, "this job has none to sign the ledger with"),
        (BETA, ONLY, "is not one that release.yml names as deploy"),
        (ALPHA, named(ALPHA, until=NOW - DAY), "the key 'deployer' does not count at 2026-11-24"),
        (ALPHA, named(ALPHA, since=NOW + DAY), "the key 'deployer' does not count at 2026-11-24"),
    ],
)
def test_without_a_key_that_counts_now_nothing_is_appended(key: Any, trusted: Any, words: str) -> None:
    store = MemoryStore()
    with pytest.raises(Refused, match=words) as error:
        append(store, signing(key, trusted), "A")
    assert "ML_RELEASE_SIGNING_KEY" in error.value.hint
    assert ledger(store).entries() == ()


def test_a_key_that_expired_still_counts_for_what_it_signed_in_its_time() -> None:
    old, new = named(ALPHA, "old", until=NOW), named(BETA, "new", since=NOW)
    store = MemoryStore()
    append(store, signing(ALPHA, old), "A")
    append(store, signing(BETA, old, new), "B", at=NOW + DAY)
    both = signing(None, old, new)
    assert [both.signer(each) for each in ledger(store, both).signed()] == ["old", "new"]


def test_an_expired_key_cannot_be_used_by_dating_back() -> None:
    old, new = named(ALPHA, "old", until=NOW), named(BETA, "new")
    store = MemoryStore()
    append(store, signing(BETA, old, new), "A", at=NOW + DAY)
    forge(store, ALPHA, at=NOW)
    with pytest.raises(Refused, match="entry 2 is dated before entry 1"):
        ledger(store, signing(None, old, new)).entries()
    store = filled(signing(BETA, old, new))
    forge(store, ALPHA, at=NOW + DAY)
    with pytest.raises(Refused, match="entry 2 is signed with 'old', which did not count at 2026-11-25"):
        ledger(store, signing(None, old, new)).entries()


def test_a_machine_whose_clock_is_behind_takes_the_time_of_the_entry_before() -> None:
    """At 3 a.m. a rollback must not be refused because the last deploy ran on a machine whose clock was ahead."""
    store = MemoryStore()
    ahead = append(store, None, "A", at=NOW + DAY)
    assert append(store, None, "B", at=NOW).at == ahead.at


def test_what_somebody_else_signed_is_refused() -> None:
    signs = signing(ALPHA, ONLY)
    store = filled(signs)
    forge(store, BETA)
    with pytest.raises(Refused, match=r"entry 2 is signed with a key that release.yml does not name") as error:
        ledger(store, signs).entries()
    assert error.value.hint == rules.KEEP


def test_a_signature_of_something_else_is_refused() -> None:
    signs = signing(ALPHA, ONLY)
    store = filled(signs)
    genuine = ledger(store, signs).signed()[0]
    other = genuine.model_copy(update={"entry": genuine.entry.model_copy(update={"reason": "another"})})
    store.texts["op-000001"] = other.text()
    with pytest.raises(Refused, match="the signature of entry 1 is not that of its key 'deployer'"):
        ledger(store, signs).head()


@pytest.mark.parametrize("trusted", [(ONLY,), ()])
def test_unsigned_after_signed_is_refused_even_when_the_keys_are_taken_out_of_release_yml(trusted: Any) -> None:
    store = filled(signing(ALPHA, ONLY))
    forge(store, None)
    with pytest.raises(Refused, match="entry 2 is unsigned, and entry 1 is signed"):
        ledger(store, signing(None, *trusted)).entries()


@pytest.mark.parametrize("trusted", [(ONLY,), ()])
def test_a_signature_that_is_taken_off_shows_even_when_the_keys_are_taken_out(trusted: Any) -> None:
    store = filled(signing(ALPHA, ONLY))
    genuine = ledger(store).signed()[0]
    store.texts["op-000001"] = genuine.model_copy(update={"signatures": ()}).text()
    with pytest.raises(Refused, match="entry 1 has lost its signature"):
        ledger(store, signing(None, *trusted)).entries()


def test_without_keys_nothing_is_appended_to_a_signed_ledger_and_the_keys_are_reported() -> None:
    store = filled(signing(ALPHA, ONLY))
    with pytest.raises(
        Refused, match=r"release 1 is signed, and release.yml names no key of role deploy any more"
    ) as error:
        append(store, signing(ALPHA), "B")
    assert error.value.hint == rules.KEEP
    (there,) = ledger(store).signed()
    assert signing(None).unknown([there, there]) == (there.entry.key,)
    assert signing(None, ONLY).unknown([there]) == ()
    assert signing(None).words(there) == "signed with a key that release.yml does not name: ml-release audit"


def test_of_an_unsigned_entry_it_is_said_why() -> None:
    (there,) = ledger(filled(None)).signed()
    assert signing(None).words(there) == "unsigned: release.yml names no key of role deploy"


def test_a_ledger_that_began_unsigned_is_taken_over_by_the_digest_of_its_last_unsigned_entry() -> None:
    store = filled(None, None)
    last = ledger(store).entries()[-1].digest()
    with pytest.raises(Refused, match=r"entry 1 is unsigned, and release.yml names keys") as error:
        append(store, signing(ALPHA, ONLY), "C")
    assert f"unsigned_until: {last}" in error.value.hint
    taken = signing(ALPHA, ONLY, unsigned_until=last)
    append(store, taken, "C")
    assert [taken.signer(each) for each in ledger(store, taken).signed()] == [None, None, "deployer"]


def test_what_was_taken_over_is_pinned() -> None:
    """Who rewrites the unsigned beginning before the first signed entry is found out."""
    reviewed = ledger(filled(None, None)).entries()[-1].digest()
    rewritten = MemoryStore()
    for content in ("evil", "content 1"):
        append(rewritten, None, content)
    with pytest.raises(Refused) as error:
        ledger(rewritten, signing(ALPHA, ONLY, unsigned_until=reviewed)).entries()
    assert error.value.what == f"the ledger does not hold: no entry has the digest of unsigned_until, {reviewed}"
    wrong = f"correct it in release.yml; if it was right, the ledger was rewritten: {rules.INTRUDER}"
    assert error.value.hint == wrong
    with pytest.raises(Refused, match="no entry has the digest of unsigned_until"):
        ledger(rewritten, signing(ALPHA, ONLY, unsigned_until=reviewed)).head()


def test_an_empty_ledger_has_nothing_that_was_rewritten() -> None:
    assert ledger(MemoryStore(), signing(ALPHA, ONLY, unsigned_until=digest(b"gone"))).entries() == ()


def test_unsigned_entries_after_the_one_taken_over_are_refused() -> None:
    store = filled(None, None)
    first = ledger(store).entries()[0].digest()
    with pytest.raises(Refused, match=r"entry 2 is unsigned, and release.yml names keys"):
        ledger(store, signing(ALPHA, ONLY, unsigned_until=first)).entries()


def test_in_a_part_of_the_ledger_that_begins_after_what_was_taken_over_nothing_may_be_unsigned() -> None:
    store = filled(None, None)
    before, after = ledger(store).signed()
    taken = signing(ALPHA, ONLY, unsigned_until=before.entry.digest())
    with pytest.raises(Refused, match=r"entry 2 is unsigned, and release.yml names keys"):
        taken.check([after], whole=False)


def test_whoever_uses_a_model_needs_the_newest_signature_only() -> None:
    old, new = named(ALPHA, "old"), named(BETA, "new")
    store = filled(None)
    taken = ledger(store).entries()[-1].digest()
    append(store, signing(ALPHA, old, unsigned_until=taken), "B")
    append(store, signing(BETA, old, new, unsigned_until=taken), "C")
    consumer = Signing(keys=(new,), only_head=True)
    assert len(ledger(store, consumer).entries()) == 3
    with pytest.raises(Refused, match="release 3 is signed with another key, and it must be signed with one of"):
        ledger(store, Signing(keys=(old,), only_head=True)).head()
    with pytest.raises(Refused, match="release 1 is unsigned, and it must be signed with one of the keys given"):
        ledger(filled(None), consumer).head()
    with pytest.raises(Refused) as error:
        ledger(filled(None), consumer).head()
    assert error.value.hint == "ask those who release it; without --key its signature is not asked for"
    assert ledger(MemoryStore(), consumer).head() is None


def test_of_release_yml_the_keys_of_role_deploy_count() -> None:
    gate = ONLY.model_copy(update={"name": "gate", "role": "approve"})
    approval = config().policy.approval.model_copy(update={"keys": (gate, ONLY)})
    changed = config().model_copy(update={"policy": config().policy.model_copy(update={"approval": approval})})
    assert rules.of(changed, "production", lambda: None).keys == (ONLY,)


def test_of_release_yml_an_environment_says_what_was_taken_over_and_the_job_has_the_key() -> None:
    until = digest(b"the last unsigned entry")
    found = rules.of(config(environments={"production": {"unsigned_until": until}}), "production", lambda: ALPHA)
    assert (found.unsigned_until, found.load()) == (until, ALPHA)


class Counted(Release):
    """A release that counts how often it is hashed."""

    hashed: ClassVar[list[int]] = []

    def digest(self) -> str:
        self.hashed.append(self.number)
        return super().digest()


def test_checking_what_needs_no_signature_hashes_nothing() -> None:
    """A deploy reads its segment several times: hashing all entries for each made one of 1,000 take 18 seconds."""
    unsigned = [Entry(entry=Counted(**vars(entry(None, str(number))))) for number in range(50)]
    Signing().check(unsigned, whole=True)
    assert Counted.hashed == []
