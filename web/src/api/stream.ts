/** The city's server-sent events, read with the session's token: a line that breaks comes back by itself. */
import { createParser } from "eventsource-parser";
import { language } from "../language.svelte";
import { problemOf } from "./client";
import { isProblem, Unreachable } from "./problem";
import { accessToken, renew } from "./session.svelte";

/** The city says something every 20 seconds; a line that is silent for so long is dead, whatever the phone believes. */
const SILENCE_MS = 45_000;
const PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

export interface Listener {
  /** The line is open, for the first time or again. */
  onopen(): void;
  onevent(event: string, data: string, id: string | null): void;
  /** The line is cut; it comes back unless the city said no. */
  oncut(trouble: unknown): void;
}

interface Heard {
  last: string | null;
}

/**
 * Listen at a door that streams; the answer ends it. The city is told what was heard last (`last`, of an earlier line),
 * and says what followed.
 */
export function listen(path: string, listener: Listener, last: string | null = null): () => void {
  const end = new AbortController();
  void keepListening(path, listener, { last }, end.signal);
  return () => end.abort();
}

async function keepListening(path: string, listener: Listener, heard: Heard, ended: AbortSignal): Promise<void> {
  for (let tries = 0; !ended.aborted; tries += 1) {
    const opened = () => {
      tries = 0;
      listener.onopen();
    };
    try {
      await readOnce(path, { ...listener, onopen: opened, onevent: listener.onevent.bind(listener) }, heard, ended);
      listener.oncut(new Unreachable());
    } catch (trouble) {
      if (ended.aborted) return;
      listener.oncut(trouble);
      if (isProblem(trouble) && trouble.status < 500 && trouble.status !== 429) return;
    }
    await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)] ?? 0, ended);
  }
}

/** One line, until it breaks. Raises Problem (the city says no), Unreachable, and what a broken line raises. */
async function readOnce(path: string, listener: Listener, heard: Heard, ended: AbortSignal): Promise<void> {
  const cut = new AbortController();
  const signal = AbortSignal.any([ended, cut.signal]);
  let silence = setTimeout(() => cut.abort(), SILENCE_MS);
  const parser = createParser({
    onEvent({ id, event, data }) {
      if (id !== undefined) heard.last = id;
      listener.onevent(event ?? "message", data, heard.last);
    },
  });
  try {
    const body = await open(path, heard.last, signal);
    listener.onopen();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => cut.abort(), SILENCE_MS);
      parser.feed(value);
    }
  } finally {
    clearTimeout(silence);
  }
}

async function open(path: string, last: string | null, signal: AbortSignal): Promise<ReadableStream<BufferSource>> {
  const token = await accessToken();
  let response = await ask(path, token, last, signal);
  if (response.status === 401 && token !== null) response = await ask(path, await renew(token), last, signal);
  if (!response.ok || response.body === null) throw problemOf(response, await response.json().catch(() => null));
  return response.body as ReadableStream<BufferSource>;
}

function ask(path: string, token: string | null, last: string | null, signal: AbortSignal): Promise<Response> {
  const headers = new Headers({ accept: "text/event-stream", "accept-language": language() });
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  if (last !== null) headers.set("last-event-id", last);
  return fetch(path, { headers, signal, cache: "no-store", credentials: "same-origin" });
}

/** Wait, but no longer than until the network is back, or the screen is looked at again. */
function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const go = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(go, ms * (0.75 + Math.random() / 2));
    ended.addEventListener("abort", go, { signal: over.signal });
    addEventListener("online", go, { signal: over.signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && go(), {
      signal: over.signal,
    });
  });
}
