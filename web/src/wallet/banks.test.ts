import { expect, it } from "vitest";
import { asBanksWrite, banksLike } from "./banks";

const BANKS = [
  { bin: "970416", code: "ACB", short_name: "ACB", name: "Ngân hàng TMCP Á Châu" },
  { bin: "970436", code: "VCB", short_name: "Vietcombank", name: "Ngân hàng TMCP Ngoại Thương Việt Nam" },
  { bin: "970422", code: "MB", short_name: "MBBank", name: "Ngân hàng TMCP Quân đội" },
  { bin: "970458", code: "UOB", short_name: "UnitedOverseas", name: "Ngân hàng United Overseas Bank, mb" },
];
const found = (typed: string) => banksLike(BANKS, typed).map((bank) => bank.code);

it.each([
  ["ngoai thuong", ["VCB"]],
  ["QUÂN ĐỘI", ["MB"]],
  ["quan doi", ["MB"]],
  ["a chau", ["ACB"]],
  ["mb", ["MB", "VCB", "UOB"]],
  ["nothing like it", []],
])("%s finds %j", (typed, codes) => expect(found(typed)).toEqual(codes));

it("nothing typed is all of them", () => expect(found("  ")).toHaveLength(4));

it("a name is written as banks write it", () => expect(asBanksWrite("Đặng Thị Ngự Bình")).toBe("DANG THI NGU BINH"));
