/** A fresh access token for the cookie that no script can read; the app and its service worker ask in turns. */
import type { components } from "./schema";
import { learn, proofOf } from "./device_key";
import { Problem, Unreachable, type ProblemBody } from "./trouble";

export type Refreshed = components["schemas"]["Refreshed"];

const ADDRESS = "/v1/sign-in/refreshes";

/** One at a time in this browser: two at once with the same cookie would look like a thief's. */
export function inTurn<T>(deed: () => Promise<T>): Promise<T> {
  return navigator.locks ? (navigator.locks.request("huong-refresh", deed) as Promise<T>) : deed();
}

/**
 * The next token; null: the session has ended. Call it `inTurn`. Raises Unreachable, Problem.
 *
 * An answer that was lost on the way is asked for once more: within a minute the city gives the same again.
 */
export async function refreshed(language: string): Promise<Refreshed | null> {
  for (let tries = 1; ; tries++) {
    let response: Response;
    try {
      response = await ask(language);
    } catch (trouble) {
      if (tries < 2 && navigator.onLine) {
        await new Promise((resolve) => setTimeout(resolve, 800));
        continue;
      }
      throw new Unreachable(trouble);
    }
    if (response.ok) return (await response.json()) as Refreshed;
    const body = (await response.json().catch(() => null)) as ProblemBody | null;
    // A hotel's sign-in page or a broken proxy also says 401: only the city's own word ends a session.
    const problem = body?.type?.startsWith("urn:huong:") ? new Problem(response.status, body) : null;
    if (problem === null || response.status >= 500) throw new Unreachable(new Error(`status ${response.status}`));
    if (problem.kind === "PossessionRequired") {
      if (tries < 3 && learn(problem.body as { why?: unknown })) continue;
      throw problem; // the key is gone, or does not work at this address: only a new sign-in helps
    }
    if (response.status === 401 || response.status === 403) return null;
    throw problem;
  }
}

async function ask(language: string): Promise<Response> {
  const headers = new Headers({ "accept-language": language });
  const proof = await proofOf("POST", new URL(ADDRESS, location.origin).href, new Uint8Array(), null);
  if (proof !== null) headers.set("dpop", proof);
  return fetch(ADDRESS, {
    method: "POST",
    headers,
    credentials: "same-origin",
    signal: AbortSignal.timeout(20_000),
  });
}
