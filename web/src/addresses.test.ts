import { expect, test } from "vitest";
import { outsidePage, ownScreen } from "./addresses";

test("a message leads to a screen of the app, and to no other place by a trick", () => {
  expect(ownScreen("/wallet/payments/1?a=b")).toBe("/wallet/payments/1?a=b");
  for (const trick of [
    null,
    "",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "https://evil.example",
    "javascript:alert(1)",
  ]) {
    expect(ownScreen(trick)).toBeNull();
  }
});

test("a page outside is https and nothing else", () => {
  expect(outsidePage("https://hue.example/a?b=1")).toBe("https://hue.example/a?b=1");
  for (const trick of [
    "http://hue.example/",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://hue@evil.example/",
    "/x",
  ]) {
    expect(outsidePage(trick)).toBeNull();
  }
});
