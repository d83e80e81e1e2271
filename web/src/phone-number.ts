/** 0912 345 678, 84912345678 and +84912345678 are one number; what is none stays as it was typed. */
export function international(typed: string): string {
  return typed.replace(/[\s.()-]/gu, "").replace(/^(\+84|84|0)(?=\d{9}$)/u, "+84");
}

export function isWhole(number: string): boolean {
  return /^\+84\d{9}$/u.test(number);
}
