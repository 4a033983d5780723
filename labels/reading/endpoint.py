"""Ask an OpenAI-compatible endpoint, with retries, and say why it did not answer without giving away the key."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from labels.errors import DemarcheError, one_line

KEY, OPENAI_KEY = "DEMARCHE_API_KEY", "OPENAI_API_KEY"
_OPENAI = "api.openai.com"
RETRIES = 4
"""How often a request is repeated after a rate limit, an error of the server, a timeout or a cut connection."""
_LONGEST_REASON = 200


class Unanswered(DemarcheError):
    """A question without an answer; the message says why."""


class Stopped(DemarcheError):
    """An error that every other question would meet too."""


class Reply(NamedTuple):
    """The text of an answer, whether it was cut off at `max_tokens`, and the tokens that the endpoint counted."""

    text: str
    cut: bool
    tokens_in: int | None
    tokens_out: int | None


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    """The fields of a chat completion that matter here. Endpoints add others."""

    choices: list[_Choice]
    usage: _Usage | None = None


class Address(NamedTuple):
    """The URL of an endpoint, and the key that is sent to it, if there is one."""

    url: str
    key: str | None
    key_name: str

    @property
    def is_exposed(self) -> bool:
        """Whether the key is sent over a network without encryption."""
        parts = urlsplit(self.url)
        return self.key is not None and parts.scheme == "http" and not _is_this_machine(parts.hostname or "")

    def without_key(self, text: str) -> str:
        """Return a text of the endpoint as one short line, without the key."""
        return one_line(" ".join((text.replace(self.key, "…") if self.key else text).split()), longest=_LONGEST_REASON)


def address(url: str, environment: Mapping[str, str] = os.environ) -> Address:
    """Return the address of an endpoint, with the key from the environment.

    `OPENAI_API_KEY` is sent to OpenAI alone, so that no other server gets it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DemarcheError(f"--with: {error}; an address such as http://127.0.0.1:8080/v1 is expected") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DemarcheError("--with: not the address of a server; e.g. http://127.0.0.1:8080/v1 is expected")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise DemarcheError(f"--with: the address must hold no name, key, ? or #; put the key into {KEY}")
    name = OPENAI_KEY if parts.hostname == _OPENAI and KEY not in environment else KEY
    key = environment.get(name, "").strip()
    if any(not 33 <= ord(letter) <= 126 for letter in key):
        raise DemarcheError(f"{name}: holds a space or a character that no key has; set it again")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/") or "/v1"
    return Address(f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}", key or None, name)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Endpoint:
    """A connection to an endpoint, to be used as an asynchronous context manager."""

    def __init__(self, address: Address, *, timeout: float) -> None:
        try:
            import openai
        except ImportError:
            raise DemarcheError(
                "the package openai is missing, through which language models are asked; "
                "install it with `pip install 'demarche[reader]'`"
            ) from None
        self._openai = openai
        self._address = address
        self._timeout = timeout
        self._client = openai.AsyncOpenAI(
            base_url=address.url, api_key=address.key or "none", timeout=timeout, max_retries=RETRIES
        )
        if urlsplit(address.url).hostname != _OPENAI:
            # The package takes them from the environment, for whatever server.
            self._client.organization = self._client.project = self._client.admin_api_key = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, body: Mapping[str, Any]) -> Reply:
        """Send a request to `chat/completions`. Raises Unanswered, or Stopped if others would fail as well."""
        openai = self._openai
        try:
            raw = await self._client.chat.completions.with_raw_response.create(
                model=body["model"],
                messages=body["messages"],
                extra_body={name: value for name, value in body.items() if name not in ("model", "messages")},
            )
            # Not the package's own reading of the answer, which takes any text for a completion.
            return self._reply(raw.http_response.text)
        except openai.APITimeoutError:
            raise Unanswered(f"no answer within {self._timeout:g} s (--timeout), {RETRIES + 1} times") from None
        except openai.APIConnectionError as error:
            why = self._address.without_key(str(error.__cause__ or error))
            raise Unanswered(f"connection failed {RETRIES + 1} times: {why}") from None
        except openai.APIStatusError as error:
            raise self._explain(error.status_code, error.response.text) from None

    def _reply(self, text: str) -> Reply:
        try:
            completion = _Completion.model_validate_json(text)
            choice = completion.choices[0]
        except (ValidationError, IndexError):
            raise Unanswered(f"not a chat completion: {self._address.without_key(text[:500])!r}") from None
        if choice.message.refusal or choice.finish_reason == "content_filter":
            why = self._address.without_key(choice.message.refusal or "the endpoint's content filter")
            raise Unanswered(f"refused: {why}")
        usage = completion.usage or _Usage()
        return Reply(
            choice.message.content or "", choice.finish_reason == "length", usage.prompt_tokens, usage.completion_tokens
        )

    def _explain(self, status: int, text: str) -> DemarcheError:
        url, name = self._address.url, self._address.key_name
        if status in (401, 403):
            # The message of the endpoint may quote the key.
            what = f"refuses the key in {name}" if self._address.key else f"wants a key; put it into {name}"
            return Stopped(f"{url}: {status}: the endpoint {what}")
        why = self._address.without_key(_message(text))
        if status == 404:
            return Stopped(f"{url}: 404: {why}; check --model, and that the address is the one that ends in /v1")
        if status == 429:
            return Unanswered(f"rate limit, {RETRIES + 1} times: {why}")
        hint = ""
        if any(word in text for word in ("response_format", "json_schema", "grammar")):
            hint = "; if it cannot constrain answers, add --request response_format="
        return Unanswered(f"{status}: {why}{hint}")


def _message(text: str) -> str:
    """Return the message in the body of an error, or the body if it has another form."""

    class Error(BaseModel):
        message: str

    class Body(BaseModel):
        error: Error | str

    try:
        error = Body.model_validate_json(text).error
    except ValidationError:
        return text[:500] or "no message"
    return error if isinstance(error, str) else error.message
