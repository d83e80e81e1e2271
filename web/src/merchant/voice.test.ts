import { expect, test } from "vitest";
import { payCode } from "./payCode";
import { sentences } from "./voice.svelte";

test("a few payments are said one by one, many as a sum", () => {
  expect(sentences([25_500, 1_000])).toEqual(["Đã nhận hai mươi lăm nghìn năm trăm đồng", "Đã nhận một nghìn đồng"]);
  expect(sentences([10_000, 10_000, 10_000, 10_000])).toEqual(["Đã nhận 4 khoản, tổng cộng bốn mươi nghìn đồng"]);
});

test("a pay code is read however it is written, and nothing else is one", () => {
  expect(payCode("286349 048920 072422")).toBe("286349048920072422");
  expect(payCode("186349048920072422")).toBeNull();
  expect(payCode("28634904892007242")).toBeNull();
  expect(payCode("00020101021127480008vn.huong")).toBeNull();
});
