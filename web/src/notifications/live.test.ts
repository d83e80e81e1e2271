import { beforeEach, expect, test, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
const { hear, live } = await import("./live.svelte");

beforeEach(() => {
  live.fresh = [];
  live.unread = null;
});

const message = (seq: number) => JSON.stringify({ seq, title: "Tin", body: "", category: "money", unread: seq });

test("messages come in, the newest first, each once, and count what is left to read", () => {
  hear("message", message(1), "1");
  hear("message", message(2), "2");
  hear("message", message(2), "2");
  expect(live.fresh.map((one) => one.seq)).toEqual([2, 1]);
  expect(live.unread).toBe(2);
});

test("what was read on another phone is read here", () => {
  hear("message", message(1), "1");
  hear("read", '{"unread":0}', "1");
  expect(live.unread).toBe(0);
});

test("who missed too much begins anew", () => {
  const before = live.resets;
  hear("message", message(1), "1");
  hear("reset", '{"seq":260,"unread":57}', "260");
  expect([live.fresh.length, live.unread, live.resets]).toEqual([0, 57, before + 1]);
});

test("a broken line is passed over", () => {
  hear("message", "{", "3");
  hear("message", "{}", "4");
  expect(live.fresh).toEqual([]);
});
