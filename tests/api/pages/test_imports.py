"""``/imports``: upload a file, read the report, apply it and undo it on pages."""

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, text
from starlette.testclient import TestClient

from common.imports import ImportFormat
from common.settings import Settings
from tests import factories
from tests.api.conftest import MakeClient
from tests.api.pages.html import BROWSER, fill, load
from tests.api.pages.test_login import FOREIGN, log_in
from worker.imports.importer import Importer

CONTENT = b"repo,date,stargazers\n900,2024-01-01,5\nocto/cat,2024-01-02,6\nno/one<b>,2024-01-01,5\n"
UPLOAD = "/imports/files?format=csv&name=mine"


@pytest.fixture(autouse=True)
def repository(connection: Connection) -> None:
    user = factories.add_user(connection, 7, "octo")
    factories.add_repository(connection, user, 900, "cat")


@pytest.fixture
def importer(engine: Engine, settings: Settings) -> Importer:
    """What a worker does."""
    return Importer(engine, settings)


def upload(client: TestClient, content: bytes = CONTENT) -> str:
    answer = client.post(UPLOAD, content=content, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    address: str = answer.json()["url"]
    return address


def press(client: TestClient, page: str, action: str) -> str:
    """Send a form of a page; return where it leads."""
    form = fill(load(client, page), action)
    answer = client.post(action, data=form, headers=BROWSER, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_without_imports_the_page_says_so(client: TestClient) -> None:
    page = load(client, "/imports")

    assert "No file has been imported." in page.text
    assert page.one("form", id="upload").attributes["data-url"] == "/imports/files"
    values = [option.attributes["value"] for option in page.one("select").all("option")]
    assert values == list(ImportFormat)
    needs = [option.attributes["data-needs-repo"] for option in page.one("select").all("option")]
    assert needs == ["true" if each.needs_repository else "false" for each in ImportFormat]


def test_a_file_is_uploaded_applied_and_undone(client: TestClient, importer: Importer) -> None:
    address = upload(client)
    page = load(client, address)
    assert page.one("p", class_="lead").text.startswith("reading The file is stored.")
    assert page.all("meta", http_equiv="refresh")
    assert not page.all("form", action=f"{address}/apply")

    import_id = int(address.rpartition("/")[2])
    importer.process(import_id, holder="task")
    page = load(client, address)
    assert not page.all("meta", http_equiv="refresh")
    repositories, refused = page.all("table")
    assert repositories.rows() == [["octo/cat", "900", "id", "2", "2024-01-01 to 2024-01-02"]]
    assert refused.rows() == [["repository no/one<b> is not followed", "1", "4"]]
    assert page.one("form", action=f"{address}/apply").text == "Import 2 days"

    assert press(client, address, f"{address}/apply") == address
    importer.process(import_id, holder="task")
    page = load(client, address)
    assert page.one("p", class_="lead").text == "applied 2 days are imported."
    assert page.one("form", action=f"{address}/undo").text == "Undo this import"
    assert load(client, "/imports").one("table").rows()[0][:4] == [
        *("mine", "applied 2 days are imported.", "2", "1"),
    ]

    assert press(client, address, f"{address}/undo") == "/imports"
    importer.process(import_id, holder="task")
    load(client, address, status=404)


def test_a_refused_file_shows_why(client: TestClient, importer: Importer) -> None:
    address = upload(client, b"nonsense")
    importer.process(int(address.rpartition("/")[2]), holder="task")

    page = load(client, address)

    assert "the first line must name the columns" in page.one("p", class_="lead").text
    assert not page.all("form", action=f"{address}/apply")
    assert page.one("form", action=f"{address}/undo").text == "Delete this import"


def test_a_form_of_an_import_that_cannot_be_applied_any_more_is_explained(
    client: TestClient,
) -> None:
    address = upload(client)

    answer = client.post(f"{address}/apply", headers=BROWSER)

    assert answer.status_code == 409
    assert "A worker reads it as soon as one is free." in answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("format=csv&name=a/b", 422),
        ("format=xls&name=a", 422),
        ("format=github-repo-stats&name=a", 422),
        ("format=csv&name=a&repo=cat", 422),
    ],
)
def test_a_wrong_upload_is_told_to_the_script(client: TestClient, query: str, status: int) -> None:
    answer = client.post(f"/imports/files?{query}", content=b"x")

    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/imports/files?format=csv&name=a", "/imports/1/apply"])
@pytest.mark.parametrize("headers", FOREIGN)
def test_other_sites_can_neither_upload_nor_apply(
    client: TestClient, connection: Connection, path: str, headers: dict[str, str]
) -> None:
    answer = client.post(path, content=b"x", headers=headers)

    assert answer.status_code == 403
    assert connection.execute(text("SELECT count(*) FROM imports")).scalar_one() == 0


def test_with_a_key_changes_need_a_session(make_client: MakeClient, connection: Connection) -> None:
    client = make_client(api_key=SecretStr("correct horse ✓"))
    page = load(client, "/imports")
    assert not page.all("form", id="upload")
    sources = [str(script.attributes["src"]) for script in page.all("script")]
    assert not [source for source in sources if "imports" in source]
    assert page.one("main").all("a", href="/login")

    for path in (UPLOAD, "/imports/1/apply", "/imports/1/undo"):
        answer = client.post(path, content=b"x", headers=BROWSER, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
    assert connection.execute(text("SELECT count(*) FROM imports")).scalar_one() == 0

    log_in(client)
    assert load(client, "/imports").all("form", id="upload")
    assert upload(client).startswith("/imports/")


def test_read_only_pages_show_imports_and_no_form(
    make_client: MakeClient, client: TestClient, importer: Importer
) -> None:
    address = upload(client)
    importer.process(int(address.rpartition("/")[2]), holder="task")
    reader = make_client(read_only=True)

    for path in ("/imports", address):
        forms = load(reader, path).all("form")
        assert {form.attributes.get("role") for form in forms} == {"search"}
    assert reader.post(UPLOAD, content=b"x").status_code == 405
