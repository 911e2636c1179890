"""Jenkins as the CI port: each question answered by the server, or refused."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from ci_lib.announcement import Announcement
from ci_lib.answer import Said
from ci_lib.approval import Approval, Assurance
from ci_lib.candidate import Person
from ci_lib.ci import typed
from ci_lib.ci.jenkins import announce as announcing
from ci_lib.ci.jenkins import gate, here, people
from ci_lib.ci.jenkins.build import Build
from ci_lib.ci.jenkins.client import TOKEN, TOKEN_HINT, USER, Client, client, job_path, open_transport
from ci_lib.ci.jenkins.here import Asking
from ci_lib.ci.local import commit_authors, range_authors
from ci_lib.errors import BadInput, Refused, ReleaseError
from ci_lib.vouching import JenkinsServer

NO_WORDS = (
    "Jenkins: the input was answered without its parameters, so nobody said approve or reject: another program than "
    "Jenkins' page may have done that"
)


@dataclass(frozen=True, kw_only=True)
class Jenkins:
    """A stage of a Jenkins build."""

    server: JenkinsServer
    project: Path
    env: Mapping[str, str]
    say: Callable[[str], None]
    sleep: Callable[[float], None]
    four_eyes: bool = True

    _known: dict[tuple[str | None, str | None], tuple[Person, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Authors, asked once a job: every answer that lies here is held against them."""
    _asked: list[Build | ReleaseError] = field(default_factory=list, init=False, repr=False, compare=False)
    """This build, or why nobody knows which it is: finding out takes a minute, and is done once."""

    name = "jenkins"
    assurance: Assurance = "ci-verified"

    def pipeline(self) -> str:
        """Return the build's address below the policy's server; where Jenkins does not answer, of the claimed build."""
        try:
            return self._address(self.here.number)
        except ReleaseError:  # a rollback goes on without Jenkins, and a retry of it must say the same
            return self._address(here.claimed(self.env) or 0)

    def job(self) -> str:
        """Return the build's address: stages have none of their own."""
        return self._address(self.here.number)

    def makers(self) -> Sequence[Person]:
        """Return who wrote the commit that is checked out, and who started the build, where an account may ask."""
        try:
            started = self._started(self.here)
        except ReleaseError:  # training has no account that may ask, and should not
            started = ()
        return tuple(dict.fromkeys([*commit_authors(self.project), *started]))

    def actor(self) -> Person:
        """Return who started the build; where nobody did, or Jenkins does not say, that it is Jenkins'."""
        try:
            found = self.here
            started = self._started(found)
        except ReleaseError:
            return Person(id=self._address(here.claimed(self.env) or 0), known_from="jenkins variable, unverified")
        if started:
            return started[0]
        said = found.started_by[0].said
        return Person(id=self._address(found.number), known_from=f"jenkins, {said or 'started by nobody'}")

    def authors(self, since: str | None = None, until: str | None = None) -> Sequence[Person]:
        """Return who wrote the range by git, and who started the build.

        The user name of whoever answered is among them when they are one of these by another name.

        Raises:
            Refused: the candidate is from another commit than this build, or nobody can tell who wrote it.
        """
        if (since, until) not in self._known:
            self._known[since, until] = self._authors(since, until)
        return self._known[since, until]

    def _authors(self, since: str | None, until: str | None) -> tuple[Person, ...]:
        build = self.here
        if not until or until not in build.revisions:
            seen = ", ".join(dict.fromkeys(build.revisions)) or "none that Jenkins knows of"
            message = f"Jenkins: the candidate was trained from commit {until}, and this build checked out {seen}"
            raise Refused(
                message, "`checkout scm` of the git plugin in this build; were files of another one put here?"
            )
        try:
            found = [*range_authors(self.project, since, until)]
        except BadInput as error:
            message = f"Jenkins: {error.what}"
            raise Refused(message, error.hint) from error
        found += self._started(build)
        for account in dict.fromkeys(build.approvers):
            same = people.known_as(people.names_of(account, self._reader), found)
            if same is not None:
                # In the form of git's identities, so that both names are seen, and found again by whoever compares.
                found.append(Person(id=f"{account} <{re.sub('[<>]', '', same.id)}>", known_from="jenkins"))
        return tuple(dict.fromkeys(found))

    def _started(self, build: Build) -> tuple[Person, ...]:
        accounts = people.starters(build, self._reader)
        return tuple(Person(id=account, known_from="jenkins, started the build") for account in accounts)

    def approver(self, claimed: str | None) -> Person:
        """Return who answered the gate's input.

        Raises:
            Refused: Jenkins' own record of the build says something else, or no person answered.
        """
        build = self.here
        started = people.starters(build, self._reader)
        account = gate.approver(build, self.env, started, four_eyes=self.four_eyes)
        if claimed is not None and claimed.casefold() != account.casefold():
            message = f"Jenkins: {account!r} answered the input, not {claimed!r}"
            raise Refused(message, "leave --as out: Jenkins knows")
        return Person(id=account, known_from="jenkins, the build's ApproverAction")

    def said(self) -> Said:
        """Return what was typed into the input's form, as the pipeline passes it on.

        Raises:
            BadInput: the decision is none, or the day no day.
            Refused: nobody said yes or no.
        """
        words = typed.words(self.env, "Jenkins")
        if words.decision is None:
            raise Refused(NO_WORDS, "answer in Jenkins' page of the input, or: ml-release approve --build URL")
        return Said(**asdict(words), code=self.env.get("ML_RELEASE_CODE", ""), vouched=True)

    def announce(self, about: Announcement) -> Sequence[str]:
        """Describe the build, where there is an account that may."""
        if self._client is None:
            return [f"Jenkins: the build is not described without {TOKEN}"]
        try:
            return [announcing.post(about, self.here, self._client)]
        except ReleaseError as error:
            return [f"Jenkins: nothing is announced: {error.what}"]

    def gates(self) -> Sequence[str]:
        """Return how the build's inputs stand; why not, when Jenkins does not say."""
        try:
            build = self.here
        except ReleaseError as error:
            return [f"unknown: {error.what}"]
        waiting = [f"{each.id} waits: {self._address(build.number)}input/" for each in build.waiting]
        return [*waiting, *(f"an input was answered by {name}" for name in build.approvers)]

    def confirm(self, approvals: Sequence[Approval], approvers: Collection[str]) -> None:
        """Hold the answers against what Jenkins knows of this build now. A no comes as an answer, or ends the build.

        Raises:
            Refused: one no longer counts.
        """
        del approvers
        number = self.here.number
        self._reader.look_again()  # copying a model may have taken longer
        gate.confirm(approvals, here.look(self._reader, self.server, number), self._address(number))

    @property
    def here(self) -> Build:
        """This build, as Jenkins knows it; asked once.

        Raises:
            Refused: nothing proves which it is.
            Unavailable: Jenkins does not answer.
            BadInput: the account's token or the certificates cannot be used.
        """
        if not self._asked:
            try:
                asking = Asking(
                    server=self.server, env=self.env, client=self._client, say=self.say, sleep=self.sleep
                )  # fmt: skip
                self._asked.append(here.identify(asking))
            except ReleaseError as error:
                self._asked.append(error)
        found = self._asked[0]
        if isinstance(found, ReleaseError):
            raise found
        return found

    @property
    def _reader(self) -> Client:
        if self._client is None:
            message = "Jenkins: no account may ask"
            raise Refused(message, TOKEN_HINT)
        return self._client

    @cached_property
    def _client(self) -> Client | None:
        user, token = self.env.get(USER, ""), self.env.get(TOKEN, "")
        if not user and not token:
            return None
        return client(open_transport(self.server.url, self.env, self.sleep, TOKEN_HINT), user, token)

    def _address(self, number: int) -> str:
        return f"{self.server.url}/{job_path(self.server.job)}{number or 'unknown'}/"
