/**
 * The inbox as it fills: one stream of server-sent events while somebody looks at the app, taken up where it broke
 * off. What it cannot tell (no network, a process full of streams), the screens ask for by themselves.
 */
import { accessToken, onSignOut, renew, session } from "../api/session.svelte";
import type { Schemas } from "../api/client";
import { language } from "../language.svelte";
import { Unreachable } from "../api/problem";

export type Message = Schemas["Message"];

class Live {
  /** How many are left to read; null: not heard yet. */
  unread = $state<number | null>(null);
  /** What came since the app was opened, the newest first. */
  fresh = $state.raw<Message[]>([]);
  /** Changes whenever a list that is shown must be asked for anew. */
  resets = $state(0);
  connected = $state(false);
}

export const live = new Live();

const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 60_000;
/** The city says something every 20 s; a line that is silent for longer is broken. */
const SILENCE_MS = 45_000;
const MOST_FRESH = 50;

let lastEventId: string | null = null;
let line: AbortController | null = null;

export function watchInbox(): void {
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  $effect.root(() => {
    $effect(look); // signed in, confirmed, or out
    $effect(() => badge(live.unread));
  });
}

onSignOut(() => {
  line?.abort();
  lastEventId = null;
  live.unread = null;
  live.fresh = [];
  badge(0);
});

function look(): void {
  const wanted = session.me !== null && session.confirmed && document.visibilityState === "visible";
  if (wanted && line === null) {
    line = new AbortController();
    void follow(line);
  } else if (!wanted) {
    line?.abort();
    line = null;
  }
}

async function follow(mine: AbortController): Promise<void> {
  let waitMs = FIRST_WAIT_MS;
  while (!mine.signal.aborted) {
    const began = Date.now();
    try {
      await listen(mine.signal);
    } catch {
      // broken: taken up again below
    }
    live.connected = false;
    if (mine.signal.aborted) break;
    waitMs = Date.now() - began > 30_000 ? FIRST_WAIT_MS : Math.min(waitMs * 2, MOST_WAIT_MS);
    await pause(waitMs * (0.5 + Math.random() / 2), mine.signal); // not all phones at the same moment
  }
  if (line === mine) line = null;
}

async function listen(signal: AbortSignal): Promise<void> {
  const token = await accessToken();
  if (token === null) throw new Unreachable();
  const cut = new AbortController();
  const onAbort = () => cut.abort();
  signal.addEventListener("abort", onAbort);
  let silence = setTimeout(onAbort, SILENCE_MS);
  try {
    const response = await fetch("/v1/notifications/stream", {
      headers: {
        authorization: `Bearer ${token}`,
        "accept-language": language(),
        ...(lastEventId === null ? {} : { "last-event-id": lastEventId }),
      },
      signal: cut.signal,
    });
    if (response.status === 401) await renew(token);
    if (!response.ok || response.body === null) throw new Unreachable();
    live.connected = true;
    const { createParser } = await import("eventsource-parser");
    const parser = createParser({ onEvent: (event) => hear(event.event, event.data, event.id) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(onAbort, SILENCE_MS);
      parser.feed(value);
    }
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", onAbort);
  }
}

/** One event of the stream; what is not ours, or broken, is passed over. */
export function hear(event: string | undefined, data: string, id: string | undefined): void {
  if (id) lastEventId = id;
  let said: Partial<Message> & { unread?: number };
  try {
    said = JSON.parse(data) as typeof said;
  } catch {
    return;
  }
  if (typeof said.unread === "number") live.unread = said.unread;
  if (event === "message" && typeof said.seq === "number") {
    const message = said as Message;
    if (live.fresh.some((one) => one.seq === message.seq)) return;
    live.fresh = [message, ...live.fresh].slice(0, MOST_FRESH);
  } else if (event === "reset") {
    live.fresh = [];
    live.resets++;
  }
}

function badge(unread: number | null): void {
  if (unread === null || !("setAppBadge" in navigator)) return;
  void (unread > 0 ? navigator.setAppBadge(unread) : navigator.clearAppBadge()).catch(() => undefined);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
