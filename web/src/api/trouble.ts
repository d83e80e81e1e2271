/** A no of the city (RFC 9457), or a city that does not answer. */
import type { components } from "./schema";

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
