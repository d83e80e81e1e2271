"""A browser at the staff's door: it keeps cookies as the city says them, and goes where it is sent."""

from dataclasses import dataclass, field
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx

from app.staff import cookie
from tests.conftest import StandIns


@dataclass
class Browser:
    """Cookies by name; those that were taken away are gone."""

    client: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    csrf: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"cookie": cookies} | ({"x-csrf-token": self.csrf} if self.csrf else {})

    async def get(self, path: str, **params: str) -> httpx.Response:
        """GET, and keep what is given."""
        return self._kept(await self.client.get(path, headers=self.headers, params=params))

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Anything else."""
        return self._kept(await self.client.request(method, path, headers=self.headers, json=body))

    async def sign_in(self, stand_ins: StandIns, email: str, return_to: str = "/") -> httpx.Response:
        """The whole way to the provider and back; the last answer."""
        begun = await self.get("/v1/staff/sign-in", return_to=return_to)
        assert begun.status_code == 303, begun.text
        answer = await stand_ins.answer(begun.headers["location"], email)
        return await self.get("/v1/staff/sign-in/callback", **answer)

    async def look_around(self) -> dict[str, Any]:
        """Who I am; from now on requests show the CSRF token."""
        session = (await self.get("/v1/staff/session")).json()
        self.csrf = session["csrf_token"]
        return session

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        for name, morsel in given(answer).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return answer


def given(answer: httpx.Response) -> dict[str, "Morsel[str]"]:
    """The cookies of an answer, as they are said."""
    jar: SimpleCookie = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return dict(jar)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """The status and the type of a problem, without its prefix."""
    return answer.status_code, answer.json()["type"].removeprefix("urn:huong:problem:")


SESSION_COOKIE = cookie.NAME
