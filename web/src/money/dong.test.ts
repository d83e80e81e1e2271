import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const kept = new Map<string, string>();
vi.stubGlobal("localStorage", {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => kept.set(key, value),
});
vi.stubGlobal("document", { documentElement: { lang: "" } });

const { digits, dong, grouped, readAmount, signed, spoken } = await import("./dong");
const { speak } = await import("../language.svelte");

beforeEach(() => speak("vi"));
afterEach(() => speak("vi"));

describe("an amount in writing", () => {
  it("stands in groups of three, as the language has it", () => {
    expect(dong(412500)).toBe("412.500 ₫");
    expect(digits(0)).toBe("0");
    expect(dong(1_250_000_000)).toBe("1.250.000.000 ₫");
    speak("en");
    expect(dong(412500)).toBe("412,500 ₫");
  });

  it("has a true minus in a history", () => {
    expect(signed(-12000)).toBe("−12.000 ₫");
    expect(signed(50000)).toBe("+50.000 ₫");
  });
});

describe("an amount that somebody typed", () => {
  it.each([
    ["412.500", 412500],
    ["412,500 ₫", 412500],
    [" 25 000 đ ", 25000],
    ["007", 7],
  ])("%s is read", (typed, amount) => expect(readAmount(typed)).toBe(amount));

  it.each(["", "0", "-5", "12k", "một trăm", "12345678901234"])("%s is none", (typed) =>
    expect(readAmount(typed)).toBeNull(),
  );

  it("is grouped while it is typed, and the caret stays after the same digit", () => {
    expect(grouped("1", 1)).toEqual({ text: "1", caret: 1 });
    expect(grouped("1000", 4)).toEqual({ text: "1.000", caret: 5 });
    expect(grouped("1.0009", 6)).toEqual({ text: "10.009", caret: 6 });
    expect(grouped("91.000", 1)).toEqual({ text: "91.000", caret: 1 });
    expect(grouped("1.00", 4)).toEqual({ text: "100", caret: 3 });
    expect(grouped("0050", 4)).toEqual({ text: "50", caret: 2 });
    expect(grouped("0", 1)).toEqual({ text: "", caret: 0 });
    expect(grouped("abc", 3)).toEqual({ text: "", caret: 0 });
    expect(grouped("99999999999999", 14).text).toBe("9.999.999.999.999");
  });
});

describe("an amount as a voice says it", () => {
  it.each([
    [0, "không đồng"],
    [5, "năm đồng"],
    [15, "mười lăm đồng"],
    [21, "hai mươi mốt đồng"],
    [101, "một trăm lẻ một đồng"],
    [1_000, "một nghìn đồng"],
    [1_005, "một nghìn không trăm lẻ năm đồng"],
    [1_050, "một nghìn không trăm năm mươi đồng"],
    [10_000, "mười nghìn đồng"],
    [21_500, "hai mươi mốt nghìn năm trăm đồng"],
    [25_500, "hai mươi lăm nghìn năm trăm đồng"],
    [105_000, "một trăm lẻ năm nghìn đồng"],
    [111_115, "một trăm mười một nghìn một trăm mười lăm đồng"],
    [412_500, "bốn trăm mười hai nghìn năm trăm đồng"],
    [1_000_000, "một triệu đồng"],
    [1_005_000, "một triệu không trăm lẻ năm nghìn đồng"],
    [1_000_005, "một triệu không trăm lẻ năm đồng"],
    [20_054_000, "hai mươi triệu không trăm năm mươi bốn nghìn đồng"],
    [1_250_000_000, "một tỷ hai trăm năm mươi triệu đồng"],
    [1_000_000_000_000, "một nghìn tỷ đồng"],
    [2_050_000_000_000, "hai nghìn không trăm năm mươi tỷ đồng"],
  ])("%d: %s", (amount, words) => expect(spoken(amount)).toBe(words));
});
