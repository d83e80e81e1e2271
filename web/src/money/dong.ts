/** Whole đồng, as people write them: 412.500 ₫ in Vietnamese, 412,500 ₫ in English. */
import { language } from "../language.svelte";

const GROUPS = { vi: new Intl.NumberFormat("vi-VN"), en: new Intl.NumberFormat("en-US") };

export function digits(amount: number): string {
  return GROUPS[language()].format(amount);
}

export function dong(amount: number): string {
  return `${digits(amount)} ₫`;
}

/** With its sign, for lines of a history: +50.000 ₫, −12.000 ₫ (a true minus, not a hyphen). */
export function signed(amount: number): string {
  return `${amount < 0 ? "−" : "+"}${dong(Math.abs(amount))}`;
}

/** What somebody typed as an amount, dots, commas, blanks and the sign of the currency aside; null: no amount. */
export function readAmount(typed: string): number | null {
  const plain = typed.replace(/[\s.,₫đ]/gu, "");
  if (!/^\d{1,13}$/u.test(plain)) return null;
  const amount = Number(plain);
  return amount > 0 ? amount : null;
}

/** What is being typed, in groups of three as far as it goes, and where the caret is then: after the same digit. */
export function grouped(typed: string, caret: number): { text: string; caret: number } {
  const before = typed.slice(0, caret).replace(/\D/gu, "").length;
  const plain = typed.replace(/\D/gu, "");
  const zeros = plain.length - plain.replace(/^0+/u, "").length;
  const kept = plain.slice(zeros, zeros + 13);
  const text = kept === "" ? "" : digits(Number(kept));
  let left = Math.max(0, before - zeros);
  let at = 0;
  while (left > 0 && at < text.length) if (/\d/u.test(text[at++] ?? "")) left -= 1;
  return { text, caret: at };
}

const DIGITS = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"];

/** The amount in Vietnamese words, as a voice says it: 25.500 → "hai mươi lăm nghìn năm trăm đồng". */
export function spoken(amount: number): string {
  return `${amount === 0 ? "không" : below(amount, false)} đồng`;
}

function below(amount: number, inside: boolean): string {
  const words: string[] = [];
  const billions = Math.floor(amount / 1e9);
  if (billions > 0) words.push(below(billions, inside), "tỷ");
  for (const [size, name] of [
    [1e6, "triệu"],
    [1e3, "nghìn"],
    [1, ""],
  ] as const) {
    const group = Math.floor(amount / size) % 1000;
    if (group > 0) words.push(three(group, inside || words.length > 0), name);
  }
  return words.filter((word) => word !== "").join(" ");
}

function three(group: number, inside: boolean): string {
  const hundreds = Math.floor(group / 100);
  const tens = Math.floor(group / 10) % 10;
  const ones = group % 10;
  const words: string[] = [];
  if (hundreds > 0 || inside) words.push(`${DIGITS[hundreds]} trăm`);
  if (tens === 0 && ones > 0 && words.length > 0) words.push("lẻ");
  if (tens === 1) words.push("mười");
  if (tens > 1) words.push(`${DIGITS[tens]} mươi`);
  if (ones === 1 && tens > 1) words.push("mốt");
  else if (ones === 5 && tens > 0) words.push("lăm");
  else if (ones > 0) words.push(DIGITS[ones] ?? "");
  return words.join(" ");
}
