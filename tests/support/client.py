"""An HTTP client that holds every answer it gets to the contract."""

from __future__ import annotations

import json
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from tests.support import manners
from tests.support.contract import Answer, ContractViolation, load, unknown_path_problems
from tests.support.manners import Manners

TIMEOUT = 40  # seconds; the gateway itself ends a request at 29


class _FromAddress(HTTPAdapter):
    """Connects from one of the machine's addresses: all of 127.0.0.0/8 is loopback."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


class ContractClient:
    """Speaks to one surface. Paths are the documented ones: ``client.get("/servers/")``.

    Every answer is validated; one that breaks the contract raises ContractViolation. ``limits`` tells
    that rate limits are on, so that their headers must be there. ``address`` is where calls come from.
    """

    def __init__(
        self,
        base_url: str,
        surface: str,
        token: str | None = None,
        *,
        limits: bool = False,
        address: str | None = None,
    ) -> None:
        self.contract = load(surface)
        self.base_url = base_url.rstrip("/")
        self.token = token
        self.limits = limits
        self.address = address
        self._session = requests.Session()
        if address:
            self._session.mount("http://", _FromAddress(address))

    def as_user(self, token: str | None) -> ContractClient:
        """The same client with another token, or none."""
        return ContractClient(
            self.base_url, self.contract.surface, token, limits=self.limits, address=self.address
        )

    def on(self, surface: str) -> ContractClient:
        """The same user on another surface: a token of one is good on all."""
        return ContractClient(self.base_url, surface, self.token, limits=self.limits, address=self.address)

    @property
    def manners(self) -> Manners:
        return manners.SURFACES[self.contract.surface]

    def close(self) -> None:
        self._session.close()

    def url(self, path: str) -> str:
        return self.base_url + self.contract.base + path

    def request(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """As requests does it, with the token unless ``headers`` has an Authorization of its own."""
        headers = {"Accept": "application/json", **(kwargs.pop("headers", None) or {})}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        kwargs.setdefault("timeout", TIMEOUT)
        response = self._session.request(
            method, self.url(path), headers=headers, allow_redirects=False, **kwargs
        )
        self.validate(method, path, response)
        return response

    def validate(self, method: str, path: str, response: requests.Response) -> None:
        answer = Answer(response.status_code, response.headers, response.content)
        operation = self.contract.find(method, path)
        if operation is not None:
            operation.check(answer, limits=self.limits)
            return
        problems = unknown_path_problems(answer)
        if problems:
            raise ContractViolation(
                f"{self.contract.surface} has no {method} {path}, and the answer to it is wrong: {problems}\n"
                f"  body: {response.text[:600]}"
            )

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.request("POST", path, **_with_json(body, kwargs))

    def put(self, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.request("PUT", path, **_with_json(body, kwargs))

    def patch(self, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.request("PATCH", path, **_with_json(body, kwargs))

    def delete(self, path: str, **kwargs: Any) -> requests.Response:
        return self.request("DELETE", path, **kwargs)

    def ok(self, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        """The JSON of an answer that must be a 2xx."""
        response = self.request(method, path, **_with_json(body, kwargs))
        assert response.ok, f"{method} {path}: {response.status_code} {response.text[:600]}"
        return response.json() if response.content else None

    def send(
        self, method: str, path: str, data: bytes, content_type: str, **kwargs: Any
    ) -> requests.Response:
        """A body as it stands, well formed or not."""
        return self.request(method, path, data=data, headers={"Content-Type": content_type}, **kwargs)


def _with_json(body: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    return kwargs if body is None else {**kwargs, "json": body}


def dumped(body: Any) -> bytes:
    return json.dumps(body).encode()
