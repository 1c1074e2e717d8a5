import type { FieldPath } from '../../contract/api/field-path.ts';
import { shownName } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, textAt } from '../protocol/json.ts';
import { isBriefCache, KNOWN_FIELDS } from './known-fields.ts';
import type { FieldUse } from './known-fields.ts';

export type RequestKind = keyof typeof KNOWN_FIELDS;

const OWN = 'leave it out, or call an upstream of your own';

/**
 * Refuses what of a request an upstream of the platform must not get: fields that change its price, its model, what is kept or how long the answer is
 * without the bound knowing, and any that Sluice does not know; also what names things that are kept there, as all tenants share that account. Null
 * says the same as nothing. [U195]
 */
export function checkPlatformFields(kind: RequestKind, body: JsonObject): Outcome<void> {
  const uses: Readonly<Record<string, FieldUse>> = KNOWN_FIELDS[kind];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined || value === null) continue;
    const use = Object.hasOwn(uses, name) ? uses[name] : undefined;
    if (use === undefined)
      return refuse('invalid_value', `${shownName(name)} is no field that is passed on to an upstream of the platform: ${OWN}`, [name]);
    if (typeof use === 'object' && !use.passes(value))
      return refuse('invalid_value', `changes ${use.changes} at an upstream of the platform: ${OWN}`, [name]);
  }
  return partsOf(kind, body);
}

/** What Sluice says in such a request instead of its caller; undefined: nothing. [U195] */
export const platformFields = (kind: RequestKind): JsonObject => ({
  service_tier: undefined,
  explain: undefined,
  ...(kind === 'responses' ? { store: false } : kind === 'chat' ? { store: undefined } : {}),
});

/** Features of Anthropic's API that change neither the price nor what is kept; others need a field that is refused, or cost more. */
const BETAS =
  /^(claude-code|computer-use|effort|fine-grained-tool-streaming|interleaved-thinking|max-tokens|output-128k|pdfs|prompt-caching|structured-outputs|token-counting|token-efficient-tools)-/;

/** Of the features that a caller has asked for those that such an upstream is asked for; undefined: none. */
export function platformBetas(betas: string | undefined): string | undefined {
  const kept = (betas ?? '').split(',').filter((one) => BETAS.test(one.trim()));
  return kept.length === 0 ? undefined : kept.join(',');
}

/** Refuses parts that stand for something kept at the upstream, and caches that are kept for long. */
function partsOf(kind: RequestKind, body: JsonObject): Outcome<void> {
  const holders = kind === 'responses' ? ['input'] : kind === 'messages' ? ['system', 'messages', 'tools'] : ['messages'];
  for (const name of holders) {
    const refused = keptIn(body[name], [name]);
    if (refused !== undefined) return refused;
  }
  return ok(undefined);
}

function keptIn(value: unknown, path: FieldPath): ReturnType<typeof refuse> | undefined {
  if (!Array.isArray(value)) return undefined;
  for (const [at, part] of value.entries()) {
    const refused = isObject(part) ? keptBy(part, [...path, at]) : undefined;
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function keptBy(part: JsonObject, path: FieldPath): ReturnType<typeof refuse> | undefined {
  const kept = (at: FieldPath) => refuse('invalid_value', `names what is kept at an upstream of the platform: ${OWN}`, at);
  if (textAt(part, 'type') === 'item_reference') return kept([...path, 'type']);
  if (textAt(part, 'file_id') !== undefined) return kept([...path, 'file_id']);
  for (const name of ['source', 'file', 'image_url'])
    if (textAt(part[name], 'file_id') !== undefined) return kept([...path, name, 'file_id']);
  const cache = part['cache_control'];
  if (isObject(cache) && !isBriefCache(cache))
    return refuse('invalid_value', `changes the price at an upstream of the platform: ${OWN}`, [...path, 'cache_control', 'ttl']);
  return keptIn(listAt(part, 'content'), [...path, 'content']) ?? keptIn(listAt(part, 'output'), [...path, 'output']);
}
