"""A dashboard that is left open: each thing that it refuses, asked of one that runs."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from acceptance_support import Gate, Running, Tuner, records_of, wait_until
from asking import ADDRESS, Answer, ask, basic, raw
from optuna.artifacts import FileSystemArtifactStore

TOKEN = "0123456789abcdef0123456789abcdef"
HTML = b"<script>document.title = 'it ran'</script>"
#: Whatever optuna-dashboard 0.21 takes a change by.
WRITES = [
    ("POST", "/api/studies"),
    ("POST", "/api/studies/{study}/rename"),
    ("DELETE", "/api/studies/{study}"),
    ("PUT", "/api/studies/{study}/note"),
    ("PUT", "/api/studies/{study}/{trial}/note"),
    ("POST", "/api/studies/{study}/preference"),
    ("PUT", "/api/studies/{study}/preference_feedback_component"),
    ("POST", "/api/studies/{study}/preference/1"),
    ("DELETE", "/api/studies/{study}/preference/1"),
    ("POST", "/api/studies/{study}/{trial}/skip"),
    ("POST", "/api/trials/{trial}/tell"),
    ("POST", "/api/trials/{trial}/user-attrs"),
    ("POST", "/api/artifacts/{study}/{trial}"),
    ("POST", "/api/artifacts/{study}"),
    ("DELETE", "/api/artifacts/{study}/{trial}/00"),
    ("DELETE", "/api/artifacts/{study}/00"),
    ("POST", "/api/llm/trial_filter_query"),
    ("POST", "/api/llm/generate_plotly_graph_query"),
    ("POST", "/api/llm/re_generate_plotly_graph_query"),
    ("POST", "/incompatible-rdb-schema"),
]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A folder with a finished study of tuner's, one of plain Optuna beside it, and files of artifacts."""

    tuner: Tuner
    url: str
    #: Ids of the study of tuner's and of a trial in it.
    study: int
    trial: int
    #: Ids of the study of plain Optuna and of a trial that runs in it.
    plain: int
    running: int
    #: Ids of an HTML page and of an SVG picture, uploaded to the running trial.
    html: str
    svg: str

    def path(self, template: str) -> str:
        return template.format(study=self.study, trial=self.trial)

    def storage(self) -> optuna.storages.RDBStorage:
        return optuna.storages.RDBStorage(self.url)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, new_tuner: Callable[[Path], Tuner]) -> Scene:
    tuner = new_tuner(tmp_path_factory.mktemp("scene"))
    tuner.ok("start", tuner.toy_study("ours", budget={"trials": 2}))
    (tuner.folder / "files").mkdir()
    (tuner.folder / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    (tuner.folder / "users").write_text("# who may look\nada:correct horse\nbob:b:b\n", encoding="utf-8")
    url = f"sqlite:///{tuner.folder}/tuner.db"
    storage = optuna.storages.RDBStorage(url)
    study = optuna.load_study(study_name="ours", storage=storage)
    plain = optuna.create_study(study_name="plain", storage=storage)
    running = plain.ask()
    store = FileSystemArtifactStore(tuner.folder / "files")
    made = {}
    for name, content, kind in (("page.html", HTML, "text/html"), ("picture.svg", b"<svg/>", "image/svg+xml")):
        made[name] = str(uuid.uuid4())
        store.write(made[name], io.BytesIO(content))
        meta = {"artifact_id": made[name], "filename": name, "mimetype": kind, "encoding": None}
        storage.set_trial_system_attr(running._trial_id, f"artifacts:{made[name]}", json.dumps(meta))
    trial = study.get_trials(deepcopy=False)[0]
    storage.remove_session()
    storage.engine.dispose()
    return Scene(
        tuner=tuner,
        url=url,
        study=study._study_id,
        trial=trial._trial_id,
        plain=plain._study_id,
        running=running._trial_id,
        html=made["page.html"],
        svg=made["picture.svg"],
    )


@pytest.fixture(scope="module")
def shown(scene: Scene) -> Iterator[str]:
    """The address of a dashboard as it is by default."""
    with scene.tuner.running("dashboard", "--port", "0", "--artifacts", "files") as running:
        yield running.wait_for(ADDRESS)[1]


@pytest.fixture(scope="module")
def changing(scene: Scene) -> Iterator[str]:
    """The address of a dashboard that listens everywhere, asks for a log-in, and takes changes."""
    arguments = ("--host", "0.0.0.0", "--port", "0", "--allow-writes", "--artifacts", "files")
    access = ("--token-file", "token", "--auth-file", "users", "--allow-host", "tune.example.com")
    named = scene.tuner.within(TUNER_DASHBOARD_HOSTS="second.example, 2001:DB8:0::1")
    with named.running("dashboard", *arguments, *access) as running:
        yield running.wait_for(ADDRESS)[1].replace("0.0.0.0", "127.0.0.1")


@pytest.fixture
def unchanged(scene: Scene) -> Iterator[None]:
    """Fail a test after which the database is another."""
    before = content_of(scene)
    yield
    assert content_of(scene) == before


def content_of(scene: Scene) -> dict[str, list[Any]]:
    import sqlalchemy as sa

    engine = sa.create_engine(scene.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        tables = {name: sorted(map(repr, connection.execute(sa.text(f"SELECT * FROM {name}")))) for name in names}
    return {**tables, "files": sorted(path.name for path in (scene.tuner.folder / "files").iterdir())}


# --- By default it only shows.


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.usefixtures("unchanged")
def test_a_change_is_refused_unless_changes_are_allowed(scene: Scene, shown: str, method: str, path: str) -> None:
    answer = ask(shown, scene.path(path), method=method, send={"study_name": "other", "state": "Fail", "body": "x"})
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"
    if path.startswith("/api/"):
        assert "--allow-writes" in answer.json["reason"]


@pytest.mark.parametrize("method", ["PATCH", "OPTIONS", "TRACE", "PROPFIND", "delete", "Get", "CONNECT", "FOO"])
@pytest.mark.usefixtures("unchanged")
def test_an_odd_method_is_refused(scene: Scene, shown: str, changing: str, method: str) -> None:
    for address in (shown, changing):
        answer = ask(address, f"/api/studies/{scene.plain}", method=method, authorization=f"Bearer {TOKEN}")
        assert answer.status in (400, 405)


@pytest.mark.parametrize("header", ["x_http_method_override", "x_http_method", "x_method_override"])
@pytest.mark.usefixtures("unchanged")
def test_a_method_in_a_header_is_not_heeded(scene: Scene, shown: str, header: str) -> None:
    path = f"/api/studies/{scene.plain}"
    assert ask(shown, path, **{header: "DELETE"}).json["name"] == "plain"
    assert ask(shown, f"{path}?_method=DELETE").status == 200
    assert ask(shown, path, method="POST", send={"_method": "DELETE"}, **{header: "DELETE"}).status == 405


@pytest.mark.usefixtures("unchanged")
def test_every_page_is_read_without_a_write(scene: Scene, shown: str) -> None:
    paths = [
        "/",
        "/dashboard",
        "/dashboard/studies/1",
        "/api/meta",
        "/api/studies",
        "/api/studies/{study}",
        "/csv/{study}",
    ]
    paths += ["/api/studies/{study}/param_importances", "/favicon.ico", "/static/bundle.js", "/incompatible-rdb-schema"]
    answers = {path: ask(shown, scene.path(path)).status for path in paths}
    assert answers == dict.fromkeys(paths, 200) | {"/": 302, "/incompatible-rdb-schema": 302}
    assert ask(shown, "/dashboard", method="HEAD").body == b""


def test_what_optuna_might_write_the_database_refuses(scene: Scene) -> None:
    from storage import Database

    with Database(scene.url) as database, pytest.raises(optuna.exceptions.StorageInternalError):
        database.optuna_reader.set_study_user_attr(scene.plain, "written", 1)


# --- Who asks, and by which name.


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "[::2]",
        "",
        None,
        "a,b",
    ],
)
def test_another_host_is_refused(shown: str, host: str | None) -> None:
    port = shown.rsplit(":", 1)[1]
    answer = ask(shown, "/api/studies", host=host.format(port=port) if host else host)
    assert answer.status in (400, 403)
    assert b"study_summaries" not in answer.body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "[::1]", "[0:0:0:0:0:0:0:1]"])
def test_this_machine_is_asked_by_any_of_its_names_at_any_port(shown: str, host: str) -> None:
    assert ask(shown, "/api/studies", host=host).status == 200
    assert ask(shown, "/api/studies", host=f"{host}:1234").status == 200


def test_a_name_is_allowed(changing: str) -> None:
    known = f"Bearer {TOKEN}"
    for host in ("tune.example.com", "Tune.Example.com:443", "second.example", "[2001:db8::1]:8080"):
        assert ask(changing, "/api/studies", host=host, authorization=known).status == 200
    for host in ("evil.tune.example.com", "example.com", "[2001:db8::2]"):
        assert ask(changing, "/api/studies", host=host, authorization=known).status == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://", "http://127.0.0.1:x", ""],
)
@pytest.mark.usefixtures("unchanged")
def test_another_origin_is_refused_whatever_it_knows(scene: Scene, shown: str, changing: str, origin: str) -> None:
    path = f"/api/studies/{scene.plain}"
    assert ask(shown, path, origin=origin).status == 403
    for method in ("GET", "DELETE"):
        answer = ask(changing, path, method=method, send={}, origin=origin, authorization=f"Bearer {TOKEN}")
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.usefixtures("unchanged")
def test_a_change_that_a_page_elsewhere_sends_is_refused(scene: Scene, changing: str, site: str) -> None:
    path, known = f"/api/studies/{scene.plain}", f"Bearer {TOKEN}"
    assert ask(changing, path, method="DELETE", send={}, sec_fetch_site=site, authorization=known).status == 403


@pytest.mark.parametrize("path", ["/api/studies", "/dashboard", "/", "/static/bundle.js", "/artifacts/1/1/00", "/x"])
def test_who_does_not_log_in_is_shown_nothing(changing: str, path: str) -> None:
    answer = ask(changing, path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert len(answer.body) < 200


@pytest.mark.parametrize(
    "known",
    [
        *("", "Bearer", "Basic", "Basic !!!", f"Token {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"),
        *(basic("ada", "wrong"), basic("bob", "correct horse"), basic("", "")),
    ],
)
def test_who_does_not_know_the_token_is_shown_nothing(changing: str, known: str) -> None:
    assert ask(changing, "/api/studies", authorization=known).status == 401


@pytest.mark.parametrize(
    "known",
    [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("any", TOKEN), basic("ada", "correct horse"), basic("bob", "b:b")],
)
def test_who_knows_it_is_shown_the_studies(changing: str, known: str) -> None:
    answer = ask(changing, "/api/studies", authorization=known)
    assert "ours" in {study["study_name"] for study in answer.json["study_summaries"]}


def test_guesses_are_bounded(scene: Scene) -> None:
    with scene.tuner.within(TUNER_DASHBOARD_TOKEN=TOKEN).running("dashboard", "--port", "0") as running:
        address = running.wait_for(ADDRESS)[1]
        guesses = [ask(address, "/api/studies", authorization="Bearer 0").status]
        while guesses[-1] == 401 and len(guesses) < 1000:
            guesses.append(ask(address, "/api/studies", authorization=f"Bearer {len(guesses)}").status)
        assert guesses[-1] == 429
        assert guesses[:20] == [401] * 20
        assert ask(address, "/healthz").status == 200


# --- What changes are refused where changes are allowed.


def change(address: str, method: str, path: str, document: object) -> Answer:
    """Send a change as the page does."""
    known = {"authorization": f"Bearer {TOKEN}", "origin": address, "sec_fetch_site": "same-origin"}
    return ask(address, path, method=method, send=document, **known)


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-Infinity", None, "0.5", True, [1.0]])
@pytest.mark.usefixtures("unchanged")
def test_a_value_that_is_no_number_is_not_told(scene: Scene, changing: str, value: object) -> None:
    answer = change(changing, "POST", f"/api/trials/{scene.running}/tell", {"state": "Complete", "values": [value]})
    assert answer.status == 400
    assert "finite" in answer.json["reason"]


@pytest.mark.parametrize(
    "values", [b"[NaN]", b"[Infinity]", b"[-Infinity]", b"[1e999]", b"[]", b"[1, 2]", b"1", b"null", b"{}"]
)
@pytest.mark.usefixtures("unchanged")
def test_a_value_is_not_told_however_it_is_written(scene: Scene, changing: str, values: bytes) -> None:
    body = b'{"state": "Complete", "values": ' + values + b"}"
    path = f"/api/trials/{scene.running}/tell"
    known = f"Bearer {TOKEN}"
    for kind in ("application/json", "Application/JSON; charset=utf-8"):
        assert ask(changing, path, method="POST", body=body, content_type=kind, authorization=known).status == 400
    for kind in ("text/plain", "application/json-rpc", "application/x-www-form-urlencoded"):
        assert ask(changing, path, method="POST", body=body, content_type=kind, authorization=known).status == 415


@pytest.mark.parametrize(
    ("method", "path", "document"),
    [
        ("POST", "/api/studies/{study}/rename", {"study_name": "other"}),
        ("DELETE", "/api/studies/{study}", {}),
        ("DELETE", "/api/studies/{study}/", {}),
        ("POST", "/api/trials/{trial}/tell", {"state": "Complete", "values": [1.0]}),
        ("POST", "/api/trials/{trial}/tell", {"state": "Fail"}),
        ("POST", "/api/trials/{trial}/user-attrs", {"user_attrs": {"effective": {}}}),
        ("POST", "/api/trials/{trial}/user-attrs", {"user_attrs": {"evaluation:010": {}}}),
        ("POST", "/api/studies/{study}/preference", {"mode": "ChooseWorst", "candidates": [0, 1], "clicked": 0}),
        ("POST", "/api/studies/{study}/{trial}/skip", {}),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_study_of_tuner_is_not_taken_from_its_workers(
    scene: Scene, changing: str, method: str, path: str, document: object
) -> None:
    answer = change(changing, method, scene.path(path), document)
    assert answer.status == 409
    assert "tuner" in answer.json["reason"] or "workers" in answer.json["reason"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/rename"), ("DELETE", "")])
@pytest.mark.usefixtures("unchanged")
def test_a_study_of_optuna_is_kept_while_trials_run(scene: Scene, changing: str, method: str, path: str) -> None:
    answer = change(changing, method, f"/api/studies/{scene.plain}{path}", {"study_name": "other"})
    assert answer.status == 409
    assert "1 running" in answer.json["reason"]


@pytest.mark.usefixtures("unchanged")
def test_studies_and_what_nobody_has_looked_at_are_not_made_from_the_page(scene: Scene, changing: str) -> None:
    made = change(changing, "POST", "/api/studies", {"study_name": "fresh", "directions": ["minimize"]})
    assert (made.status, "tuner start" in made.json["reason"]) == (403, True)
    for path in ("/incompatible-rdb-schema", "/api/llm/trial_filter_query", "/api/new", "/api/studies//1/note"):
        assert change(changing, "POST", path, {}).status == 405


@pytest.mark.usefixtures("unchanged")
def test_a_change_that_is_too_long_or_of_no_length_is_refused(scene: Scene, changing: str) -> None:
    path, known = f"/api/studies/{scene.plain}/note", f"Bearer {TOKEN}"
    headers = {"content_type": "application/json", "authorization": known}
    assert ask(changing, path, method="PUT", content_length=str(1 << 40), **headers).status == 413
    long = b'{"version": 1, "body": "' + b"x" * (1 << 20) + b'"}'
    assert ask(changing, path, method="PUT", body=long, **headers).status == 413
    host = changing.removeprefix("http://")
    request = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {known}\r\nContent-Type: application/json\r\n"
    chunked = f'{request}Transfer-Encoding: chunked\r\n\r\n1f\r\n{{"version": 1, "body": "hello"}}\r\n0\r\n\r\n'
    assert raw(changing, chunked.encode()).startswith(b"HTTP/1.1 411")
    assert ask(changing, "/api/studies", body=b"x" * 100, authorization=known).status == 413
    deep = b'{"body": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert ask(changing, path, method="PUT", body=deep, **headers).status == 400


def test_notes_attributes_files_and_finite_values_are_taken(scene: Scene, changing: str) -> None:
    known = ask(changing, f"/api/studies/{scene.study}", authorization=f"Bearer {TOKEN}").json["note"]
    note = {"version": known["version"] + 1, "body": "# Seen"}
    assert change(changing, "PUT", f"/api/studies/{scene.study}/note", note).status == 204
    trial = optuna.load_study(study_name="plain", storage=scene.storage()).ask()._trial_id
    assert change(changing, "POST", f"/api/trials/{trial}/user-attrs", {"user_attrs": {"mark": 3}}).status == 204
    file = {"file": "data:text/html;base64,PHA+aGk8L3A+", "filename": "mine.html"}
    uploaded = change(changing, "POST", f"/api/artifacts/{scene.plain}/{trial}", file)
    assert uploaded.status == 201
    path = f"artifacts/{scene.plain}/{trial}/{uploaded.json['artifact_id']}"
    assert ask(changing, f"/{path}", authorization=f"Bearer {TOKEN}").body == b"<p>hi</p>"
    assert change(changing, "DELETE", f"/api/{path}", None).status == 204
    assert ask(changing, f"/{path}", authorization=f"Bearer {TOKEN}").status == 404
    told = change(changing, "POST", f"/api/trials/{trial}/tell", {"state": "Complete", "values": [0.25]})
    assert told.status == 204
    detail = ask(changing, f"/api/studies/{scene.plain}", authorization=f"Bearer {TOKEN}").json
    ended = next(each for each in detail["trials"] if each["trial_id"] == trial)
    assert (ended["state"], ended["values"], ended["user_attrs"]) == (
        "Complete",
        [0.25],
        [{"key": "mark", "value": "3"}],
    )
    assert (
        ask(changing, f"/api/studies/{scene.study}", authorization=f"Bearer {TOKEN}").json["note"]["body"] == "# Seen"
    )


# --- Files, and paths that lead elsewhere.


@pytest.mark.parametrize("kind", ["html", "svg"])
def test_a_file_is_sent_so_that_no_script_in_it_runs(scene: Scene, shown: str, kind: str) -> None:
    answer = ask(shown, f"/artifacts/{scene.plain}/{scene.running}/{getattr(scene, kind)}")
    assert answer.status == 200
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/1/1/..%2f..%2ftuner.db",
        "/artifacts/1/1/../../../tuner.db",
        "/artifacts/1/1/%2e%2e/%2e%2e/token",
        "/artifacts/%2e%2e/token",
        "/artifacts//etc/passwd",
        "/static/../../_app.py",
        "/static/..%2f..%2f_app.py",
        "/static/%2e%2e/index.html",
        "/static//etc/passwd",
        "/static/..\\..\\_app.py",
        "/dashboard/../api/studies",
        "//api/studies",
        "/api%2fstudies%00",
        "/%2e%2e/%2e%2e/etc/passwd",
    ],
)
def test_a_path_leads_nowhere_else(shown: str, path: str) -> None:
    answer = ask(shown, path)
    assert answer.status in (400, 403, 404) or b"<title>Optuna Dashboard</title>" in answer.body
    assert b"root:" not in answer.body
    assert b"SQLite format" not in answer.body
    assert b"import bottle" not in answer.body
    assert TOKEN.encode() not in answer.body


@pytest.mark.usefixtures("unchanged")
def test_a_change_by_another_spelling_of_its_path_is_refused_as_well(scene: Scene, changing: str) -> None:
    for path in ("/api%2Fstudies%2F{study}", "/api/studies/{study}//", "/api/studies/%31", "/api/./studies/{study}"):
        assert change(changing, "DELETE", scene.path(path), {}).status in (404, 405, 409)


@pytest.mark.parametrize(
    "target", ["http://evil.example/api/studies", "http://127.0.0.1/api/studies", "*", "evil.example:80", "api/studies"]
)
def test_a_request_for_another_address_is_refused(shown: str, target: str) -> None:
    host = shown.removeprefix("http://")
    for method in ("GET", "OPTIONS"):
        request = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        received = raw(shown, request.encode())
        assert received.startswith((b"HTTP/1.1 400", b"HTTP/1.1 405"))
        assert b"study_summaries" not in received


def test_headers_of_a_proxy_change_nothing(shown: str) -> None:
    answer = ask(shown, "/", x_forwarded_host="evil.example", x_forwarded_proto="https")
    assert (answer.status, answer.headers["location"]) == (302, "/dashboard")
    assert ask(shown, "/api/studies", host="evil.example", x_forwarded_host="127.0.0.1").status == 403
    host = shown.removeprefix("http://")
    request = f"GET /x/api/studies HTTP/1.1\r\nHost: {host}\r\nSCRIPT_NAME: /x\r\nConnection: close\r\n\r\n"
    assert b"study_summaries" not in raw(shown, request.encode())


@pytest.mark.parametrize(
    "path", ["/dashboard", "/api/studies", "/static/bundle.js", "/healthz", "/nowhere", "/artifacts/1/00"]
)
def test_every_answer_says_what_browsers_must_not_do_with_it(shown: str, path: str) -> None:
    headers = ask(shown, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"].partition("script-src")[2]
    assert not [name for name in headers if name.startswith("access-control")]


# --- How it may be started.


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_is_not_served_to_others_without_a_log_in(scene: Scene, host: str) -> None:
    done = scene.tuner.run("dashboard", "--port", "0", "--host", host)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--token-file" in done.stderr


@pytest.mark.parametrize(
    ("environment", "arguments", "message"),
    [
        ({"TUNER_DASHBOARD_TOKEN": "short"}, (), "fewer than 16"),
        ({"TUNER_DASHBOARD_TOKEN": TOKEN, "TUNER_DASHBOARD_TOKEN_FILE": "token"}, (), "two tokens"),
        ({}, ("--token-file", "nowhere"), "nowhere cannot be read: No such file"),
        ({}, ("--token-file", "empty"), "holds no token"),
        ({}, ("--auth-file", "empty"), "holds no line"),
        ({}, ("--auth-file", "token"), "line 1 is not `user:password`"),
        ({}, ("--allow-host", "http://x"), "is no name to allow"),
        ({"TUNER_DASHBOARD_HOSTS": "good.example, x:80"}, (), "'x:80' is no name to allow"),
    ],
)
def test_a_log_in_that_cannot_be_is_said_in_a_line(
    scene: Scene, environment: dict[str, str], arguments: tuple[str, ...], message: str
) -> None:
    (scene.tuner.folder / "empty").touch()
    done = scene.tuner.within(**environment).run("dashboard", "--port", "0", *arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert TOKEN not in done.stderr


# --- The defect that all of this is for.


def test_a_worker_goes_on_whatever_is_asked_of_the_dashboard(tuner: Tuner) -> None:
    gate = Gate(tuner.folder / "gate")
    url = f"sqlite:///{tuner.folder}/tuner.db"
    running: Running
    with tuner.within(**gate.environment).running("start", tuner.toy_study("live", budget={"trials": 2})) as running:
        running.wait_for("trial 0")
        slot = wait_until(
            lambda: next((each for each in records_of("live", url).slots if each.trial_id is not None), None), "a trial"
        )
        arguments = ("dashboard", "--port", "0", "--allow-writes")
        with tuner.within(TUNER_DASHBOARD_TOKEN=TOKEN).running(*arguments) as dashboard:
            address = dashboard.wait_for(ADDRESS)[1]
            known = f"Bearer {TOKEN}"
            attacks = [
                ("POST", "/api/studies/1/rename", {"study_name": "stolen"}),
                ("DELETE", "/api/studies/1", {}),
                ("POST", f"/api/trials/{slot.trial_id}/tell", {"state": "Fail"}),
                ("POST", f"/api/trials/{slot.trial_id}/tell", {"state": "Complete", "values": [1.0]}),
            ]
            for method, path, document in attacks:
                assert ask(address, path, method=method, send=document).status == 401
                foreign = ask(
                    address, path, method=method, send=document, origin="http://evil.example", authorization=known
                )
                assert foreign.status == 403
                assert change(address, method, path, document).status == 409
        gate.open()
        assert running.wait() == 0, running.stderr
    records = records_of("live", url)
    assert records.states == {"COMPLETE": 2}
    assert [trial["restarts"] for trial in records.trials] == [0, 0]
