/**
 * Who is signed in here. The access token lives in this page's memory alone; the refresh token is an httpOnly cookie
 * that only `/v1/sign-in/refreshes` is sent, so that no script, ours or another's, ever reads what opens the account.
 */
import type { components } from "./schema";
import { Problem, Unreachable } from "./problem";
import { language } from "../language.svelte";

export type Profile = components["schemas"]["Profile"];
type SignedIn = components["schemas"]["SignedIn"];
type Refreshed = components["schemas"]["Refreshed"];

const SIGNED_IN_AS = "huong.me";
const DEVICE_AS = "huong.device";
const EARLY_MS = 30_000;

interface Who {
  /** Null: nobody. Kept beside the token so that the shell opens without a network. */
  me: Profile | null;
  /** False until the PIN has shown that the account is this person's. */
  confirmed: boolean;
}

export const session = $state<Who>(remembered());

let access: { token: string; untilMs: number } | null = null;
const whenOut: (() => void | Promise<void>)[] = [];

function remembered(): Who {
  try {
    const kept = JSON.parse(globalThis.localStorage?.getItem(SIGNED_IN_AS) ?? "null") as Who | null;
    if (kept?.me) return kept;
  } catch {
    // what is kept is not ours: nobody is signed in
  }
  return { me: null, confirmed: true };
}

function remember(): void {
  if (session.me) localStorage.setItem(SIGNED_IN_AS, JSON.stringify(session));
  else localStorage.removeItem(SIGNED_IN_AS);
}

/** This browser's name for itself, the same at every sign-in. */
export function deviceId(): string {
  let id = localStorage.getItem(DEVICE_AS);
  if (id === null) {
    id = crypto.randomUUID();
    localStorage.setItem(DEVICE_AS, id);
  }
  return id;
}

export function open(signedIn: SignedIn): void {
  hold(signedIn);
  session.me = signedIn.me;
  session.confirmed = signedIn.confirmed;
  remember();
}

/** The account is this person's: the PIN said so. */
export function confirm(): void {
  session.confirmed = true;
  remember();
}

export function keepProfile(me: Profile): void {
  session.me = me;
  remember();
}

/** What must be forgotten with the session: kept data, the queue's secrets, subscriptions. */
export function onSignOut(forget: () => void | Promise<void>): void {
  whenOut.push(forget);
}

/** Nobody is signed in here any more. */
export async function close(): Promise<void> {
  access = null;
  session.me = null;
  session.confirmed = true;
  remember();
  for (const forget of whenOut) await forget();
}

/** An access token that is good for a while, or null for a stranger. Raises Unreachable. */
export async function accessToken(): Promise<string | null> {
  if (session.me === null) return null;
  if (access && access.untilMs - EARLY_MS > Date.now()) return access.token;
  return renew(access?.token ?? null);
}

/** A token in place of `stale`; tabs and calls that ask at once share one refresh. */
export async function renew(stale: string | null): Promise<string | null> {
  return navigator.locks.request("huong-refresh", async (): Promise<string | null> => {
    if (access && access.token !== stale && access.untilMs - EARLY_MS > Date.now()) return access.token;
    let response: Response;
    try {
      response = await fetch("/v1/sign-in/refreshes", {
        method: "POST",
        headers: { "accept-language": language() },
        credentials: "same-origin",
        signal: AbortSignal.timeout(20_000),
      });
    } catch (trouble) {
      throw new Unreachable(trouble);
    }
    if (response.ok) {
      hold((await response.json()) as Refreshed);
      return access?.token ?? null;
    }
    if (response.status === 401 || response.status === 403) {
      await close();
      return null;
    }
    throw response.status >= 500 ? new Unreachable() : new Problem(response.status, await response.json());
  });
}

function hold(fresh: { access_token: string; expires_in: number }): void {
  access = { token: fresh.access_token, untilMs: Date.now() + fresh.expires_in * 1000 };
}
