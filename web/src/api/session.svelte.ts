/**
 * Who is signed in here. The access token lives in this page's memory alone; the refresh token is an httpOnly cookie
 * that only `/v1/sign-in/refreshes` is sent, so that no script, ours or another's, ever reads what opens the account.
 * Why so, and what it does not keep out: docs/decisions/0018-tokens-in-the-browser.md.
 */
import type { components } from "./schema";
import { publicKey } from "./device_key";
import { isProblem } from "./problem";
import { inTurn, refreshed } from "./refreshing";
import { language } from "../language.svelte";

export type Profile = components["schemas"]["Profile"];
type SignedIn = components["schemas"]["SignedIn"];

const SIGNED_IN_AS = "huong.me";
const DEVICE_AS = "huong.device";
const LEAVING = "huong.leaving";
const KEYED = "huong.keyed";
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
  localStorage.removeItem(LEAVING); // the device's former session ended with this sign-in
  if (localStorage.getItem(KEYED) === "yes") localStorage.removeItem(KEYED);
  session.me = signedIn.me;
  session.confirmed = signedIn.confirmed;
  remember();
  void giveKey();
}

/** The account is this person's: the PIN said so. */
export function confirm(): void {
  session.confirmed = true;
  remember();
  void giveKey();
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
  for (const forget of whenOut) await Promise.resolve(forget()).catch(() => undefined);
}

/**
 * Sign out. Without a network the phone forgets at once, and the city is told as soon as there is one: until then the
 * cookie is still there, and nothing of ours uses it for anything else.
 */
export async function leave(): Promise<void> {
  await inTurn(async () => {
    localStorage.setItem(LEAVING, "yes");
    const token = access && access.untilMs > Date.now() ? access.token : null;
    await close();
    await tellLeft(token);
  });
}

async function finishLeaving(): Promise<void> {
  await inTurn(async () => {
    if (localStorage.getItem(LEAVING) !== null && remembered().me === null) await tellLeft(null);
  });
}

/** Have the city end the session; whoever holds the tabs' turn calls it. */
async function tellLeft(known: string | null): Promise<void> {
  try {
    const token = known ?? (await refreshed(language()))?.access_token;
    const response =
      token === undefined
        ? null
        : await fetch("/v1/sign-in/sessions/current", {
            method: "DELETE",
            headers: { authorization: `Bearer ${token}` },
            signal: AbortSignal.timeout(20_000),
          });
    if (response === null || response.ok || response.status === 401) localStorage.removeItem(LEAVING);
  } catch {
    // no network: tried again when there is one
  }
}

/** Follow what other tabs do, and finish a sign-out that had no network. */
export function watchSession(): void {
  window.addEventListener("storage", (event) => {
    if (event.key === SIGNED_IN_AS || event.key === null) followTabs();
  });
  window.addEventListener("online", () => void finishLeaving());
  void finishLeaving();
}

/** The cookie is one for all tabs: when it is somebody else's, what this tab shows is not theirs. */
function followTabs(): void {
  const now = remembered();
  if (now.me?.id === session.me?.id) {
    session.me = now.me;
    session.confirmed = now.confirmed;
    return;
  }
  access = null;
  session.me = now.me;
  session.confirmed = now.confirmed;
  location.assign("/"); // everything in this tab's memory was the other's
}

/** An access token that is good for a while, or null for a stranger. Raises Unreachable. */
export async function accessToken(): Promise<string | null> {
  if (session.me === null) return null;
  if (access && access.untilMs - EARLY_MS > Date.now()) return access.token;
  return renew(access?.token ?? null);
}

/** A token in place of `stale`; calls that ask at once share one refresh, tabs take turns. */
export function renew(stale: string | null): Promise<string | null> {
  return inTurn(async () => {
    const mine = session.me?.id;
    // Signed out, or in as somebody else, in another tab whose word has not come yet: the cookie is not ours.
    if (mine === undefined || remembered().me?.id !== mine) {
      followTabs();
      return null;
    }
    if (access && access.token !== stale && access.untilMs - EARLY_MS > Date.now()) return access.token;
    const fresh = await refreshed(language()).catch(endIfKeyless);
    if (session.me?.id !== mine) return null; // signed out meanwhile
    if (fresh === null) {
      await close();
      return null;
    }
    hold(fresh);
    return fresh.access_token;
  });
}

/** A session whose key does not work here has ended; where the address is the reason, this browser makes no other. */
function endIfKeyless(trouble: unknown): null {
  if (!isProblem(trouble, "PossessionRequired")) throw trouble;
  if ((trouble.body as { why?: unknown }).why === "address") localStorage.setItem(KEYED, "never");
  return null;
}

function hold(fresh: { access_token: string; expires_in: number }): void {
  access = { token: fresh.access_token, untilMs: Date.now() + fresh.expires_in * 1000 };
}

/** Give this browser a key of its own, once for a session; without one everything works all the same. */
async function giveKey(): Promise<void> {
  // A development server is another origin than the one that proofs must name.
  if (!import.meta.env.PROD || !session.me || !session.confirmed || localStorage.getItem(KEYED) !== null) return;
  try {
    const token = await accessToken();
    const response = await fetch(`/v1/me/devices/${deviceId()}/key`, {
      method: "PUT",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ public_key: await publicKey() }),
      signal: AbortSignal.timeout(20_000),
    });
    if (response.ok) localStorage.setItem(KEYED, "yes");
  } catch {
    // tried again at the next sign-in
  }
}
