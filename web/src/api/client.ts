/** The city's API, typed by its own description; every call carries who asks and in which language. */
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { learn, needsProof, proofOf } from "./device_key";
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
  const response = await proved(request, token, patienceMs);
  if (response.status !== 401 || token === null || (await isAbout(response, "PossessionRequired"))) return response;
  const fresh = await renew(token);
  return fresh === null ? response : proved(again, fresh, patienceMs);
}

/** With this browser's proof where the city wants one; made anew if the clock was off. */
async function proved(request: Request, token: string | null, patienceMs: number): Promise<Response> {
  const path = new URL(request.url).pathname;
  if (!needsProof(request.method, path)) return reach(request, token, patienceMs);
  const body = await request.clone().arrayBuffer();
  for (let tries = 1; ; tries++) {
    const proof = await proofOf(request.method, request.url, body, token);
    const response = await reach(request.clone(), token, patienceMs, proof);
    if (proof === null || !(await isAbout(response, "PossessionRequired"))) return response;
    const refusal = (await response.clone().json()) as { why?: unknown };
    if (tries < 3 && learn(refusal)) continue;
    // The city knows another key of this browser, or another address: who signs in begins as a new device.
    return path === "/v1/sign-in/sessions" ? reach(request, token, patienceMs) : response;
  }
}

async function isAbout(response: Response, kind: string): Promise<boolean> {
  if (response.status !== 401) return false;
  const body = (await response
    .clone()
    .json()
    .catch(() => null)) as { type?: string } | null;
  return body?.type === `urn:huong:problem:${kind}`;
}

async function reach(
  request: Request,
  token: string | null,
  patienceMs: number,
  proof: string | null = null,
): Promise<Response> {
  const headers = new Headers(request.headers);
  headers.set("accept-language", language());
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  if (proof !== null) headers.set("dpop", proof);
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

/** Fetch a file as whoever is signed in, and hand it to the phone under a name. Raises Problem, Unreachable. */
export async function saveFile(path: string, name: string): Promise<void> {
  const address = await fileAddress(path);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // a slow phone reads it later
}

export function problemOf(response: Response, body: unknown): Problem | Unreachable {
  if (typeof body === "object" && body !== null && "type" in body && "title" in body) {
    return new Problem(response.status, body as ProblemBody);
  }
  return new Unreachable(new Error(`status ${response.status}`));
}
