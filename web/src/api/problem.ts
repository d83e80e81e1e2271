/** A no of the city (RFC 9457), or a city that does not answer. */
import type { components } from "./schema";
import { language } from "../language.svelte";

export type ProblemBody = components["schemas"]["Problem"];

export class Problem extends Error {
  /** The name in the problem's type: `WalletLocked` of `urn:huong:problem:WalletLocked`. */
  readonly kind: string;

  constructor(
    readonly status: number,
    readonly body: ProblemBody,
  ) {
    super(body.title);
    this.kind = body.type.split(":").at(-1) ?? "";
  }

  /** What is wrong with each field, by its name. */
  get fields(): Record<string, string> {
    const found: Record<string, string> = {};
    for (const error of (this.body.errors ?? []) as { field: string; message: string }[]) {
      found[error.field] ??= error.message;
    }
    return found;
  }
}

/** Nothing came back: no network, or a city that cannot be reached. */
export class Unreachable extends Error {
  constructor(override readonly cause?: unknown) {
    super("unreachable");
  }
}

export function isProblem(trouble: unknown, ...kinds: string[]): trouble is Problem {
  return trouble instanceof Problem && (kinds.length === 0 || kinds.includes(trouble.kind));
}

/** What a person is told of a trouble, whatever it is. */
export function told(trouble: unknown): string {
  const vi = language() === "vi";
  if (trouble instanceof Problem) return trouble.body.title_translated?.[language()] ?? trouble.body.title;
  if (trouble instanceof Unreachable) {
    return vi ? "Không có kết nối. Hãy thử lại khi có mạng." : "No connection. Try again when there is a network.";
  }
  return vi ? "Có lỗi ở ứng dụng này. Hãy thử lại." : "Something went wrong in this app. Try again.";
}
