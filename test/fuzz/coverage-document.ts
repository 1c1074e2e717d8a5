import { isRawJson } from '../../src/kernel/exact-json.ts';
import type { OpenApi } from '../support/deployment/tour.ts';

/** Takes any number of itself in each of four places, so that what is tried of it at every operation that has it would have no end. */
const BRANCHING = '#/components/schemas/QdrantFilter';
/** It still has to be an object, without members. */
const EMPTY = { type: 'object', maxProperties: 0 } as const;

/** A document of which each value of each bound can be tried: that schema is in full at the first operation that takes it, and without what it has of itself. */
export function coverageDocument(document: OpenApi): OpenApi {
  const { components, paths } = document as OpenApi & { readonly components: unknown };
  let isTried = false;
  const once = (operation: unknown): unknown => {
    const names = JSON.stringify(operation).includes(`"${BRANCHING}"`);
    const tried = names && isTried ? without(operation) : operation;
    isTried ||= names;
    return tried;
  };
  const oncePerMethod = (methods: object) =>
    Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, once(operation)]));
  const tried = Object.fromEntries(Object.entries(paths).map(([path, methods]) => [path, oncePerMethod(methods)]));
  return { ...document, components: without(components), paths: tried } as OpenApi;
}

function without(node: unknown): unknown {
  if (typeof node !== 'object' || node === null || isRawJson(node)) return node;
  if (Array.isArray(node)) return node.map(without);
  if ((node as { $ref?: unknown }).$ref === BRANCHING) return EMPTY;
  return Object.fromEntries(Object.entries(node).map(([name, member]) => [name, without(member)]));
}
