import { expect, test } from "vitest";
import { begun, feeOf, kindOf, toSend, type Schema } from "./form";

const SCHEMA: Schema = {
  type: "object",
  required: ["name", "copies", "parents"],
  properties: {
    name: { type: "string", maxLength: 100 },
    reason: { type: "string", maxLength: 500 },
    born_on: { type: "string", format: "date", maxLength: 10 },
    entry: { type: "string", enum: ["birth", "death"], names: { birth: "Khai sinh", death: "Khai tử" } },
    copies: { type: "integer", minimum: 1 },
    declared: { type: "boolean", const: true },
    parents: { type: "array", maxItems: 2, items: { type: "object", properties: { name: { type: "string" } } } },
    witness: { type: "object", properties: { name: { type: "string" } } },
  },
};

test("every field is asked for in its own way", () => {
  expect(Object.entries(SCHEMA.properties ?? {}).map(([name, inside]) => [name, kindOf(inside)])).toEqual([
    ["name", "text"],
    ["reason", "paragraph"],
    ["born_on", "date"],
    ["entry", "choice"],
    ["copies", "digits"],
    ["declared", "yes"],
    ["parents", "list"],
    ["witness", "group"],
  ]);
});

test("what was not written is not sent, and numbers are numbers", () => {
  const written = begun(SCHEMA) as Record<string, never>;
  expect(toSend(SCHEMA, written)).toEqual({ declared: false, parents: [] });
  expect(
    toSend(SCHEMA, {
      ...written,
      name: "  Lê Thị Ngự Bình ",
      entry: "birth",
      copies: "2",
      declared: true,
      parents: [{ name: "Lê Văn Bạch Đằng" }],
    }),
  ).toEqual({
    name: "Lê Thị Ngự Bình",
    entry: "birth",
    copies: 2,
    declared: true,
    parents: [{ name: "Lê Văn Bạch Đằng" }],
  });
});

test("a number as people write it; what is none is left for the city to refuse", () => {
  const copies = (typed: string) => (toSend(SCHEMA, { copies: typed }) as { copies?: unknown }).copies;
  expect(copies("1.500")).toBe(1500);
  expect(copies("12 000")).toBe(12000);
  expect(copies("1,5")).toBe(1.5);
  expect(copies("hai")).toBe("hai");
  expect(copies(" ")).toBeUndefined();
});

test("what was kept comes back as it was written", () => {
  const kept = { name: "Bình", copies: 3, declared: true, parents: [{ name: "Đằng" }] };
  expect(toSend(SCHEMA, begun(SCHEMA, kept))).toEqual(kept);
});

test("a fee for each copy is told as soon as the copies are", () => {
  const term = { fee: 8000, fee_per_field: "copies" };
  expect(feeOf(term, { copies: 2 })).toBe(16000);
  expect(feeOf(term, {})).toBeNull();
  expect(feeOf(term, { copies: "hai" })).toBeNull();
  expect(feeOf({ fee: 5000, fee_per_field: null }, {})).toBe(5000);
  expect(feeOf({ fee: 0, fee_per_field: "copies" }, {})).toBe(0);
});
