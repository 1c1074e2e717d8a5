import type * as z from 'zod';
import { expect, it } from 'vitest';

import { editsBetween } from '../../../src/contract/api/closest-word.ts';
import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import { OTHER_WORDS } from '../../../src/contract/api/other-words.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { fieldsOf } from '../../../src/contract/api/suggestion.ts';
import { ENDPOINTS } from '../../../src/contract/endpoints.ts';
import { openApiDocument } from '../../../src/contract/openapi/openapi.ts';
import { effort } from '../../support/fixtures/effort.ts';

type Fields = Readonly<Record<string, unknown>>;
interface Described {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: Fields }>> };
}

/** Of a body of several kinds the one of its example. */
function optionOf(schema: z.core.$ZodType, example: Fields): z.core.$ZodType {
  const { options = [] } = schema._zod.def as { readonly options?: readonly z.core.$ZodType[] };
  return options.find((option) => parse(option, example).ok) ?? schema;
}

/** Each operation whose body is a JSON object, with its example and the names of the fields at the top of it. */
const BODIES = Object.values(openApiDocument().paths ?? {})
  .flatMap((methods) => Object.values(methods as Readonly<Record<string, Described>>))
  .flatMap(({ operationId, requestBody }) => {
    const example = requestBody?.content['application/json']?.example;
    const { body } = (ENDPOINTS as Readonly<Record<string, Endpoint>>)[operationId] ?? {};
    if (body?.kind !== 'json' || example === undefined) return [];
    const isStrict = !parse(body.schema, { ...example, '~': 1 }).ok;
    return [{ operationId, example, schema: body.schema, isStrict, names: [...fieldsOf(optionOf(body.schema, example))] }];
  });

type Body = (typeof BODIES)[number];

/** All that one slip makes of a name: a letter is left out, doubled, another one, or has changed places with the next. */
const slipsOf = (name: string): string[] =>
  Array.from(name, (letter, i) => {
    const [before, after] = [name.slice(0, i), name.slice(i + 1)];
    const next = after[0];
    return [
      before + after,
      `${before}${letter}${letter}${after}`,
      `${before}${letter === 'z' ? 'y' : 'z'}${after}`,
      ...(next === undefined || next === letter ? [] : [`${before}${next}${letter}${after.slice(1)}`]),
    ];
  }).flat();

const renamed = (example: Fields, name: string, slip: string): Fields => {
  const { [name]: value = 1, ...rest } = example;
  return { ...rest, [slip]: value };
};

/** The words that would do: one slip makes some names look like two others. */
const meantBy = (slip: string, names: readonly string[]): string[] => names.filter((name) => editsBetween(slip, name) === 1);

/** What is wrong with the answer to a slip; undefined: nothing. */
function faultOf({ schema, example, isStrict, names }: Body, name: string, slip: string): string | undefined {
  const read = parse(schema, renamed(example, name, slip));
  // Where a schema takes any field, a slip of one that may be absent is passed on or ignored.
  if (read.ok) return isStrict ? 'is taken' : undefined;
  if (!isStrict && read.error.path?.[0] !== name) return undefined;
  const { didYouMean = 'nothing' } = read.error;
  return meantBy(slip, names).includes(didYouMean) ? undefined : `suggests ${didYouMean}: ${read.error.message}`;
}

/** All slips in \`test:full\`, else a part of them that differs from name to name. */
const ONE_OF = 6 / effort(1, 6);

it('[G146] each misspelt field at the top of a body is answered with the field that was meant', () => {
  expect(BODIES.length).toBeGreaterThan(80);
  const faults: string[] = [];
  let tried = 0;
  for (const body of BODIES)
    for (const name of body.names)
      for (const [at, slip] of slipsOf(name).entries()) {
        if (at % ONE_OF !== name.length % ONE_OF || slip.length < 2 || body.names.includes(slip)) continue;
        tried += 1;
        const fault = faultOf(body, name, slip);
        if (fault !== undefined) faults.push(`${body.operationId} ${name} as ${slip}: ${fault}`);
      }
  expect(faults.slice(0, 40)).toEqual([]);
  expect(tried).toBeGreaterThan(2_000);
});

it('[G146] each word of another product stands for one of some body, filter or path', () => {
  const text = JSON.stringify(openApiDocument());
  const unheard = Object.values(OTHER_WORDS).flat();
  expect(unheard.filter((word) => !text.includes(word))).toEqual([]);
});
