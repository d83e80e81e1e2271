/**
 * A procedure's form, as its JSON Schema (2020-12) describes it: what to ask, and what was written as the city wants
 * it. What is right, the city says; here nothing is refused, so that no two rules can differ.
 */

export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly (string | number)[];
  readonly names?: Readonly<Record<string, string>>;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

export type Kind = "text" | "paragraph" | "date" | "digits" | "choice" | "yes" | "list" | "group";

/** What is written while it is being written: texts, yes or no, lists and groups of them. */
export type Written = { [name: string]: Value };
export type Value = string | boolean | Written | Value[];

const LONG = 200;

export function kindOf(schema: Schema): Kind {
  if (schema.enum) return "choice";
  switch (schema.type) {
    case "boolean":
      return "yes";
    case "integer":
    case "number":
      return "digits";
    case "array":
      return "list";
    case "object":
      return "group";
    default:
      if (schema.const === true) return "yes";
      if (schema.format === "date") return "date";
      return (schema.maxLength ?? 0) > LONG ? "paragraph" : "text";
  }
}

/** What stands in a form before anybody wrote, or what was kept of it. */
export function begun(schema: Schema, kept: unknown = undefined): Value {
  const before = kept ?? schema.default;
  switch (kindOf(schema)) {
    case "yes":
      return before === true;
    case "list":
      return Array.isArray(before) ? before.map((one) => begun(schema.items ?? {}, one)) : [];
    case "group": {
      const there = (typeof before === "object" && before !== null ? before : {}) as Record<string, unknown>;
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, inside]) => [name, begun(inside, there[name])]),
      );
    }
    default:
      return typeof before === "string" || typeof before === "number" ? String(before) : "";
  }
}

/** What was written as the city wants it: numbers are numbers, and what is empty is left out. */
export function toSend(schema: Schema, written: Value): unknown {
  switch (kindOf(schema)) {
    case "yes":
      return written === true;
    case "digits":
      return asNumber(String(written));
    case "list":
      return (Array.isArray(written) ? written : [])
        .map((one) => toSend(schema.items ?? {}, one))
        .filter((one) => one !== undefined);
    case "group": {
      const sent = Object.entries(schema.properties ?? {})
        .map(([name, inside]) => [name, toSend(inside, (written as Written)[name] ?? "")] as const)
        .filter(([name, value]) => value !== undefined && !isUnasked(schema, name, value));
      return Object.fromEntries(sent);
    }
    case "choice":
      return schema.enum?.find((one) => String(one) === written);
    default: {
      const text = String(written).trim();
      return text === "" ? undefined : text;
    }
  }
}

/** A list or a group that need not be there and is empty says nothing. */
function isUnasked(schema: Schema, name: string, value: unknown): boolean {
  if (schema.required?.includes(name)) return false;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** 1.500 and 1 500 are 1500; what is no number goes as it is, and the city says so. */
function asNumber(typed: string): number | string | undefined {
  const text = typed.trim();
  if (text === "") return undefined;
  const plain = text.replace(/[\s.](?=\d{3}(\D|$))/gu, "").replace(",", ".");
  return /^-?\d+(\.\d+)?$/u.test(plain) ? Number(plain) : text;
}

/** The fee of a term: for each of what a field counts, or once. Null: the field is not filled in yet. */
export function feeOf(
  term: { readonly fee: number; readonly fee_per_field: string | null },
  form: Readonly<Record<string, unknown>>,
): number | null {
  if (term.fee === 0 || term.fee_per_field === null) return term.fee;
  const counted = form[term.fee_per_field];
  return typeof counted === "number" && Number.isInteger(counted) && counted > 0 ? term.fee * counted : null;
}

/** What the fields are called, in the order in which they are asked. */
export function titlesOf(schema: Schema): Record<string, string> {
  return Object.fromEntries(
    Object.entries(schema.properties ?? {}).map(([name, field]) => [name, field.title ?? name]),
  );
}
