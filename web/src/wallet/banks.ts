/** Finding a bank as people call it: "bidv", "ngoai thuong", "vietcombank", "mb". */
import type { Schemas } from "../api/client";

type Bank = Schemas["Bank"];

/** Small letters without their marks. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[đĐ]/gu, "d").toLowerCase().trim();
}

/** The banks whose names have all the words, those that begin with them first. */
export function banksLike(banks: readonly Bank[], typed: string): Bank[] {
  const words = plain(typed).split(/\s+/u).filter(Boolean);
  const names = (bank: Bank) => plain(`${bank.short_name} ${bank.code} ${bank.name}`);
  const found = banks.filter((bank) => words.every((word) => names(bank).includes(word)));
  const first = words[0];
  if (first === undefined) return found;
  const begins = (bank: Bank) => [bank.short_name, bank.code].some((name) => plain(name).startsWith(first));
  return [...found.filter(begins), ...found.filter((bank) => !begins(bank))];
}

/** A name as banks have it: LE THI NGU BINH. */
export function asBanksWrite(name: string): string {
  return plain(name).toUpperCase();
}
