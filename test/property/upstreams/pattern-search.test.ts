import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';

import { GUARDRAIL_LIMITS } from '../../../src/contract/guardrails/guardrail-limits.ts';
import { SteppedWork } from '../../../src/kernel/stepped-work.ts';
import { compilePattern } from '../../../src/upstreams/guardrails/pattern-program.ts';
import { PatternSearch } from '../../../src/upstreams/guardrails/pattern-search.ts';
import { patternInstructionsMax } from '../../../src/upstreams/guardrails/pattern-size.ts';
import { PatternSet } from '../../../src/upstreams/guardrails/pattern-set.ts';
import { effort } from '../../support/fixtures/effort.ts';

const ATOMS = ['a', 'b', 'ab', '[ab]', '[^a]', '.', '(?s:.)', String.raw`\w`, 'é', '(?i:k)', '^', '$', '(?m:^)', '(?m:$)', String.raw`\b`];
const REPETITIONS = ['*', '+', '?', '*?', '+?', '??', '{2}', '{1,3}', '{2,}?', '{0,2}'];
const pattern = fc.letrec<{ e: string }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...ATOMS),
    fc.tuple(tie('e'), tie('e')).map((both) => both.join('')),
    fc.tuple(tie('e'), tie('e')).map((both) => `(?:${both.join('|')})`),
    fc.tuple(tie('e'), fc.constantFrom(...REPETITIONS)).map(([inner, repetition]) => `(${inner})${repetition}`),
  ),
})).e;
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'k', 'K', '\u212A', 'é', '😀', ' ', '\n'), maxLength: 40 });

/** By the library's own loop, which begins anew behind each match. Undefined: some match is empty. */
function foundByLibrary(expression: RE2JS, searched: string): [number, number][] | undefined {
  const matcher = expression.matcher(searched);
  const found: [number, number][] = [];
  while (matcher.find()) {
    if (matcher.start() === matcher.end()) return undefined;
    found.push([matcher.start(), matcher.end()]);
  }
  return found;
}

async function search(expression: string, searched: string) {
  const steps: number[] = [];
  const bounds = { stepUnitsMax: 64, unitsMax: Infinity };
  const work = new SteppedWork(bounds, async (units) => {
    steps.push(units);
  });
  const found = await new PatternSearch(compilePattern(expression), searched).run(work);
  return { found: found?.map(({ start, end }) => [start, end]), units: work.units, steps };
}

describe('a search by a pattern', () => {
  it('[U111] finds what the library finds, in one pass of bounded steps for each character', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(pattern, text, async (written, searched) => {
        const expression = RE2JS.compile(written);
        const expected = foundByLibrary(expression, searched);
        const { found, units, steps } = await search(written, searched);
        const most = 4 * expression.programSize() + 2;
        expect(units).toBeLessThanOrEqual(20 + (searched.length + 1) * most);
        for (const step of steps) expect(step).toBeLessThanOrEqual(64 + most + 20);
        if (expected === undefined) return;
        expect(found).toEqual(expected);
        if (expected.length > 1) compared += 1;
      }),
      { numRuns: effort(800) },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it('[U111] is of a program that is no larger than its text says', () => {
    const wild = fc.string({ unit: fc.constantFrom(...String.raw`ab()[]{}|*+?\QEpLx012,^:i.-`.split('')), maxLength: 24 });
    let compiled = 0;
    fc.assert(
      fc.property(fc.oneof(pattern, wild), (written) => {
        let size: number;
        try {
          size = RE2JS.compile(written).programSize();
        } catch {
          return;
        }
        compiled += 1;
        expect(patternInstructionsMax(written)).toBeGreaterThanOrEqual(size);
      }),
      { numRuns: effort(1_500) },
    );
    expect(compiled).toBeGreaterThan(300);
  });

  it.each([
    String.raw`[\s\S]{0,1000}x`,
    String.raw`\pL{999}`,
    '(?i)[a-z]{1,900}é',
    String.raw`\Qa{1000}\E{3}`,
    String.raw`(\x{1F600}{30}){30}`,
    '(?P<name>a{10}){10}',
    '[]a]{5}',
    '[^]a[:alpha:]]{5}',
    String.raw`[\]{9}]{4}`,
  ])('[U111] knows how large %s becomes', (written) => {
    const size = RE2JS.compile(written).programSize();
    expect(patternInstructionsMax(written)).toBeGreaterThanOrEqual(size);
    expect(patternInstructionsMax(written)).toBeLessThanOrEqual(4 * size + 8);
  });

  it('[U111] is refused what is compiled to more than one pattern, or a version, may be, before it is', () => {
    const many = Array.from({ length: 12 }, () => String.raw`[\s\S]{0,900}x`);
    expect(
      PatternSet.compile([String.raw`(?:\pL{1,30} ?){1,30}!(?:\pL{1,30} ?){1,30}!(?:\pL{1,30} ?){1,30}!`], ['patterns']),
    ).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', path: ['patterns', 0], limit: { name: 'guardrailPatternInstructionsMax' } },
    });
    expect(PatternSet.compile(many, ['patterns'])).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', limit: { name: 'guardrailInstructionsMax', bound: GUARDRAIL_LIMITS.guardrailInstructionsMax } },
    });
  });
});
