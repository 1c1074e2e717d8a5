import { registerHooks } from 'node:module';

import type { Endpoint } from '../../../src/contract/endpoint.ts';
import type { EndpointName } from '../../../src/contract/endpoints.ts';
import type { Example } from '../../../src/contract/examples/example.ts';

// Prints what the contract makes of the examples of all operations and of thousands of mutations of them, a line each. With `lean`, the
// contract is that of the bundles of the Workers that answer calls, with the modules that stand in there.

if (process.argv[2] === 'lean') {
  const urlOf = (name: string) => new URL(`../../../workers/${name}`, import.meta.url).href;
  const standIn = (url: string) => ({ url, shortCircuit: true });
  // Here the contract of all Workers is one: what the control Worker has, and the kind of schemas that only the upstreams Worker has.
  const lean = `export * from '${urlOf('control/lean-zod.ts')}'; export { lazy } from '${urlOf('upstreams/lean-zod.ts')}';`;
  registerHooks({
    resolve: (name, context, next) => {
      if (name === 'zod') return { ...standIn(`data:text/javascript,${encodeURIComponent(lean)}`), format: 'module' };
      return name.endsWith('/api-text.ts') ? standIn(urlOf('gateway/no-api-text.ts')) : next(name, context);
    },
  });
}

const { ENDPOINTS } = await import('../../../src/contract/endpoints.ts');
const { parse } = await import('../../../src/contract/parse.ts');
const { EXAMPLES } = (await import('../../../src/contract/examples/examples.ts')) as { EXAMPLES: Record<EndpointName, Example> };

const WRONG = [null, '', 'x', 'x'.repeat(5_000), -1, 0, 1.5, 1e12, 1e300, true, [], [1], {}, { a: 1 }, '2026-11', 'http://127.0.0.1:1/x'];

/** The value, it without a field or with another, and the same of each value in it. */
function* mutations(value: unknown): Generator {
  yield value;
  yield* WRONG;
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    yield [...value, ...value];
    for (const [at, item] of value.entries()) for (const other of mutations(item)) yield value.with(at, other);
    return;
  }
  yield { ...value, unknown_field: 1 };
  for (const [name, field] of Object.entries(value)) {
    const { [name]: _, ...rest } = value as Record<string, unknown>;
    yield rest;
    for (const other of mutations(field)) yield { ...value, [name]: other };
  }
}

for (const [name, { body, params, query, headers }] of Object.entries(ENDPOINTS) as [EndpointName, Endpoint][]) {
  const example = EXAMPLES[name];
  const parts = [
    ['path', params, example.params],
    ['query', query, example.query],
    ['headers', headers, {}],
    ['body', 'schema' in body ? body.schema : undefined, example.body],
  ] as const;
  for (const [part, schema, value] of parts) {
    if (schema === undefined) continue;
    for (const mutation of mutations(value ?? {})) {
      console.log(name, part, JSON.stringify(parse(schema, mutation, part)));
    }
  }
}
