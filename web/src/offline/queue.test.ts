import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";

type Answer = () => Response | Promise<Response>;
interface Seen {
  method: string;
  path: string;
  size: number;
}

const ME = { id: "me", phone: "+84900000002", has_pin: true };
const SMALL = 1000;
const LARGE = 1_300_000;

let seen: Seen[] = [];
/** What the city does next, before it goes back to doing what it should. */
let next: Answer[] = [];
/** How much of each large file is in the city. */
let received: Map<string, number>;

const cut: Answer = () => Promise.reject(new TypeError("network"));

function problem(status: number, kind: string): Answer {
  const body = { type: `urn:huong:problem:${kind}`, title: kind, title_translated: { vi: kind, en: kind }, status };
  return () =>
    new Response(JSON.stringify(body), { status, headers: { "content-type": "application/problem+json" } });
}

async function city(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (path === "/v1/sign-in/refreshes") return json({ access_token: "token", expires_in: 900 });
  seen.push({ method: request.method, path, size: bytes.length });
  const wanted = next.shift();
  if (wanted) return wanted();
  const [, id = ""] = /^\/v1\/uploads\/tus\/(.+)$/u.exec(path) ?? [];
  if (request.method === "HEAD") {
    return received.has(id) ? offset(received.get(id)) : new Response(null, { status: 404 });
  }
  if (path === "/v1/uploads/tus") {
    const [, own = ""] = /upload_id (\S+)/u.exec(request.headers.get("upload-metadata") ?? "") ?? [];
    received.set(atob(own), 0);
    return offset(0, 201);
  }
  if (request.method === "PATCH") {
    const before = received.get(id) ?? 0;
    if (Number(request.headers.get("upload-offset")) !== before) return problem(409, "OffsetConflict")();
    received.set(id, before + bytes.length);
    return offset(before + bytes.length, 204);
  }
  return json({});
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });
}

function offset(bytes = 0, status = 200): Response {
  return new Response(null, { status, headers: { "upload-offset": String(bytes) } });
}

function puts(what: string): number {
  return seen.filter((one) => one.method === "PUT" && one.path.startsWith(what)).length;
}

function report(id: string, ...sizes: number[]) {
  return {
    id,
    kind: "report" as const,
    title: "Ổ gà",
    body: {},
    photographs: sizes.map((size, at) => ({
      uploadId: `${id}-${at}`,
      blob: new Blob([new Uint8Array(size)]),
      sent: false,
    })),
  };
}

/** The app as it starts in a tab: what a tab remembers is gone, what the phone keeps is there. */
async function open(me: typeof ME | null = ME) {
  vi.resetModules();
  localStorage.clear();
  if (me) localStorage.setItem("huong.me", JSON.stringify({ me, confirmed: true }));
  const queue = await import("./queue.svelte");
  const { network } = await import("./network.svelte");
  await queue.load();
  return { ...queue, network };
}

function states({ waiting }: Awaited<ReturnType<typeof open>>): Record<string, string> {
  return Object.fromEntries(waiting.items.map((one) => [one.id, one.needs ?? one.state]));
}

beforeEach(() => {
  seen = [];
  next = [];
  received = new Map();
  const held = new Map<string, string>();
  const locks = new Set<string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => held.set(key, value),
    removeItem: (key: string) => held.delete(key),
    clear: () => held.clear(),
  });
  vi.stubGlobal("navigator", {
    onLine: true,
    locks: {
      async request(name: string, ...rest: unknown[]) {
        const doing = rest.at(-1) as (lock: object | null) => Promise<unknown>;
        if (locks.has(name)) return rest.length > 1 ? doing(null) : doing({});
        locks.add(name);
        return doing({}).finally(() => locks.delete(name));
      },
    },
  });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("location", { origin: "http://city.test", href: "http://city.test/" });
  vi.stubGlobal("BroadcastChannel", undefined);
  vi.stubGlobal(
    "Request",
    class extends Request {
      constructor(input: RequestInfo | URL, init?: RequestInit) {
        super(typeof input === "string" ? new URL(input, "http://city.test") : input, {
          duplex: "half",
          ...init,
        } as RequestInit);
      }
    },
  );
  vi.stubGlobal("fetch", (input: Request | string, init?: RequestInit) =>
    city(input instanceof Request ? input : new Request(input, init)),
  );
  vi.stubGlobal("indexedDB", new IDBFactory()); // another phone
});

describe("the queue", () => {
  it("sends photographs before what they belong to, each once", async () => {
    const app = await open();
    await app.enqueue(report("a", SMALL, SMALL));
    await app.sendAll();
    expect(seen.map((one) => one.path)).toEqual(["/v1/uploads/a-0", "/v1/uploads/a-1", "/v1/feedback/reports/a"]);
    expect(states(app)).toEqual({ a: "sent" });
    await app.sendAll();
    expect(puts("/v1/feedback/reports")).toBe(1);
  });

  it("keeps what an answer was lost for, and sends the very same again", async () => {
    const app = await open();
    next = [() => json({}), cut];
    await app.enqueue(report("a", SMALL));
    await app.sendAll();
    expect(states(app)).toEqual({ a: "waiting" });
    await app.sendAll();
    expect(puts("/v1/uploads/a-0")).toBe(1);
    expect(puts("/v1/feedback/reports/a")).toBe(2);
    expect(states(app)).toEqual({ a: "sent" });
  });

  it("keeps everything without a network, over a closed tab", async () => {
    const app = await open();
    app.network.online = false;
    await app.enqueue(report("a", SMALL));
    await app.enqueue(report("b"));
    expect(seen).toEqual([]);
    const later = await open();
    expect(states(later)).toEqual({ a: "waiting", b: "waiting" });
    await later.sendAll();
    expect(states(later)).toEqual({ a: "sent", b: "sent" });
  });

  it("goes on in the middle of a large photograph, in another tab", async () => {
    const app = await open();
    next = [() => new Response(null, { status: 404 })];
    await app.enqueue(report("a", LARGE));
    await vi.waitFor(() => expect(seen.filter((one) => one.method === "PATCH")).not.toEqual([]));
    await app.sendAll();
    expect(received.get("a-0")).toBe(LARGE);

    received.set("b-0", 700_000); // what came before the tab was closed
    await app.enqueue(report("b", LARGE));
    await app.sendAll();
    const parts = seen.filter((one) => one.path === "/v1/uploads/tus/b-0" && one.method === "PATCH");
    expect(parts.reduce((sum, one) => sum + one.size, 0)).toBe(LARGE - 700_000);
    expect(states(app)).toEqual({ a: "sent", b: "sent" });
  });

  it("asks where to go on when a part arrived but its answer did not", async () => {
    const app = await open();
    next = [
      () => new Response(null, { status: 404 }),
      () => (received.set("a-0", 0), offset(0, 201)),
      problem(409, "OffsetConflict"),
    ];
    await app.enqueue(report("a", LARGE));
    await app.sendAll();
    expect(received.get("a-0")).toBe(LARGE);
    expect(states(app)).toEqual({ a: "sent" });
  });

  it("sends one thing from two tabs once", async () => {
    const one = await open();
    const other = await open();
    one.network.online = true;
    await Promise.all([one.enqueue(report("a", SMALL)), other.enqueue(report("a", SMALL))]);
    await Promise.all([one.sendAll(), other.sendAll()]);
    expect(puts("/v1/feedback/reports/a")).toBe(1);
  });

  it("says why something was refused, and goes on with the next", async () => {
    const app = await open();
    next = [problem(403, "FilingSuspended")];
    await app.enqueue(report("a"));
    await app.enqueue(report("b"));
    await app.sendAll();
    expect(states(app)).toEqual({ a: "refused", b: "sent" });
    expect(app.waiting.items[0]?.reason).toBe("FilingSuspended");
  });

  it("waits when the city is busy, and lets others by", async () => {
    const app = await open();
    next = [problem(429, "TooManyRequests")];
    await app.enqueue(report("a"));
    await app.enqueue(report("b"));
    await app.sendAll();
    expect(states(app)).toEqual({ a: "waiting", b: "sent" });
  });

  it("moves no money by itself once a proof is needed", async () => {
    const app = await open();
    next = [problem(403, "WalletLocked")];
    await app.enqueue({ id: "p", kind: "payment", title: "Điện", body: {}, photographs: [] });
    await app.sendAll();
    await app.sendAll();
    expect(puts("/v1/wallet/payments/p")).toBe(1);
    expect(states(app)).toEqual({ p: "WalletLocked" });
    const [item] = app.waiting.items;
    if (item) await app.attempt(item);
    expect(states(app)).toEqual({ p: "sent" });
  });

  it("sends photographs again that the city has forgotten", async () => {
    const app = await open();
    next = [() => json({}), problem(404, "UnknownUpload")];
    await app.enqueue(report("a", SMALL));
    await app.sendAll();
    expect(puts("/v1/uploads/a-0")).toBe(2);
    expect(states(app)).toEqual({ a: "sent" });
  });

  it("does not bring back, nor file, what was taken out while its photographs went", async () => {
    const app = await open();
    next = [
      async () => {
        await app.takeOut("a");
        return json({});
      },
    ];
    await app.enqueue(report("a", SMALL));
    await app.sendAll();
    expect(states(app)).toEqual({});
    expect(puts("/v1/feedback/reports")).toBe(0);
  });

  it("shows and sends nothing of whoever was signed in before", async () => {
    const hers = await open();
    hers.network.online = false;
    await hers.enqueue(report("a"));
    const his = await open({ ...ME, id: "another" });
    await his.sendAll();
    expect(states(his)).toEqual({});
    expect(seen).toEqual([]);
    expect(states(await open())).toEqual({ a: "waiting" });
  });

  it("sends words about a report after the report", async () => {
    const app = await open();
    const words = {
      id: "w",
      kind: "comment" as const,
      title: "Thêm",
      body: { report_id: "a", text: "ba người" },
      photographs: [],
    };
    next = [problem(503, "Unavailable")];
    await app.enqueue(report("a"));
    await app.enqueue(words);
    await app.sendAll();
    expect(states(app)).toEqual({ a: "waiting", w: "waiting" });
    await app.sendAll();
    expect(states(app)).toEqual({ a: "sent", w: "sent" });
    expect(seen.at(-1)?.path).toBe("/v1/feedback/reports/a/comments/w");
  });
});
