import * as z from 'zod';

import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { fromBase64Url, toBase64Url } from '../../kernel/base64url.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { ok } from '../../kernel/result.ts';

const count = z.int().min(0);

/** Where an import stands, and of which creation of its index it is. */
export const importToken = z.strictObject({ import: z.string().min(1).max(64), created: count, lines: count, bytes: count });

/** Where an export stands, and the generation whose vectors it tells. */
export const exportToken = z.strictObject({
  generation: z.string(),
  /** Null: before the first namespace. */
  namespace: z.string().nullable(),
  /** Null: before the first vector of the namespace. */
  id: z.string().nullable(),
});

export const toToken = (state: object): string => toBase64Url(utf8(JSON.stringify(state)));

/** Refuses with `invalid_value` what `toToken` did not make of such a state. */
export function fromToken<S extends z.ZodType>(schema: S, token: string): Outcome<z.output<S>> {
  const parsed = schema.safeParse(jsonOf(token));
  return parsed.success ? ok(parsed.data) : refuse('invalid_value', 'token: is not one that this call has answered', 'token');
}

function jsonOf(token: string): unknown {
  const bytes = fromBase64Url(token);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    return undefined;
  }
}
