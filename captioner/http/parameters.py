"""What a request asks for: a picture, as the body or as a field of a form, and parameters."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from captioner import arguments
from captioner.http.problems import Problem
from captioner.image_headers import READABLE_FORMATS

PICTURE = "picture"  # the field of a form
MAX_ALTERNATIVES = 100
MAX_FIELDS = 10  # of a form
MAX_FIELD = 1000  # bytes of one that is no picture
FORM = "multipart/form-data"


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false; got {text!r}")
    return text == "true"


READERS: dict[str, Callable[[str], Any]] = {  # as the command line reads them
    "beams": arguments.beams,
    "alternatives": partial(arguments.count, maximum=MAX_ALTERNATIVES, minimum=0),
    "words": _boolean,
}


@dataclass(frozen=True)
class Parameters:
    """How to search, and what of the answer to leave out."""

    beams: int | None = None  # None: as many as the bundle says
    alternatives: int = MAX_ALTERNATIVES  # at most so many
    words: bool = True  # whether the answer has the words one by one

    @classmethod
    def read(cls, items: Iterable[tuple[str, str]]) -> Parameters:
        """Read names and values.

        Raises:
            Problem: a name is unknown or there twice, or a value is out of its range.
        """
        values: dict[str, Any] = {}
        for name, text in items:
            if name not in READERS:
                raise Problem(
                    "unknown-parameter",
                    f"no parameter is called {_quoted(name)}: there are {', '.join(READERS)}. Leave it out.",
                )
            if name in values:
                raise Problem("invalid-parameter", f"the parameter {name} is there twice. Send it once.")
            try:
                values[name] = READERS[name](text[:MAX_FIELD])
            except argparse.ArgumentTypeError as error:
                raise Problem("invalid-parameter", f"the parameter {name} {error}.") from error
        return cls(**values)


def check_media_type(content_type: str) -> None:
    """Raise a ``Problem`` where a body of this type is neither a picture nor a form that may hold one."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not media_type.startswith("image/") and media_type not in ("", "application/octet-stream", FORM):
        raise Problem(
            "unsupported-type",
            f"the body is of the type {_quoted(media_type)}. Send the bytes of the file as image/jpeg, "
            f"another image type or application/octet-stream, or a form ({FORM}) with the file as {PICTURE}.",
        )


def split(body: bytes, content_type: str) -> tuple[bytes, list[tuple[str, str]]]:
    """The picture of a body, and the parameters, which a form may have, too.

    Raises:
        Problem: the form is malformed, or has no picture or several.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        picture, fields = [body], []
    else:
        form = _Form()
        form.parse(body, content_type)
        picture = [bytes(data) for name, data in form.parts if name == PICTURE]
        fields = [(name, data.decode(errors="replace")) for name, data in form.parts if name != PICTURE]
    if len(picture) != 1 or not picture[0]:
        raise Problem(
            "no-picture",
            f"send one picture ({READABLE_FORMATS}): as the body of the request, or as the file {PICTURE} of "
            f"a form; got {len([one for one in picture if one]) or 'none'}.",
        )
    return picture[0], fields


class _Form:
    """A form (RFC 7578) in memory: ``parts`` are names and values. File names and types are not looked at."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, bytearray]] = []
        self._ended = False
        self._header = bytearray()  # the name of the header that is being read
        self._headers: dict[bytes, bytearray] = {}

    def parse(self, body: bytes, content_type: str) -> None:
        """Raises a ``Problem`` for a form that is malformed or cut short."""
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser, parse_options_header

        try:
            boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
            parser = MultipartParser(boundary, self._callbacks(parse_options_header))
            parser.write(body)
            parser.finalize()
        except FormParserError as error:
            raise _malformed(f"cannot be read ({error})") from error
        if not self._ended:
            raise _malformed("is cut short")

    def _callbacks(self, parse_options: Callable[[bytes], tuple[bytes, dict[bytes, bytes]]]) -> Any:
        def name_part() -> None:
            options = parse_options(bytes(self._headers.get(b"content-disposition", b"")))[1]
            self.parts.append((options.get(b"name", b"").decode(errors="replace"), bytearray()))
            self._headers.clear()

        return {
            "on_part_begin": self._check_count,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": self._add_to_header,
            "on_header_end": self._header.clear,
            "on_headers_finished": name_part,
            "on_part_data": self._add_to_part,
            "on_end": self._end,
        }

    def _check_count(self) -> None:
        if len(self.parts) == MAX_FIELDS:
            raise _malformed(f"has more than {MAX_FIELDS} fields")

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._headers.setdefault(bytes(self._header).lower(), bytearray()).extend(data[start:end])

    def _add_to_part(self, data: bytes, start: int, end: int) -> None:
        name, value = self.parts[-1]
        if name != PICTURE and len(value) + end - start > MAX_FIELD:
            raise _malformed(f"has a field of more than {MAX_FIELD} bytes")
        value.extend(memoryview(data)[start:end])

    def _end(self) -> None:
        self._ended = True


def _malformed(how: str) -> Problem:
    return Problem("malformed-form", f"the form {how}. Send it as {FORM}, with the file as {PICTURE}.")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 50 else f"{text[:50]}…")
