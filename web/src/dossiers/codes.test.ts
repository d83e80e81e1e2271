import { expect, test } from "vitest";
import { grouped, readCode } from "./codes";

test("a code is read from the receipt's QR, and as it is typed", () => {
  expect(readCode("https://hue.example/d/H57.33-261129-0001", "d")).toBe("H57.33-261129-0001");
  expect(readCode(" h57.33-261129-0001 ", "d")).toBe("h57.33-261129-0001");
  expect(readCode("http://localhost:8000/v/KQYAPWENP3G7", "v")).toBe("KQYAPWENP3G7");
});

test("what is something else is no code", () => {
  expect(readCode("https://hue.example/v/KQYAPWENP3G7", "d")).toBeNull();
  expect(readCode("00020101021238570010A000000727", "d")).not.toContain("/");
  expect(readCode("https://evil.example/d/%E0%A4%A", "d")).toBeNull();
  expect(readCode("javascript:alert(1)", "v")).toBeNull();
});

test("a result's code in groups", () => {
  expect(grouped("KQYAPWENP3G7")).toBe("KQ YAPWE NP3G7");
});
