import { Validator } from '@cfworker/json-schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { openApiDocument } from '../../../../src/contract/openapi/openapi.ts';
import { portablePattern } from '../../../../src/contract/openapi/portable-schema.ts';

interface Node {
  readonly [name: string]: unknown;
}

const written = JSON.stringify(openApiDocument());
const document = JSON.parse(written) as Node & {
  components: { schemas: Record<string, Node> };
  paths: Record<string, Record<string, Operation>>;
};

interface Media {
  readonly schema: Node;
  readonly example?: unknown;
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly (Media & { readonly name: string })[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<string, { readonly content?: Record<string, Media> }>;
}

const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));

/** Every object in the schemas of the document; not what their examples hold. */
function* schemasIn(node: unknown): Generator<Node> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield node as Node;
  for (const [name, member] of Object.entries(node)) if (!['example', 'default', 'enum', 'const'].includes(name)) yield* schemasIn(member);
}

const schemas = [...schemasIn(document.paths), ...schemasIn(document.components)];
const patterns = [...new Set(schemas.flatMap(({ pattern }) => (typeof pattern === 'string' ? [pattern] : [])))];

/** By the text of schema and value: many are the same, and a validator takes milliseconds to make. */
const judged = new Map<string, readonly string[]>();

function faultsOf(schema: Node, value: unknown): readonly string[] {
  const text = JSON.stringify(schema);
  const key = `${text} ${JSON.stringify(value)}`;
  const components = text.includes('"$ref"') ? { components: document.components } : {};
  const known = judged.get(key);
  if (known !== undefined) return known;
  const { errors } = new Validator({ ...schema, ...components }, '2020-12', false).validate(value);
  const faults = errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
  judged.set(key, faults);
  return faults;
}

describe('the document, as others read it', () => {
  it('[G144] has the greatest id of a point with all its digits, which no number of JavaScript is', () => {
    const bounds = [...written.matchAll(/"maximum":(\d{17,})/g)].map(([, digits]) => digits);
    expect(new Set(bounds)).toEqual(new Set(['18446744073709551615']));
  });

  it('[G144] has each media type that an answer may be of, bytes that follow JSON among them', () => {
    const inferences = operations.filter(({ operationId }) => /^kserve(Version)?Infer$/.test(operationId));
    expect(inferences.map(({ responses }) => Object.keys(responses['200']?.content ?? {}))).toEqual(
      Array.from({ length: 2 }, () => ['application/json', 'application/octet-stream']),
    );
  });

  it('[G144] has each shape of refusals: of calls that two APIs share, the one that a header asks for, too', () => {
    const listing = operations.find(({ operationId }) => operationId === 'listModels');
    expect(JSON.stringify(listing?.responses['4XX'])).toMatch(/ErrorReply.*AnthropicError/);
  });

  it('[G120] has patterns that ECMAScript, Python and RE2 read alike', () => {
    expect(patterns.length).toBeGreaterThan(50);
    // No names of Unicode, no look-around, no back references, no classes that Python reads wider.
    const unlike = /\\[pPdDwWbBuk1-9]|\(\?(?!:)/;
    expect(patterns.filter((pattern) => unlike.test(pattern))).toEqual([]);
    for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow();
  });

  it('[G120] has items for arrays, names for properties, and components before what refers to them', () => {
    expect(schemas.filter(({ type, items }) => type === 'array' && typeof items !== 'object')).toEqual([]);
    const named = schemas.flatMap(({ properties }) =>
      typeof properties === 'object' && properties !== null ? Object.keys(properties) : [],
    );
    expect(named.filter((name) => name === '')).toEqual([]);
    const known = new Set<string>();
    const early = new Set(['Filter', 'FilterOperators', 'ElementFilter', 'QdrantFilter', 'RouteCondition', 'Leg', 'Formula']);
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      for (const { $ref } of schemasIn(schema)) {
        const referred = typeof $ref === 'string' ? ($ref.split('/').at(-1) ?? '') : name;
        // Those that refer to themselves, through others too, have no order.
        if (referred !== name && !early.has(referred)) expect(known, `${name} refers to ${referred}`).toContain(referred);
      }
      known.add(name);
    }
  });

  it('[G120] has enumerations that differ by more than case, as generators name constants after them', () => {
    const alike = schemas.flatMap(({ enum: values }) => {
      const names = Array.isArray(values) ? values.map((value) => String(value).toLowerCase()) : [];
      return new Set(names).size === names.length ? [] : [values];
    });
    expect(alike).toEqual([]);
  });

  it('[G120] has no path that ends with a slash, and defines each tag', () => {
    expect(Object.keys(document.paths).filter((path) => path.endsWith('/') && path !== '/')).toEqual([]);
    const tags = (document['tags'] as { name: string; description: string }[]).map(({ name }) => name);
    expect(new Set(tags)).toEqual(new Set(operations.flatMap((operation) => (operation as unknown as { tags: string[] }).tags)));
  });

  it('[G120] says what refusals look like', () => {
    for (const { operationId, responses } of operations) {
      expect(responses['4XX']?.content?.['application/json'], operationId).toBeDefined();
      expect(responses['default'], operationId).toBeDefined();
    }
  });

  it('[G121] has examples of parameters and bodies that fit their schemas', () => {
    const faults: string[] = [];
    let count = 0;
    for (const { operationId, parameters = [], requestBody } of operations) {
      for (const { schema, example } of [...parameters, ...Object.values(requestBody?.content ?? {})]) {
        if (example === undefined) continue;
        count += 1;
        faults.push(...faultsOf(schema, example).map((fault) => `${operationId} ${fault}`));
      }
    }
    expect(count).toBeGreaterThan(300);
    expect(faults).toEqual([]);
  });

  it('[G121] has examples in schemas that fit them', () => {
    const faults = schemas.flatMap((schema) =>
      'example' in schema && !('schema' in schema) && !('content' in schema) ? faultsOf(schema, schema['example']) : [],
    );
    expect(faults).toEqual([]);
  });
});

describe('portable patterns', () => {
  const SOURCES = [
    String.raw`^(?!\.{1,2}$)[^<>:"|?*/\\\p{Cc}\p{Surrogate}]*$`,
    String.raw`^(?!SLUICE_)[A-Za-z_]\w*$`,
    String.raw`^-?\d{1,3}$`,
    String.raw`^[^\0]*$`,
  ];

  it.each(SOURCES)('[G120] %s takes the same texts in the words of all engines', (source) => {
    const original = new RegExp(source, 'u');
    const { pattern, not } = portablePattern(source);
    const excluded = not === undefined ? undefined : new RegExp((not as { pattern: string }).pattern, 'u');
    const near = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom(...'.aZ_9-SLUICE\u0000\u0085/\u0663'.split('')) }),
    );
    fc.assert(
      fc.property(near, (text) => {
        expect(new RegExp(pattern, 'u').test(text) && excluded?.test(text) !== true).toBe(original.test(text));
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});
