import type { Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonObject } from './json.ts';
import { present } from './json.ts';

/** What of a request cannot be said in the protocol of its upstream: the first of all that is found. [U33] */
export class Untranslatable {
  #first: Refusal | undefined;

  /** Notes it, and answers undefined in its place. */
  at(path: FieldPath, message: string): undefined {
    this.#first ??= refusal('invalid_value', message, path);
    return undefined;
  }

  outcome<T>(value: T): Outcome<T> {
    return this.#first === undefined ? ok(value) : { ok: false, error: this.#first };
  }
}

/** How the fields of a request are said in another protocol. */
export interface FieldTable {
  /** What changes nothing about the answer, and what is translated apart from this table. */
  readonly leftOut: ReadonlySet<string>;
  /** Values that say what is done anyway. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, (value: unknown, cannot: Untranslatable) => JsonObject | undefined>>;
  /** What the protocol has, and the other one cannot express: why, and what to do. */
  readonly refused: Readonly<Record<string, string>>;
  /** Why any other field is refused. */
  readonly unknown: string;
}

/** The fields of a request that a table translates; the first of any other is noted. Callers choose the names: a table has its own alone. */
export function translatedFields(request: JsonObject, table: FieldTable, cannot: Untranslatable): Record<string, unknown> {
  const translated: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(present(request))) {
    if (table.leftOut.has(name) || (Object.hasOwn(table.defaults, name) && table.defaults[name] === value)) continue;
    const translate = Object.hasOwn(table.fields, name) ? table.fields[name] : undefined;
    if (translate === undefined) cannot.at([name], (Object.hasOwn(table.refused, name) ? table.refused[name] : undefined) ?? table.unknown);
    else Object.assign(translated, translate(value, cannot));
  }
  return translated;
}
