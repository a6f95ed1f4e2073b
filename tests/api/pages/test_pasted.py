"""Whom a visitor wants to follow, as pasted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages.pasted import Pasted, read_pasted
from common.github_server import read_server

GITHUB = read_server("https://api.github.com")
SERVER = read_server("https://github.example.com/api/v3")


def logins(text: str) -> list[str | None]:
    return [pasted.login for pasted in read_pasted(text, GITHUB)]


@pytest.mark.parametrize(
    "text",
    [
        "octocat",
        " octocat ",
        "@octocat",
        "octocat/hello-world",
        "octocat/hello.world",
        "https://github.com/octocat",
        "https://github.com/octocat/",
        "HTTPS://GitHub.com/octocat",
        "http://www.github.com/octocat?tab=repositories",
        "github.com/octocat",
        "github.com/octocat/hello-world/issues/7#top",
        "https://github.com/octocat/hello-world.git",
        "git@github.com:octocat/hello-world.git",
        "ssh://git@github.com/octocat/hello-world.git",
        "https://github.com/orgs/octocat/repositories",
        "https://github.com/users/octocat/projects",
        "<https://github.com/octocat>",
        '"octocat"',
    ],
)
def test_login_is_found_in_what_people_paste(text: str) -> None:
    assert logins(text) == ["octocat"]


def test_several_are_read_each_once_in_their_order() -> None:
    assert logins("zoe\n@adam, https://github.com/ZOE/x\r\n\r\neve;") == ["zoe", "adam", "eve"]


def test_organisation_named_orgs_is_a_login() -> None:
    assert logins("https://github.com/orgs") == ["orgs"]


def test_address_of_another_host_names_both() -> None:
    (pasted,) = read_pasted("https://gitlab.com/octocat", GITHUB)

    assert pasted.login is None
    assert pasted.problem == "gitlab.com is not github.com, which is recorded here"


def test_addresses_of_an_enterprise_server_are_its_own() -> None:
    assert read_pasted("https://github.example.com/octocat", SERVER)[0].login == "octocat"
    assert read_pasted("https://github.com/octocat", SERVER)[0].login is None


def test_address_without_a_login_says_so() -> None:
    (pasted,) = read_pasted("https://github.com/", GITHUB)

    assert pasted.problem == "there is no login in it"


@pytest.mark.parametrize(
    ("text", "correction"),
    [
        ("octo cat", "octo-cat"),
        ("octocat!", "octocat"),
        ("_octocat", "octocat"),
        ("o" * 40, "o" * 39),
        ("???", ""),
    ],
)
def test_what_cannot_be_a_login_has_a_correction(text: str, correction: str) -> None:
    (pasted,) = read_pasted(text, GITHUB)

    assert pasted.login is None
    assert pasted.problem.startswith("a login must be")
    assert pasted.correction == correction


def test_empty_text_names_nobody() -> None:
    assert read_pasted(" \n, \n", GITHUB) == []


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    for pasted in read_pasted(text, GITHUB):
        assert isinstance(pasted, Pasted)
        assert (pasted.login is None) == bool(pasted.problem)
