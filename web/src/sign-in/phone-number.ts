/** 0912 345 678 and +84912345678 are one number. */
export function international(typed: string): string {
  const plain = typed.replace(/[\s.()-]/gu, "");
  return plain.startsWith("0") ? `+84${plain.slice(1)}` : plain;
}
