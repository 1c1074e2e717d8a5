import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { buildRecipe } from '../../../src/contract/debt/build-recipe.ts';
import { provenanceStatement } from '../../../src/contract/debt/provenance.ts';
import { indexIn, provenanceOf } from '../../../src/debt/provenance.ts';
import type { Rerun } from '../../../src/debt/reproducibility.ts';
import { compareMetrics, numbersIn, reproducibilityOf } from '../../../src/debt/reproducibility.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

const PERFECT: Rerun = {
  hasRun: true,
  inputs: [
    { name: 'npm:words@1.0.0', pinned: A, found: A },
    { name: 'data.csv', pinned: B, found: B },
  ],
  outputs: [{ name: 'model.onnx', expected: A, made: A }],
  metrics: [{ name: 'recall', expected: 0.9, measured: 0.9 }],
  metricsTolerance: 0.01,
  isEnvironmentRecorded: true,
  isNetworkCut: true,
};

describe('the reproducibility index', () => {
  it('[D40] is 1 when all is the same, and R4 when another machine made it before', () => {
    expect(reproducibilityOf(PERFECT, false)).toMatchObject({ index: 1, level: 'R3', reasons: [] });
    expect(reproducibilityOf(PERFECT, true)).toMatchObject({ index: 1, level: 'R4' });
  });

  it.each<[string, Partial<Rerun>, number, string]>([
    ['an input without a hash', { inputs: [PERFECT.inputs[0]!, { name: 'data.csv', pinned: undefined, found: B }] }, 0.85, 'R3'],
    ['other bytes', { outputs: [{ name: 'model.onnx', expected: A, made: B }] }, 0.6, 'R2'],
    ['a metric beyond its tolerance', { metrics: [{ name: 'recall', expected: 0.9, measured: 0.88 }] }, 0.8, 'R3'],
    ['a metric that was not measured', { metrics: [{ name: 'recall', expected: 0.9, measured: undefined }] }, 0.8, 'R3'],
    ['no metrics', { metrics: [] }, 0.8, 'R3'],
    ['no runtime', { isEnvironmentRecorded: false }, 0.9, 'R3'],
    [
      'other bytes and another metric',
      { outputs: [{ name: 'model.onnx', expected: A, made: B }], metrics: [{ name: 'recall', expected: 0.9, measured: 0 }] },
      0.4,
      'R1',
    ],
  ])('[D40] loses the part of %s', (_, change, index, level) => {
    const result = reproducibilityOf({ ...PERFECT, ...change }, false);
    expect(result).toMatchObject({ index, level });
    expect(result.reasons).not.toEqual([]);
  });

  it('[D41] is 0 when the command fails, whatever else is the same', () => {
    expect(reproducibilityOf({ ...PERFECT, hasRun: false }, true)).toMatchObject({ index: 0, level: 'R0' });
  });

  it.each([
    ['is another file', B],
    ['is missing', undefined],
  ])('[D42] is at most 0.5 when an input %s', (_, found) => {
    const inputs = [...PERFECT.inputs, ...Array.from({ length: 98 }, (__, i) => ({ name: `${i}`, pinned: A, found: A }))];
    const altered = { ...PERFECT, inputs: [{ name: 'altered', pinned: A, found }, ...inputs] };
    expect(reproducibilityOf(altered, false).index).toBe(0.5);
  });

  it('[D43] is at most 0.9 with a network', () => {
    expect(reproducibilityOf({ ...PERFECT, isNetworkCut: false }, false).index).toBe(0.9);
  });

  it('[D40] is from 0 to 1, 1 only without a reason, and never rises when something is worse', () => {
    const hash = fc.constantFrom(A, B, undefined);
    const reruns = fc.record({
      hasRun: fc.boolean(),
      inputs: fc.array(fc.record({ name: fc.string(), pinned: hash, found: hash }), { maxLength: 4 }),
      outputs: fc.array(fc.record({ name: fc.string(), expected: fc.constant(A), made: hash }), { minLength: 1, maxLength: 3 }),
      metrics: fc.array(fc.record({ name: fc.string(), expected: fc.constant(1), measured: fc.constantFrom(1, 2, undefined) }), {
        maxLength: 3,
      }),
      metricsTolerance: fc.constant(0.1),
      isEnvironmentRecorded: fc.boolean(),
      isNetworkCut: fc.boolean(),
    });
    fc.assert(
      fc.property(reruns, (rerun) => {
        const { index, reasons } = reproducibilityOf(rerun, false);
        expect(index).toBeGreaterThanOrEqual(0);
        expect(index).toBeLessThanOrEqual(1);
        expect(index === 1).toBe(reasons.length === 0);
        const worse: Rerun[] = [
          { ...rerun, isNetworkCut: false },
          { ...rerun, isEnvironmentRecorded: false },
          { ...rerun, hasRun: false },
          { ...rerun, outputs: rerun.outputs.map((output) => ({ ...output, made: B })) },
          { ...rerun, inputs: rerun.inputs.map((input) => ({ ...input, found: undefined })) },
        ];
        for (const other of worse) expect(reproducibilityOf(other, false).index).toBeLessThanOrEqual(index);
      }),
    );
  });

  it('[D40] compares the numbers of metrics by their paths', () => {
    expect([...numbersIn({ b: [{ x: 1 }, 2], a: 'text', c: null })]).toEqual([
      ['b.0.x', 1],
      ['b.1', 2],
    ]);
    expect(compareMetrics({ recall: 0.5, mrr: 0.25 }, { recall: 0.6 })).toEqual([
      { name: 'recall', expected: 0.5, measured: 0.6 },
      { name: 'mrr', expected: 0.25, measured: undefined },
    ]);
  });
});

describe('provenance', () => {
  const recipe = buildRecipe.parse({ command: 'make model', node: 'v24.0.0', inputs: [], outputs: [{ path: 'model.onnx', sha256: A }] });
  const circumstances = {
    recipePath: 'models/recipe.json',
    recipeSha256: B,
    gitCommit: 'c'.repeat(40),
    builder: 'urn:sluice:machine:1',
    startedAt: '2026-11-28T00:00:00.000Z',
    finishedAt: '2026-11-28T00:01:00.000Z',
    environment: { TZ: 'Pacific/Chatham' },
  };
  const statementOf = (rerun: Rerun) => provenanceOf(recipe, rerun, reproducibilityOf(rerun, false), circumstances);

  it("[D44] is an in-toto statement with SLSA's predicate, of what was made and what it was made of", () => {
    const statement = statementOf({ ...PERFECT, outputs: [{ name: 'model.onnx', expected: A, made: B }] });
    expect(provenanceStatement.parse(structuredClone(statement))).toEqual(statement);
    expect(statement.subject).toEqual([{ name: 'model.onnx', digest: { sha256: B } }]);
    expect(statement.predicate.buildDefinition.resolvedDependencies).toEqual([
      { uri: 'file:models/recipe.json', digest: { sha256: B, gitCommit: circumstances.gitCommit } },
      { uri: 'npm:words@1.0.0', digest: { sha256: A } },
      { uri: 'data.csv', digest: { sha256: B } },
    ]);
    expect(statement.predicate.runDetails.builder.id).toBe('urn:sluice:machine:1');
  });

  it('[D44] vouches for the index of its own outputs only', () => {
    const statement = statementOf(PERFECT);
    expect(indexIn(statement, recipe.outputs)).toBe(1);
    expect(indexIn(statement, [{ path: 'model.onnx', sha256: B }])).toBeUndefined();
    expect(indexIn(statement, [...recipe.outputs, { path: 'other.onnx', sha256: A }])).toBeUndefined();
  });
});
