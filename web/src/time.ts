/** Times as people in Huế read them, whatever the phone's own zone says. */
import { language } from "./language.svelte";

const ZONE = "Asia/Ho_Chi_Minh";

function written(options: Intl.DateTimeFormatOptions): (at: string | Date) => string {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, ...options }); // day/month/year in both languages
  return (at) => format.format(new Date(at));
}

/** 29/11/2026 */
export const day = written({ day: "2-digit", month: "2-digit", year: "numeric" });

/** 29/11 */
export const shortDay = written({ day: "2-digit", month: "2-digit" });

/** 14:05 */
export const hour = written({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function moment(at: string | Date): string {
  return `${hour(at)} · ${day(at)}`;
}

/** Today's date in Huế, as 2026-11-29. */
export function today(): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone: ZONE }).format(new Date());
}

/** "3 phút trước", "2 ngày nữa": how far from now, in the largest unit that fits. */
export function fromNow(at: string | Date, now: Date = new Date()): string {
  const seconds = Math.round((new Date(at).getTime() - now.getTime()) / 1000);
  const format = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  for (const [unit, size] of [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const) {
    if (Math.abs(seconds) >= size) return format.format(Math.trunc(seconds / size), unit);
  }
  return format.format(0, "minute");
}
