import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { isProblem } from "./problem";
import { listen } from "./stream";

const asked: (string | null)[] = [];
let answers: Response[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.useFakeTimers();
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("fetch", (_: string, { headers }: { headers: Headers }) => {
    asked.push(headers.get("last-event-id"));
    const next = answers.shift();
    return next ? Promise.resolve(next) : new Promise(() => undefined);
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a line that ends comes back, and says what it heard last", async () => {
  answers = [new Response(": xin chào\n\nevent: taking\nid: 7\ndata: {}\n\nevent: ta"), new Response("\n")];
  const heard: string[] = [];
  const end = listen("/takings/stream", {
    onopen: () => heard.push("open"),
    onevent: (event, data) => heard.push(`${event} ${data}`),
    oncut: () => heard.push("cut"),
  });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(heard).toEqual(["open", "taking {}", "cut", "open", "cut"]);
  expect(asked.slice(0, 2)).toEqual([null, "7"]);
  end();
});

test("a no of the city is no cut: nobody asks again", async () => {
  const no = { type: "urn:huong:problem:NotFound", title: "Không có", status: 404 };
  answers = [new Response(JSON.stringify(no), { status: 404 })];
  const troubles: unknown[] = [];
  listen("/takings/stream", { onopen: vi.fn(), onevent: vi.fn(), oncut: (trouble) => troubles.push(trouble) });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(troubles.map((trouble) => isProblem(trouble, "NotFound"))).toEqual([true]);
  expect(asked).toEqual([null]);
});

test("a city that is busy is asked again", async () => {
  answers = [new Response("", { status: 503 }), new Response("{}", { status: 429 })];
  listen("/takings/stream", { onopen: vi.fn(), onevent: vi.fn(), oncut: vi.fn() });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveLength(3);
});
