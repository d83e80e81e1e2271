import { expect, it } from "vitest";
import { whatIs } from "./scanned";

const HERE = "https://huong.hue.gov.vn";

it.each([
  [`${HERE}/r/ABCD-EFGH`, { kind: "inside", path: "/r/ABCD-EFGH" }],
  [` ${HERE}/pay/dien-luc-hue/PP1?x=1\n`, { kind: "inside", path: "/pay/dien-luc-hue/PP1?x=1" }],
  ["https://huong.hue.gov.vn.evil.example/r/1", { kind: "elsewhere", host: "huong.hue.gov.vn.evil.example" }],
  ["https://huong.hue.gov.vn@evil.example/r/1", { kind: "elsewhere", host: "evil.example" }],
  ["http://huong.hue.gov.vn/r/1", { kind: "elsewhere", host: "huong.hue.gov.vn" }],
  ["https://nhantien.momo.vn/x", { kind: "qr", text: "https://nhantien.momo.vn/x" }],
  ["2812 3456 7890 1234 56", { kind: "pay_code" }],
  ["000201010211…", { kind: "qr", text: "000201010211…" }],
  ["javascript:alert(1)", { kind: "qr", text: "javascript:alert(1)" }],
])("%s", (text, what) => expect(whatIs(text, HERE)).toEqual(what));
