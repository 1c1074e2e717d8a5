import { shownName } from '../../../src/contract/api/field-path.ts';
import { utf8Text } from '../../../src/contract/api/json-text.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { ok } from '../../../src/kernel/result.ts';

/**
 * Refuses a path or query whose percent-encoding is not UTF-8, such as `%ED%A0%80` (half a surrogate pair), and names the parameter.
 * Decoders keep or replace such bytes, so that two names would become one.
 */
export function checkUrlText(url: string, pattern: string): Outcome<null> {
  if (!url.includes('%')) return ok(null);
  const { pathname, search } = new URL(url);
  const segments = pathname.split('/');
  const names = pattern.split('/');
  // Aligned at their ends: the same routes may be mounted below a prefix.
  const bad = segments.findIndex((segment) => !isUtf8(segment));
  if (bad !== -1) return notUtf8((names[bad - segments.length + names.length] ?? 'path').replace(/^:|\{.*$/g, ''));
  for (const pair of search.slice(1).split('&')) {
    if (!isUtf8(pair)) return notUtf8(shownName(pair.split('=', 1)[0] ?? ''));
  }
  return ok(null);
}

const notUtf8 = (param: string) => refuse('invalid_value', 'is not UTF-8 after percent-decoding', param);

const ESCAPE = /%([\da-f]{2})/gi;

/** A URL that was parsed is ASCII; each of its escapes is a byte. */
function isUtf8(text: string): boolean {
  if (!text.includes('%')) return true;
  const octets = text.replace(ESCAPE, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  return utf8Text(Uint8Array.from(octets, (octet) => octet.codePointAt(0) ?? 0)) !== undefined;
}

/** The fields of a form or a query string as an object. Refuses a field that comes twice: one of the two would go unheard. */
export function eachOnce<T>(fields: Iterable<readonly [string, T]>): Outcome<Record<string, T>> {
  const entries = [...fields];
  const seen = new Set<string>();
  for (const [name] of entries) {
    if (seen.has(name)) return refuse('invalid_value', 'is given more than once', shownName(name));
    // No schema would see it: zod leaves it out.
    if (name === '__proto__') return refuse('invalid_value', 'is not a known field', name);
    seen.add(name);
  }
  return ok(Object.fromEntries(entries));
}

/** The request's `Idempotency-Key`, if it sends one. */
export function idempotencyKeyOf(request: Request): Outcome<string | undefined> {
  const key = request.headers.get('idempotency-key');
  if (key === null) return ok(undefined);
  if (/^[\x21-\x7e]+$/.test(key) && key.length <= API_LIMITS.idempotencyKeyCharsMax) return ok(key);
  const takes = `must be 1 to ${API_LIMITS.idempotencyKeyCharsMax} visible ASCII characters, not ${key.length}`;
  return refuse('invalid_value', takes, 'idempotency-key');
}
