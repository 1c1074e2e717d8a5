import { contains, parseAddressRange } from '../../contract/api/client-address.ts';
import type { Scope } from '../../contract/api/principal.ts';
import type { Touched } from '../../contract/tenancy/touched-resources.ts';

/** How far a key reaches. Null is no bound. */
export interface KeyBounds {
  readonly scopes: readonly Scope[];
  readonly expiresAtMs: number | null;
  /** From where it may be used, as CIDR ranges. */
  readonly addresses: readonly string[] | null;
  /** Of which origins pages may use it. */
  readonly origins: readonly string[] | null;
  /** What it may touch, such as `index/articles` or `model/glove-*`: of each kind that is named here, nothing else. */
  readonly resources: readonly string[] | null;
  /** Of documents it reads those that have one of these labels, and those without any. */
  readonly labels: readonly string[] | null;
}

/** What makes `inner` stronger than `outer`, by the field's name on the wire; undefined when it is not. */
export function strongerIn(
  inner: KeyBounds,
  outer: KeyBounds,
): 'scopes' | 'expires_at' | 'addresses' | 'origins' | 'resources' | 'labels' | undefined {
  if (inner.scopes.some((scope) => !outer.scopes.includes(scope))) return 'scopes';
  if (outer.expiresAtMs !== null && (inner.expiresAtMs ?? Infinity) > outer.expiresAtMs) return 'expires_at';
  if (!isWithin(inner.addresses, outer.addresses, rangeWithin)) return 'addresses';
  if (!isWithin(inner.origins, outer.origins, (a, b) => a === b)) return 'origins';
  if (!isWithin(inner.labels, outer.labels, (a, b) => a === b)) return 'labels';
  return resourcesWithin(inner.resources, outer.resources) ? undefined : 'resources';
}

/** Whether an address may use the key; an unknown address may not where only some may. */
export function admitsAddress(addresses: readonly string[] | null, address: string | undefined): boolean {
  return addresses === null || (address !== undefined && addresses.some((range) => rangeWithin(address, range)));
}

/** What a key may not touch of what a call does: a resource such as `index/articles`, or a whole kind. */
export function deniedOf(resources: readonly string[] | null, { named, unnamed }: Touched): string | undefined {
  const restricted = unnamed.find((kind) => ofKind(resources, kind).length > 0);
  return named.find((resource) => !admitsResource(resources, resource)) ?? restricted;
}

function admitsResource(resources: readonly string[] | null, resource: string): boolean {
  const patterns = ofKind(resources, kindOf(resource));
  return patterns.length === 0 || patterns.some((pattern) => covers(pattern, resource));
}

// Each kind that the outer key names must be named by the inner one, and no wider.
function resourcesWithin(inner: readonly string[] | null, outer: readonly string[] | null): boolean {
  return [...new Set((outer ?? []).map(kindOf))].every((kind) => {
    const [mine, theirs] = [ofKind(inner, kind), ofKind(outer, kind)];
    return mine.length > 0 && mine.every((pattern) => theirs.some((other) => covers(other, pattern)));
  });
}

function isWithin(inner: readonly string[] | null, outer: readonly string[] | null, within: (a: string, b: string) => boolean): boolean {
  if (outer === null) return true;
  return inner !== null && inner.every((one) => outer.some((other) => within(one, other)));
}

function rangeWithin(inner: string, outer: string): boolean {
  const [small, large] = [parseAddressRange(inner), parseAddressRange(outer)];
  return small !== undefined && large !== undefined && contains(large, small);
}

/** `index` of `index/articles`. */
export const kindOf = (resource: string): string => resource.slice(0, resource.indexOf('/'));

const ofKind = (resources: readonly string[] | null, kind: string): string[] =>
  (resources ?? []).filter((pattern) => kindOf(pattern) === kind);

const covers = (pattern: string, resource: string): boolean =>
  pattern.endsWith('*') ? resource.startsWith(pattern.slice(0, -1)) : pattern === resource;
