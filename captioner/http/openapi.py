"""The description of the HTTP API (OpenAPI 3.1), kept by hand: four addresses need no library for it.

The tests compare it with what the addresses answer; numbers come from the code that they belong to.
"""

from __future__ import annotations

from typing import Any

from captioner import images
from captioner.arguments import MAX_BEAMS
from captioner.http import problems
from captioner.http.parameters import FORM, MAX_ALTERNATIVES, PICTURE
from captioner.http.problems import KINDS, MEDIA_TYPE, ROOT, Problem
from captioner.image_headers import READABLE_FORMATS
from captioner.inference.warning import SENTENCES

Json = dict[str, Any]

# What the committed model says of drawings/pictures/dog-with-ball.webp, with words=false&alternatives=1.
EXAMPLE: Json = {
    "caption": "a brown dog is playing with a yellow ball in the grass",
    "log_prob": -11.023,
    "score": -1.246,
    "finished": True,
    "calibrated_probability": 0.063,
    "agreement": 1.627,
    "warnings": [],
    "alternatives": [
        {
            "caption": "a brown dog is playing with a tennis ball in the grass",
            "log_prob": -10.729,
            "score": -1.213,
            "finished": True,
            "calibrated_probability": 0.059,
            "agreement": 1.437,
        }
    ],
}
EXAMPLE_WORD: Json = {
    "word": "brown",
    "log_prob": -1.456,
    "calibrated_probability": 0.536,
    "runners_up": {"dog": -1.404, "red": -3.013, "yellow": -3.14, "small": -3.571, "golden": -3.7},
}
EXAMPLE_HEALTH: Json = {"status": "ok", "model_runs": True, "bundle_checksum": "a84fc3bacc13" + 52 * "0"}
EXAMPLE_DETAILS = {  # what a problem may say
    "unknown-parameter": "No parameter is called 'beam': there are beams, alternatives, words. Leave it out.",
    "invalid-parameter": f"The parameter beams must be a whole number from 1 to {MAX_BEAMS}; got '0'.",
    "too-large": f"A picture has at most {images.MAX_BYTES // 10**6} MB. Make it smaller and try again.",
}

_NATS = "in nats"
_CANDIDATE: Json = {
    "caption": {"type": "string", "description": "The sentence."},
    "log_prob": {"type": "number", "description": f"The sum of its words' log-probabilities, {_NATS}."},
    "score": {"type": "number", "description": "log_prob / length^length_penalty."},
    "finished": {"type": "boolean", "description": "Whether it ended before the largest number of words."},
    "calibrated_probability": {
        "type": ["number", "null"],
        "description": "The probability that people use all its content words, too; null if unknown.",
    },
    "agreement": {
        "type": ["number", "null"],
        "description": "Mean CIDEr similarity to the sampled sentences, 0 to 10; null without samples.",
    },
}
_WORD: Json = {
    "word": {"type": "string", "description": "Empty where the sentence ends."},
    "log_prob": {"type": "number", "description": f"{_NATS[0].upper()}{_NATS[1:]}."},
    "calibrated_probability": {
        "type": ["number", "null"],
        "description": "The probability that people use it, too.",
    },
    "runners_up": {
        "type": "object",
        "additionalProperties": {"type": "number"},
        "description": f"The likeliest other words and their log-probabilities, {_NATS}.",
    },
}
_WARNING: Json = {
    "code": {"enum": list(SENTENCES)},
    "sentence": {"type": "string"},
    "advice": {"type": "string"},
    "reason": {"type": "string", "description": "The figures behind it."},
}
_PROBLEM: Json = {
    "type": {"enum": [f"{ROOT}/problems/{name}" for name in KINDS]},
    "title": {"type": "string"},
    "status": {"type": "integer"},
    "detail": {"type": "string", "description": "What to do."},
}


def document() -> Json:
    """The whole description, as JSON can hold it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "captioner",
            "version": "1",
            "summary": "Describes a picture in one sentence, and says how sure it is of each word.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": ROOT}],
        "paths": {
            "/captions": {"post": _captions()},
            "/health": {
                "get": _get("health", "Whether the model runs", "Health", EXAMPLE_HEALTH, ["no-model"])
            },
            "/openapi.json": {"get": _get("openapi", "This description", "", None, [])},
            "/problems/{name}": {"get": _problem_type()},
        },
        "components": {"schemas": _schemas()},
    }


def _captions() -> Json:
    binary: Json = {"schema": {}}  # OpenAPI 3.1 describes the bytes of a body by an empty schema
    fields = {
        PICTURE: {"type": "string", "contentMediaType": "application/octet-stream"},
        **{parameter["name"]: parameter["schema"] for parameter in _parameters()},
    }
    form = {"schema": {"type": "object", "properties": fields, "required": [PICTURE]}}
    refusals = [name for name in KINDS if name not in ("not-found", "method-not-allowed")]
    return {
        "operationId": "caption",
        "summary": "Describe a picture",
        "description": f"{READABLE_FORMATS} files of up to {images.MAX_BYTES // 10**6} MB are read. Nothing "
        "of them is kept. The parameters may be fields of the form instead.",
        "parameters": _parameters(),
        "requestBody": {
            "required": True,
            "content": {"image/*": binary, "application/octet-stream": binary, FORM: form},
        },
        "responses": {
            "200": {"description": "The caption", "content": _json("Caption", EXAMPLE)},
            **_problems(refusals),
        },
    }


def _parameters() -> list[Json]:
    return [
        _parameter(
            "beams",
            "How many sentences the search keeps at once; 1 is greedy. By default as the model was measured.",
            {"type": "integer", "minimum": 1, "maximum": MAX_BEAMS},
        ),
        _parameter(
            "alternatives",
            "How many other sentences the answer has at most.",
            {"type": "integer", "minimum": 0, "maximum": MAX_ALTERNATIVES, "default": MAX_ALTERNATIVES},
        ),
        _parameter(
            "words",
            "Whether the answer has every word with its probability.",
            {"type": "boolean", "default": True},
        ),
    ]


def _parameter(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _get(name: str, summary: str, schema: str, example: Json | None, refusals: list[str]) -> Json:
    content = _json(schema, example) if example else {"application/json": {"schema": {"type": "object"}}}
    ok = {"description": summary, "content": content}
    return {"operationId": name, "summary": summary, "responses": {"200": ok, **_problems(refusals)}}


def _problem_type() -> Json:
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": [*KINDS]}}
    return {**_get("problem", "What a type of problem means", "", None, ["not-found"]), "parameters": [name]}


def _json(schema: str, example: Json) -> Json:
    return {"application/json": {"schema": _reference(schema), "example": example}}


def _problems(names: list[str]) -> Json:
    """The answers of these kinds, by status; several kinds may share one."""
    by_status: dict[int, list[str]] = {}
    for name in names:
        by_status.setdefault(KINDS[name].status, []).append(name)
    answers: Json = {}
    for status, kinds in by_status.items():
        known = [Problem(name, EXAMPLE_DETAILS[name]) for name in kinds if name in EXAMPLE_DETAILS]
        examples = {problem.kind: {"value": problems.document(problem)} for problem in known}
        content = {"schema": _reference("Problem"), **({"examples": examples} if examples else {})}
        answers[str(status)] = {
            "description": "; ".join(KINDS[name].title for name in kinds),
            "content": {MEDIA_TYPE: content},
        }
        if status == 503:
            answers["503"]["headers"] = {
                "Retry-After": {"description": "Seconds until another try", "schema": {"type": "integer"}}
            }
    return answers


def _schemas() -> Json:
    candidate = _object(_CANDIDATE)
    caption = _object(
        {
            **_CANDIDATE,
            "warnings": _list(_object(_WARNING), "Why the sentence may be wrong."),
            "words": _list({**_object(_WORD), "examples": [EXAMPLE_WORD]}, "Its words; none if words=false."),
            "alternatives": _list(candidate, "Other sentences, best first."),
        },
        optional=["words"],
    )
    health = _object(
        {
            "status": {"const": "ok"},
            "model_runs": {"const": True},
            "bundle_checksum": {
                "type": "string",
                "description": "SHA-256 of the model's manifest: which model it is.",
            },
        }
    )
    return {"Caption": caption, "Health": health, "Problem": _object(_PROBLEM)}


def _object(properties: Json, optional: list[str] | None = None) -> Json:
    required = [name for name in properties if name not in (optional or ())]
    return {"type": "object", "properties": properties, "required": required}


def _list(items: Json, description: str) -> Json:
    return {"type": "array", "items": items, "description": description}


def _reference(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}
