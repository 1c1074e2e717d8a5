import { glob } from 'node:fs/promises';
import { join } from 'node:path';

import * as z from 'zod';
import { describe, expect, it } from 'vitest';

import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import type { EndpointName } from '../../../../src/contract/endpoints.ts';
import { EXAMPLES, TOUR } from '../../../../src/contract/openapi/examples/examples.ts';
import type { Answered } from '../../../../src/contract/openapi/examples/example.ts';
import { openApiDocument } from '../../../../src/contract/openapi/openapi.ts';

const CONTRACT = join(import.meta.dirname, '../../../../src/contract');
const NAMES = Object.keys(ENDPOINTS) as EndpointName[];

/** Every value in an example that comes from an earlier answer. */
function answeredIn(value: unknown): Answered[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('operation' in value && 'path' in value) return [value as Answered];
  return Object.values(value).flatMap(answeredIn);
}

describe('the examples of the API', () => {
  it('[G19] use only values from earlier answers of the tour, from existing fields', () => {
    for (const name of NAMES) {
      for (const { operation, path } of answeredIn(EXAMPLES[name])) {
        const source = ENDPOINTS[operation as EndpointName] as Endpoint;
        expect(TOUR.indexOf(operation as EndpointName), `${name} needs ${operation}`).toBeLessThan(TOUR.indexOf(name));
        expect(TOUR.indexOf(operation as EndpointName)).toBeGreaterThanOrEqual(0);
        const reply = z.toJSONSchema(source.reply.kind === 'json' ? source.reply.schema : z.never(), {
          unrepresentable: 'any',
          io: 'input',
        });
        expect(JSON.stringify(reply), `${operation}.${path}`).toContain(`"${path.split('.').at(-1)}"`);
      }
    }
  });

  it('[G19] are the only values that the page fills in for parameters', () => {
    const { paths = {} } = openApiDocument();
    const filled: string[] = [];
    for (const methods of Object.values(paths)) {
      for (const { operationId, parameters = [] } of Object.values(methods ?? {}) as {
        operationId: EndpointName;
        parameters?: object[];
      }[]) {
        const example = { ...EXAMPLES[operationId].params, ...EXAMPLES[operationId].query };
        for (const parameter of parameters as { in: string; name: string; required?: boolean; schema: object; example?: unknown }[]) {
          if (parameter.in === 'header') continue;
          const isGiven = Object.hasOwn(example, parameter.name);
          expect(parameter.required !== true || isGiven, `${operationId} needs ${parameter.name}`).toBe(true);
          expect([isGiven, 'example' in parameter.schema], `${operationId} ${parameter.name}`).toEqual([
            parameter.example !== undefined,
            false,
          ]);
          if (isGiven) filled.push(parameter.name);
        }
      }
    }
    expect(filled.length).toBeGreaterThan(50);
  });

  it('[G10] cover every exported endpoint: none hides another of the same name', async () => {
    const places: string[] = [];
    for await (const file of glob('{*,*/*}.ts', { cwd: CONTRACT })) {
      for (const [name, value] of Object.entries((await import(join(CONTRACT, file))) as Record<string, Record<string, Endpoint>>)) {
        if (name.endsWith('Endpoints')) places.push(...Object.values(value).map(({ method, path }) => `${method} ${path}`));
      }
    }
    const listed = new Set(Object.values<Endpoint>(ENDPOINTS).map(({ method, path }) => `${method} ${path}`));
    expect(places.length).toBeGreaterThan(50);
    expect(places.filter((place) => !listed.has(place))).toEqual([]);
  });
});
