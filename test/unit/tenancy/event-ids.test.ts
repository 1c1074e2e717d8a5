import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Run } from '../../../src/tenancy/usage/event-ids.ts';
import { noteNumbers, numberedId } from '../../../src/tenancy/usage/event-ids.ts';

describe('runs of numbers', () => {
  it('[T42] contain exactly the noted numbers, in any order of arrival, in the fewest runs', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(30), { maxLength: 12 }), { maxLength: 12 }), (batches) => {
        const seen = new Set<number>();
        let runs: readonly Run[] = [];
        for (const batch of batches) {
          const noted = noteNumbers(runs, batch);
          expect(new Set(noted.fresh)).toEqual(new Set(batch.filter((number) => !seen.has(number))));
          expect(noted.fresh).toHaveLength(new Set(noted.fresh).size);
          for (const number of batch) seen.add(number);
          runs = noted.runs;
        }
        const inRuns = runs.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, offset) => first + offset));
        expect(inRuns).toEqual([...seen].sort((a, b) => a - b));
        expect(runs.filter(({ last }, position) => runs[position + 1]?.first === last + 1)).toEqual([]);
      }),
      { seed: 42, numRuns: 300 },
    );
  });

  it('[T42] accept only ids that a source numbered', () => {
    expect(numberedId('a-b:17')).toEqual({ source: 'a-b', number: 17 });
    expect(numberedId('att_1:2:3')).toEqual({ source: 'att_1:2', number: 3 });
    for (const id of ['a', 'a:', ':7', 'a:7x', 'att_1:1:job_tokens', `a:${'9'.repeat(16)}`]) expect(numberedId(id)).toBeUndefined();
  });
});
