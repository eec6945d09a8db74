"""Who is let in as an organiser, and that no method of the service works for anybody else."""

import inspect
import stat
from pathlib import Path

import pytest

from annotation.store import RatingStore
from app.access.organiser import (
    FILE_NAME,
    OAUTH,
    SECRET_NAME,
    SESSION_S,
    Authority,
    NotAuthorised,
    open_authority,
)
from app.study.service import StudyService

SECRET = "a secret of some length"


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_secret_opens_a_session_that_ends_by_itself_or_on_leaving() -> None:
    clock = Seconds()
    authority = Authority(SECRET, clock=clock)
    first, second = authority.unlock(SECRET), authority.unlock(f" {SECRET}\n")
    assert first != second
    authority.require(first)
    authority.leave(first)
    with pytest.raises(NotAuthorised):
        authority.require(first)
    clock.now = SESSION_S + 1
    with pytest.raises(NotAuthorised):
        authority.require(second)


@pytest.mark.parametrize("session", ["", "forged", None, 0, True, [], {}, "\ud800", SECRET])
def test_nothing_but_a_session_that_was_given_out_is_one(session: object) -> None:
    authority = Authority(SECRET)
    authority.unlock(SECRET)
    with pytest.raises(NotAuthorised, match="enter the secret"):
        authority.require(session)
    authority.leave(session)


@pytest.mark.parametrize("secret", ["", None, 5, [], SECRET[:-1], SECRET.upper(), "\ud800"])
def test_any_other_secret_is_refused(secret: object) -> None:
    with pytest.raises(NotAuthorised) as refusal:
        Authority(SECRET).unlock(secret)
    assert SECRET not in str(refusal.value)


IDENTITY = "62f0c0ffee00000000000abc"


def test_an_account_of_the_list_enters_and_no_other() -> None:
    authority = Authority(SECRET, frozenset({IDENTITY, "amina"}))
    for profile in ({"sub": IDENTITY, "preferred_username": "x"}, {"sub": "9", "preferred_username": "amina"}):
        authority.require(authority.unlock_profile(profile))
    for profile in (None, {}, {"sub": "9", "preferred_username": "someone"}, {"name": "amina"}):
        with pytest.raises(NotAuthorised):
            authority.unlock_profile(profile)
    with pytest.raises(NotAuthorised):  # without a list nobody enters by an account, not even one called None
        Authority(SECRET).unlock_profile({"sub": "None"})


def test_nobody_enters_by_taking_an_organisers_id_for_a_user_name() -> None:
    authority = Authority(SECRET, frozenset({IDENTITY, "amina"}))
    for profile in ({"sub": "9", "preferred_username": IDENTITY}, {"sub": "amina", "preferred_username": "x"}):
        with pytest.raises(NotAuthorised):
            authority.unlock_profile(profile)


def test_accounts_count_only_on_a_space_that_has_its_login(tmp_path: Path) -> None:
    """Elsewhere Gradio gives every visitor the account of whoever runs the program."""
    named = {SECRET_NAME: SECRET, "AGL_ORGANISERS": " a, b ,"}
    space = {"SYSTEM": "spaces", **dict.fromkeys(OAUTH, "x")}
    assert open_authority(tmp_path, {**named, **space})[0].names == {"a", "b"}
    for environment in (named, {**named, "SYSTEM": "spaces"}, {**named, **space, "OAUTH_CLIENT_SECRET": ""}):
        authority, _ = open_authority(tmp_path, environment)
        assert authority.names == frozenset()
        with pytest.raises(NotAuthorised):
            authority.unlock_profile({"sub": "1", "preferred_username": "a"})


def test_the_first_start_makes_a_secret_that_only_its_owner_reads_and_shows_it_once(tmp_path: Path) -> None:
    authority, fresh = open_authority(tmp_path, {})
    assert fresh is not None
    assert len(fresh) >= 32
    authority.require(authority.unlock(fresh))
    path = tmp_path / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    again, shown = open_authority(tmp_path, {})
    assert shown is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again.unlock(fresh)


def test_the_environment_names_the_secret_and_a_short_one_is_refused(tmp_path: Path) -> None:
    authority, shown = open_authority(tmp_path, {SECRET_NAME: SECRET})
    authority.unlock(SECRET)
    assert shown is None
    assert not (tmp_path / FILE_NAME).exists()
    for short in ("", "short"):
        with pytest.raises(NotAuthorised, match="at least 12"):
            open_authority(tmp_path, {SECRET_NAME: short})
    (tmp_path / FILE_NAME).write_text("\n")
    with pytest.raises(NotAuthorised, match="delete it"):
        open_authority(tmp_path, {})


def test_every_method_of_the_desk_refuses_whoever_has_no_session(tmp_path: Path) -> None:
    """Found by inspection, so that a method added later is held to it as well."""
    with RatingStore.open("sqlite://") as store:
        service = StudyService(store, Authority(SECRET), tmp_path, "explore")
        methods = {name: one for name, one in inspect.getmembers(service, inspect.ismethod) if not name.startswith("_")}
        assert len(methods) >= 12
        for name, method in methods.items():
            first, *others = inspect.signature(method).parameters.values()
            assert first.name == "session", name
            named = {one.name: None for one in others if one.kind is one.KEYWORD_ONLY}
            with pytest.raises(NotAuthorised):
                method("forged", *[None] * (len(others) - len(named)), **named)
        assert store.studies() == []
