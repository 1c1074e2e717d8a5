import { describe, expect, it } from 'vitest';

import { accepts } from '../../../../src/ann/filter/accepts.ts';
import { propertyEntries } from '../../../../src/ann/filter/property-entries.ts';
import { instantOf } from '../../../../src/contract/vectors/instant.ts';
import type { Filter } from '../../../../src/contract/vectors/filter.ts';
import { qdrantFilter } from '../../../../src/contract/qdrant/filter.ts';
import { must } from '../../../../src/kernel/assert.ts';

const NOON_US = Date.UTC(2024, 5, 1, 12) * 1000;
const HALF_US = NOON_US + 500_000;
const MIDNIGHT_US = Date.UTC(2024, 5, 1) * 1000;

/** Each form that Qdrant takes of a time, and the instant that it is. */
const FORMS: readonly (readonly [text: string, us: number])[] = [
  ['2024-06-01T12:00:00Z', NOON_US],
  ['2024-06-01t12:00:00z', NOON_US],
  ['2024-06-01T12:00:00.5Z', HALF_US],
  ['2024-06-01T12:00:00.500000Z', HALF_US],
  ['2024-06-01T12:00:00.500000999Z', HALF_US],
  ['2024-06-01T17:00:00+05:00', NOON_US],
  ['2024-06-01T06:30:00-05:30', NOON_US],
  ['2024-06-01T17:00:00+0500', NOON_US],
  ['2024-06-01T06:30:00-0530', NOON_US],
  ['2024-06-01T17:00:00+05', NOON_US],
  ['2024-06-01T17:00:00.5+0500', HALF_US],
  ['2024-06-01T12:00:00', NOON_US],
  ['2024-06-01T12:00:00.5', HALF_US],
  ['2024-06-01T12:00', NOON_US],
  ['2024-06-01 12:00:00Z', NOON_US],
  ['2024-06-01 12:00:00+00:00', NOON_US],
  ['2024-06-01 17:00:00+0500', NOON_US],
  ['2024-06-01 17:00:00+05', NOON_US],
  ['2024-06-01 12:00:00', NOON_US],
  ['2024-06-01 12:00:00.5', HALF_US],
  ['2024-06-01 12:00', NOON_US],
  ['2024-06-01', MIDNIGHT_US],
];

const between = (gte: string, lte: string): Filter =>
  must(qdrantFilter.parse({ must: [{ key: 'at', range: { gte, lte } }] }), 'a filter was given');

describe('[Q80] a range of times', () => {
  it.each(FORMS)('has its ends as %s', (text, us) => {
    expect(between(text, text)).toMatchObject({ type: 'time', interval: { min: { value: us }, max: { value: us } } });
  });

  it('holds payloads of the same instant, whatever the form of each', () => {
    for (const [payload, us] of FORMS) {
      expect(propertyEntries({ at: payload })).toContainEqual({ path: 'at', kind: 'time', value: us });
      for (const [end, atUs] of FORMS)
        expect([payload, end, accepts(between(end, end), { at: payload }, '1')]).toEqual([payload, end, us === atUs]);
    }
  });

  it.each(['2024-06-01T', '2024-06-01T12', '2024-06-01  12:00:00', '2024-06-01T12:00:00+5', '2024-06-01T12:00:00+24', '2024-06'])(
    'has no end %j',
    (text) => {
      expect(instantOf(text)).toBeUndefined();
      expect(qdrantFilter.safeParse({ must: [{ key: 'at', range: { gte: text } }] }).success).toBe(false);
    },
  );
});
