/** The city's API, typed by its own description; every call carries who asks and in which language. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { Problem, Unreachable, type ProblemBody } from "./problem";
import { accessToken, renew } from "./session.svelte";
import { language } from "../language.svelte";

export type Schemas = components["schemas"];

const PATIENCE_MS = 25_000;

export const api = createClient<paths>({ fetch: (request) => send(request) });

/** `fetch` with the session's token, renewed once if the city no longer knows it. Raises Unreachable. */
export async function send(request: Request, patienceMs = PATIENCE_MS): Promise<Response> {
  const again = request.clone();
  const token = await accessToken();
  const response = await reach(request, token, patienceMs);
  if (response.status !== 401 || token === null) return response;
  const fresh = await renew(token);
  return fresh === null ? response : reach(again, fresh, patienceMs);
}

async function reach(request: Request, token: string | null, patienceMs: number): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set("accept-language", language());
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  try {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(patienceMs)]);
    return await fetch(new Request(request, { headers, credentials: "same-origin", signal }));
  } catch (trouble) {
    if (request.signal.aborted) throw trouble;
    throw new Unreachable(trouble);
  }
}

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the city answered, or the trouble: `const home = await answer(api.GET("/v1/home"))`. */
export async function answer<T>(asked: Promise<Answered<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  throw problemOf(response, error);
}

/** A file of the city as an address that this page can show or save; let go of it with URL.revokeObjectURL. */
export async function fileAddress(path: string): Promise<string> {
  const response = await send(new Request(new URL(path, location.origin)));
  if (!response.ok) throw problemOf(response, await response.json().catch(() => null));
  return URL.createObjectURL(await response.blob());
}

export function problemOf(response: Response, body: unknown): Problem | Unreachable {
  if (typeof body === "object" && body !== null && "type" in body && "title" in body) {
    return new Problem(response.status, body as ProblemBody);
  }
  return new Unreachable(new Error(`status ${response.status}`));
}
