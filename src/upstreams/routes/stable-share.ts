import { chanceHash } from '../../kernel/fast-hash.ts';
import type { RequestFacts } from './request-facts.ts';

/** By what a request falls into one share or another. */
export interface Division {
  /** `request`, `key`, `tenant`, `user`, or `metadata.` and the name of a field. */
  readonly by: string;
  readonly salt: string;
}

const NO_VALUES = new Float32Array();
const HEX_DIGITS_OF_32_BITS = 8;

/**
 * A number in [0, 1), uniform over values and the same for the same one: in every isolate and at any time. [U93] `scope` keeps the divisions of
 * one route independent of those of another.
 */
export function shareOf(facts: RequestFacts, { by, salt }: Division, scope: string): number {
  const hash = chanceHash(JSON.stringify([scope, salt, dividedBy(facts, by)]), NO_VALUES);
  return Number.parseInt(hash.slice(0, HEX_DIGITS_OF_32_BITS), 16) / 2 ** 32;
}

function dividedBy(facts: RequestFacts, by: string): string {
  const value = valueOf(facts, by);
  return value === undefined ? `request ${facts.requestId}` : `${by} ${value}`;
}

function valueOf({ keyId, tenantId, user, metadata }: RequestFacts, by: string): string | undefined {
  if (by === 'key') return keyId;
  if (by === 'tenant') return tenantId;
  if (by === 'user') return user;
  return by.startsWith('metadata.') ? ownText(metadata, by.slice('metadata.'.length)) : undefined;
}

/** What a record has under a name that a caller chose: never what every object has, such as `constructor`. */
export const ownText = (record: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
