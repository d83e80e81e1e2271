/** The pay code in what was read or typed: 18 digits that begin with 28, in groups or not; null: none. */
export function payCode(text: string): string | null {
  const digits = text.replace(/[\s.-]/gu, "");
  return /^28\d{16}$/u.test(digits) ? digits : null;
}
