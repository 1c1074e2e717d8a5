import { Validator } from '@cfworker/json-schema';
import * as z from 'zod';
import { expect, it } from 'vitest';

import type { Endpoint } from '../../src/contract/api/endpoint.ts';
import { faultText } from '../../src/contract/api/fault-text.ts';
import { ENDPOINTS } from '../../src/contract/endpoints.ts';
import { parseExactJson } from '../../src/kernel/exact-json.ts';
import { openApiDocument } from '../../src/contract/openapi/openapi.ts';
import { EXCEPTIONS, isException } from '../support/fixtures/document-exceptions.ts';
import { SchemaSamples } from '../support/fixtures/schema-samples.ts';
import type { JsonSchema } from '../support/fixtures/schema-samples.ts';
import { effort } from '../support/fixtures/effort.ts';

const { components, paths } = JSON.parse(JSON.stringify(openApiDocument())) as {
  components: { schemas: Record<string, JsonSchema> };
  paths: Record<string, Record<string, { operationId: string; requestBody?: { content: Record<string, { schema: JsonSchema }> } }>>;
};

const BODIES = Object.values(paths)
  .flatMap((methods) => Object.values(methods))
  .flatMap(({ operationId, requestBody }) => {
    const schema = requestBody?.content['application/json']?.schema;
    const { body } = (ENDPOINTS as Record<string, Endpoint>)[operationId] ?? {};
    const parsed = body?.kind === 'json' && body.exactIntegers === true ? parseExactJson : JSON.parse;
    return schema !== undefined && body?.kind === 'json' ? [{ operationId, schema, read: body.schema, parsed }] : [];
  });

/** Mulberry32. */
function randomOf(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * count);
  };
}

type Body = (typeof BODIES)[number];

/** How the document and the reader of a body differ about a value; undefined: they do not, or as an exception says. */
function differenceOf({ operationId, read, parsed }: Body, value: unknown, isDescribed: boolean): string | undefined {
  const result = z.safeParse(read, parsed(JSON.stringify(value)), { error: faultText, reportInput: true });
  if (result.success === isDescribed) return undefined;
  const shown = JSON.stringify(value).slice(0, 300);
  // What the collection refuses later is described, too: no example is given.
  if (result.success) return /recommend|Query/i.test(operationId) ? undefined : `${operationId} is described tighter: ${shown}`;
  const { message = '', path = [] } = result.error.issues[0] ?? {};
  return isException(operationId, message)
    ? undefined
    : `${operationId} is described looser: ${path.map(String).join('.')} ${message}: ${shown}`;
}

it('[G122] documents of bodies are no looser and no tighter than what reads them', () => {
  expect(BODIES.length).toBeGreaterThan(90);
  const tally = { accepted: 0, refused: 0 };
  const differences = new Set<string>();
  for (const body of BODIES) {
    const validator = new Validator({ ...body.schema, components } as object, '2020-12', true);
    const samples = new SchemaSamples(components.schemas, randomOf(body.operationId.length));
    for (let run = 0; run < effort(150, 1_500); run += 1) {
      const value = samples.of(body.schema, run % 2 === 0 ? 0 : 12);
      if (value === undefined) continue;
      const { valid } = validator.validate(value);
      tally[valid ? 'accepted' : 'refused'] += 1;
      const difference = differenceOf(body, value, valid);
      if (difference !== undefined) differences.add(difference);
    }
  }
  expect([...differences].slice(0, 200)).toEqual([]);
  // Neither side is trivial.
  expect(Math.min(tally.accepted, tally.refused)).toBeGreaterThan(BODIES.length);
});

it('[G122] each exception names its reason', () => {
  for (const { operations, message, reason } of EXCEPTIONS)
    expect([operations, message, reason].every((text) => text.length > 1)).toBe(true);
});
