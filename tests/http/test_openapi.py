"""The description of the HTTP API is what the addresses answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from captioner.bundle.storage import Bundle
from captioner.child_process import ROOT
from captioner.http import openapi
from captioner.http.api import Api
from captioner.http.parameters import READERS, Parameters
from captioner.http.problems import KINDS, MEDIA_TYPE
from captioner.http.problems import ROOT as API
from captioner.inference.captioner import Captioner
from tests.image_files import FILES

DOCUMENT = openapi.document()
PICTURE = ROOT / "captioner" / "drawings" / "pictures" / "dog-with-ball.webp"


@pytest.fixture(scope="module")
def client(committed: Bundle) -> TestClient:
    captioner = Captioner(committed)
    return TestClient(Api(lambda: captioner).application())


def answer_of(path: str, method: str, status: str) -> dict[str, Any]:
    (content,) = DOCUMENT["paths"][path][method]["responses"][status]["content"].values()
    assert isinstance(content, dict)
    return content


def check(value: Any, schema: dict[str, Any]) -> None:
    """Valid, and everything that is there is described."""
    whole = {**schema, "components": DOCUMENT["components"]}
    strict = closed(whole)
    Draft202012Validator.check_schema(strict)
    Draft202012Validator(strict).validate(value)


def closed(schema: Any) -> Any:
    """The schema with no properties but those that it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(each) for key, each in schema.items()}
    named = isinstance(schema.get("properties"), dict)
    return {**inner, "additionalProperties": False} if named else inner


def test_the_document_is_served(client: TestClient) -> None:
    assert client.get(f"{API}/openapi.json").json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["servers"] == [{"url": API}]
    (mount,) = client.app.routes  # type: ignore[attr-defined]
    assert [route.path for route in mount.routes] == [*DOCUMENT["paths"]]


def test_the_example_is_what_the_committed_model_says(client: TestClient) -> None:
    content = answer_of("/captions", "post", "200")
    answer = client.post(f"{API}/captions?words=false&alternatives=1", content=PICTURE.read_bytes())
    check(answer.json(), content["schema"])
    check(content["example"], content["schema"])
    assert flat(answer.json()) == pytest.approx(flat(content["example"]), abs=0.02)  # processors differ


def flat(answer: dict[str, Any]) -> dict[str, Any]:
    (other,) = answer["alternatives"]
    both = {**answer, **{f"other {key}": value for key, value in other.items()}}
    return {key: value for key, value in both.items() if key not in ("alternatives", "warnings")}


def test_a_whole_answer_with_a_warning_is_as_described(client: TestClient) -> None:
    answer = client.post(f"{API}/captions", content=FILES["png"]).json()
    assert answer["words"]
    assert answer["warnings"]
    check(answer, answer_of("/captions", "post", "200")["schema"])
    word = DOCUMENT["components"]["schemas"]["Caption"]["properties"]["words"]["items"]
    check(openapi.EXAMPLE_WORD, word)


def test_health_is_as_described(client: TestClient, committed: Bundle) -> None:
    content = answer_of("/health", "get", "200")
    check(client.get(f"{API}/health").json(), content["schema"])
    check(content["example"], content["schema"])


PROBLEMS = {
    "unknown-parameter": (f"{API}/captions?beam=3", FILES["png"]),
    "invalid-parameter": (f"{API}/captions?beams=0", FILES["png"]),
    "too-large": (f"{API}/captions", bytes(31_000_000)),
}


@pytest.mark.parametrize("kind", PROBLEMS)
def test_an_example_of_a_problem_is_what_is_answered(client: TestClient, kind: str) -> None:
    path, body = PROBLEMS[kind]
    answer = client.post(path, content=body)
    content = answer_of("/captions", "post", str(answer.status_code))
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json() == content["examples"][kind]["value"]
    check(answer.json(), content["schema"])


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for each in inner:
        yield from objects(each)
    if isinstance(schema, dict) and isinstance(schema.get("properties"), dict):
        yield schema


def test_only_the_words_may_be_missing_in_an_answer() -> None:
    optional = [{*each["properties"]} - {*each["required"]} for each in objects(DOCUMENT["components"])]
    assert sorted(optional, key=len) == [set(), set(), set(), set(), set(), {"words"}]


def test_every_parameter_and_every_status_is_described() -> None:
    post = DOCUMENT["paths"]["/captions"]["post"]
    form = post["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert [parameter["name"] for parameter in post["parameters"]] == [*READERS]
    assert {*form["properties"]} == {"picture", *READERS}
    for parameter in post["parameters"]:
        name, schema = parameter["name"], parameter["schema"]
        if "default" in schema:
            assert schema["default"] == getattr(Parameters(), name)
        if "maximum" in schema:
            bounds = (str(schema[bound]) for bound in ("minimum", "maximum"))
            assert [READERS[name](bound) for bound in bounds] == [schema["minimum"], schema["maximum"]]
    refusals = {kind.status for kind in KINDS.values()} - {404, 405}
    assert {*post["responses"]} == {"200", *map(str, refusals)}
