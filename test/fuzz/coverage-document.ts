import type { OpenApi } from '../support/deployment/tour.ts';

/** Takes any number of itself in each of four places, so that what is tried of it at every operation that has it would have no end. */
const BRANCHING = '#/components/schemas/QdrantFilter';
/** It still has to be an object, without members. */
const EMPTY = { type: 'object', maxProperties: 0 } as const;

/** A document of which each value of each bound can be tried: that schema is in full at the first operation that takes it, and without what it has of itself. */
export function coverageDocument(document: OpenApi): OpenApi {
  const copy = structuredClone(document) as { paths: Record<string, Record<string, object>>; components: object };
  copy.components = without(copy.components) as object;
  let isTried = false;
  for (const methods of Object.values(copy.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const names = JSON.stringify(operation).includes(`"${BRANCHING}"`);
      if (names && isTried) methods[method] = without(operation) as object;
      isTried ||= names;
    }
  }
  return copy as unknown as OpenApi;
}

function without(node: unknown): unknown {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map(without);
  if ((node as { $ref?: unknown }).$ref === BRANCHING) return EMPTY;
  return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, without(member)]));
}
