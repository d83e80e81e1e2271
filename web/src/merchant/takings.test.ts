import { describe, expect, test } from "vitest";
import { dayOf, Lines, type Taking } from "./takings";

function taking(id: string, amount: number, made_at: string): Taking {
  return {
    id,
    amount,
    made_at,
    kind: amount < 0 ? "refund" : "merchant",
    balance_after: 0,
    memo: null,
    order_id: null,
    original_id: null,
    payer: null,
    reference: null,
    terminal: null,
    terminal_id: null,
  };
}
const ids = (lines: readonly Taking[]) => lines.map((line) => line.id);

describe("what is new", () => {
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => taking("abcd"[n - 1] ?? "", n, `2026-11-29T10:0${n}:00Z`)) as [
    Taking,
    Taking,
    Taking,
    Taking,
  ];

  test("what was there at the first look is not", () => {
    expect(new Lines().page([b, a])).toEqual([]);
  });

  test("each line is new once, whichever way it comes", () => {
    const lines = new Lines();
    lines.page([a]);
    expect(ids(lines.live(b))).toEqual(["b"]);
    expect(lines.live(b)).toEqual([]);
    expect(ids(lines.page([d, c, b, a]))).toEqual(["c", "d"]);
    expect(lines.live(d)).toEqual([]);
    expect(ids(lines.newestFirst)).toEqual(["d", "c", "b", "a"]);
  });

  test("a line that is heard before the first look is", () => {
    const lines = new Lines();
    expect(ids(lines.live(c))).toEqual(["c"]);
    expect(lines.page([c, b, a])).toEqual([]);
  });

  test("older lines are not", () => {
    const lines = new Lines();
    lines.page([c]);
    lines.older([b, a]);
    expect(lines.page([c, b, a])).toEqual([]);
    expect(ids(lines.newestFirst)).toEqual(["c", "b", "a"]);
  });
});

test("a day is Huế's, refunds aside", () => {
  const lines = [
    taking("late", 7_000, "2026-11-29T17:00:00Z"), // midnight in Huế: tomorrow's
    taking("back", -5_000, "2026-11-29T12:00:00Z"),
    taking("noon", 20_000, "2026-11-29T05:00:00Z"),
    taking("early", 10_000, "2026-11-28T17:00:00Z"),
    taking("before", 1_000, "2026-11-28T16:59:59Z"),
  ];
  expect(dayOf(lines, new Date("2026-11-29T03:00:00Z"))).toEqual({ taken: 30_000, count: 2, refunded: 5_000 });
});
