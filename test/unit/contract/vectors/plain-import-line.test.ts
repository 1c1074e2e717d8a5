import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importLine } from '../../../../src/contract/vectors/bulk.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { plainImportLine } from '../../../../src/contract/vectors/plain-import-line.ts';

const values = fc.oneof(
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 5 }),
  fc.array(fc.oneof(fc.double(), fc.string(), fc.constant(null)), { maxLength: 3 }),
);
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constant(''),
  fc.constant('x'.repeat(VECTOR_LIMITS.vectorIdBytesMax + 1)),
  fc.jsonValue(),
);
const line = fc.record(
  {
    id: text,
    values,
    namespace: text,
    metadata: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
    text,
    other: fc.nat(),
  },
  { requiredKeys: [] },
);

describe('a usual line of an import', () => {
  it('[B16] is what the schema of lines makes of it, and any other line is left to the schema', () => {
    fc.assert(
      fc.property(fc.oneof(line, fc.jsonValue()), (json) => {
        const plain = plainImportLine(json);
        expect(plain === undefined ? undefined : parse(importLine, json)).toEqual(
          plain === undefined ? undefined : { ok: true, value: plain },
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('[B16] needs no schema, with and without a namespace and metadata', () => {
    const usual = { id: 'row 1', values: [1, 0.1] };
    for (const more of [{}, { namespace: 'ns' }, { metadata: { page: [3] } }, { metadata: null, namespace: '' }]) {
      const json = { ...usual, ...more };
      expect(plainImportLine(json)).toEqual(must(parse(importLine, json)));
    }
  });

  it.each([
    { id: 'a', values: [1, 2], text: 'kept beside them' },
    { id: 'a', text: 'embedded' },
    { id: 'ä', values: [1, 2] },
    { id: 'a\0b', values: [1, 2] },
    { id: 'a\ud800', values: [1, 2] },
    { id: 'a', namespace: '\0', values: [1, 2] },
    { id: '', values: [1, 2] },
    { id: 'a', values: [1, 1e39] },
    { id: 'a', values: [1] },
    { id: 'a', values: [1, 2], metadata: [] },
    { id: 'a', values: [1, 2], valuess: [1] },
  ])('[B16] is not %j', (json) => expect(plainImportLine(json)).toBeUndefined());
});

const must = <T>(outcome: { ok: true; value: T } | { ok: false }): T => {
  if (outcome.ok) return outcome.value;
  throw new Error('the line is sound');
};
