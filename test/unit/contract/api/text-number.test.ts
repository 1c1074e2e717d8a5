import { expect, it } from 'vitest';
import type * as z from 'zod';

import type { Endpoint } from '../../../../src/contract/api/endpoint.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { openApiDocument } from '../../../../src/contract/openapi/openapi.ts';

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: { readonly type?: string; readonly minimum?: number; readonly maximum?: number };
}

const { paths } = openApiDocument() as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId: string; parameters?: readonly Parameter[] }>>>>;
};

const fieldsOf = ({ params, query, headers }: Endpoint) => ({ path: params, query, header: headers });

/** Each parameter that the document calls a number, and the field that reads it. */
const NUMBERS = Object.values(paths)
  .flatMap((methods) => Object.values(methods))
  .flatMap(({ operationId, parameters = [] }) =>
    parameters
      .filter(({ schema }) => schema.type === 'integer' || schema.type === 'number')
      .map((parameter) => {
        const endpoint = (ENDPOINTS as Record<string, Endpoint>)[operationId]!;
        const field = fieldsOf(endpoint)[parameter.in]!._zod.def.shape[parameter.name]!;
        return { title: `${operationId} ${parameter.name}`, parameter, field };
      }),
  );

const NO_NUMBERS = [
  '',
  ' ',
  ' 1',
  '1 ',
  '+1',
  '01',
  '1e2',
  '1.0',
  '0x10',
  '1_0',
  '1,0',
  'NaN',
  'Infinity',
  'null',
  'true',
  '１',
  '1'.repeat(17),
];

const isTaken = (field: z.core.$ZodType, text: string): boolean => parse(field, text, 'query').ok;

it('[G139] a number in a path, a query or a header is decimal digits', () => {
  expect(NUMBERS.length).toBeGreaterThan(80);
  const taken = NUMBERS.flatMap(({ title, field }) => NO_NUMBERS.filter((text) => isTaken(field, text)).map((text) => `${title}=${text}`));
  expect(taken).toEqual([]);
});

it('[G139] it takes each end of the range that the document says, and nothing beyond', () => {
  const wrong = NUMBERS.flatMap(({ title, field, parameter: { schema } }) => {
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema;
    const within = [minimum, maximum].filter((value) => !isTaken(field, String(value)));
    const beyond = [minimum - 1, maximum + 1].filter((value) => isTaken(field, String(value)));
    return [...within, ...beyond].map((value) => `${title}=${value}`);
  });
  expect(wrong).toEqual([]);
});

it('[G139] a refusal names the parameter', () => {
  const refused = parse(ENDPOINTS.listIndexes.query, { limit: '' }, 'query');
  expect(refused).toMatchObject({ error: { code: 'invalid_value', path: ['limit'], message: 'must be a whole number in decimal digits' } });
});
