import { beforeAll, describe, expect, it } from 'vitest';
import type { GatedPairs, GateInput, GateVerdict } from '../../../src/inference/build/gate/model-gate.ts';
import { GATE_BOUNDS, judge } from '../../../src/inference/build/gate/model-gate.ts';
import { pairedRatio } from '../../../src/kernel/paired-bootstrap.ts';
import type { GatedTask } from '../../../src/inference/build/gate/retrieval-figures.ts';
import { ndcgs, nearestOfQueries, overlaps, spearman } from '../../../src/inference/build/gate/retrieval-figures.ts';
import { sumRows } from '../../../src/inference/build/build-static-model.ts';
import type { Matrix } from '../../../src/inference/build/matrix.ts';
import { decode, groupCodes } from '../../../src/inference/build/quantise/group-codes.ts';
import type { Synset } from '../../../src/inference/build/wordnet.ts';
import { glossProbes, glossTexts } from '../../../src/inference/build/wordnet.ts';
import { readStaticTable } from '../../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { firstFile, vocabularyWords as tokeniser } from '../../support/fixtures/default-model.ts';

const COLUMNS = 100;
let nouns: Synset[];
let full: Matrix;

beforeAll(async () => {
  nouns = await readSynsets('data.noun');
  const table = readStaticTable(firstFile);
  if (!table.ok) throw new Error(table.error.reason);
  const { codes, scales } = table.value;
  full = { columns: COLUMNS, values: Float64Array.from(codes, (code, i) => code * scales[Math.floor(i / COLUMNS)]!) };
});

/** Each number of a row is one of three: what quantising to less than two bits does. */
const ternary = (): Matrix => {
  const values = full.values.slice();
  for (let from = 0; from < values.length; from += COLUMNS) {
    const row = values.subarray(from, from + COLUMNS);
    const threshold = (0.7 * row.reduce((sum, x) => sum + Math.abs(x), 0)) / COLUMNS;
    const kept = row.filter((x) => Math.abs(x) > threshold);
    const scale = kept.reduce((sum, x) => sum + Math.abs(x), 0) / Math.max(1, kept.length);
    row.forEach((x, d) => {
      row[d] = Math.abs(x) > threshold ? Math.sign(x) * scale : 0;
    });
  }
  return { columns: COLUMNS, values };
};

const rounded = (bits: 8 | 4): Matrix => {
  const shape = { bits, columns: COLUMNS, group: 32 };
  return { columns: COLUMNS, values: Float64Array.from(decode(groupCodes(full.values, shape), shape)) };
};

const embed = (table: Matrix, texts: readonly Int32Array[]) => Float32Array.from(sumRows(table, tokenBatch(texts)).values);

/** Definitions, and the same with 0 to 5 fifths of their words replaced: the fewer, the more similar. */
function gradedPairs() {
  const rng = new Seeded(5);
  const glosses = glossTexts(nouns, 900, 3).map(({ gloss }) => [...tokeniser.tokenise(gloss).ids].filter((id) => id !== 0));
  const scores = glosses.map((_, i) => i % 6);
  const right = glosses.map((gloss, i) => {
    const other = glosses[Math.floor(rng.next() * glosses.length)]!;
    return Int32Array.from(gloss, (id, at) => (rng.next() < scores[i]! / 5 ? id : (other[at % Math.max(1, other.length)] ?? 0)));
  });
  return { left: glosses.map((gloss) => Int32Array.from(gloss)), right, scores };
}

const probesOf = (count: number) =>
  glossProbes(nouns, tokeniser, count, 1).map(({ gloss, lemma }) => ({
    gloss: tokeniser.tokenise(gloss).ids,
    lemma: tokeniser.tokenise(lemma).ids,
  }));

function compare(candidate: Matrix, probes = probesOf(600)): GateVerdict {
  const texts = gradedPairs();
  const task = (table: Matrix): GatedTask => ({
    dimensions: COLUMNS,
    queries: embed(
      table,
      probes.map(({ gloss }) => gloss),
    ),
    documents: embed(
      table,
      probes.map(({ lemma }) => lemma),
    ),
  });
  const sides = (table: Matrix): GatedPairs => ({ dimensions: COLUMNS, left: embed(table, texts.left), right: embed(table, texts.right) });
  const input: GateInput = {
    base: task(full),
    candidate: task(candidate),
    relevance: probes.map((_, i) => new Map([[i, 1]])),
    pairs: { base: sides(full), candidate: sides(candidate), scores: texts.scores },
  };
  return judge(input, GATE_BOUNDS);
}

const failing = ({ checks }: GateVerdict) => checks.filter(({ holds }) => !holds).map(({ name }) => name);

describe('[MB6] the gate', () => {
  it('passes the model itself and its 8-bit rounding', () => {
    expect(compare(full)).toMatchObject({ passes: true, overlapAt10: { value: 1 }, ndcgAt10: { ratio: { value: 1, low: 1, high: 1 } } });
    const verdict = compare(rounded(8));
    expect(failing(verdict)).toEqual([]);
    expect(verdict.overlapAt10.value).toBeGreaterThan(0.97);
  });

  it('refuses a table of three values, which keeps the similarity and loses the ten nearest', () => {
    const verdict = compare(ternary());
    expect(verdict.passes).toBe(false);
    expect(failing(verdict)).toContain('overlap@10');
    expect(failing(verdict)).not.toContain('similarity drop');
    expect(verdict.similarity!.base).toBeGreaterThan(0.6);
    expect(verdict.overlapAt10.high).toBeLessThan(0.8);
  });

  it('refuses four bits at the bounds of eight, and says by how much', () => {
    const verdict = compare(rounded(4));
    expect(failing(verdict)).toContain('overlap@10');
    expect(verdict.overlapAt10.value).toBeGreaterThan(0.8);
  });

  it('pairs the figures of a query, so that queries of unequal difficulty do not widen the interval', () => {
    const base = Float64Array.from({ length: 400 }, (_, i) => (i % 2 === 0 ? 1 : 0.1));
    const exact = pairedRatio(
      base.map((x) => x * 0.97),
      base,
      1,
    );
    expect(exact.low).toBeCloseTo(0.97, 10);
    expect(exact.high).toBeCloseTo(0.97, 10);
    const noisy = pairedRatio(
      base.map((x, i) => x * (i % 3 === 0 ? 0.5 : 1.2)),
      base,
      1,
    );
    expect(noisy.low).toBeLessThan(noisy.value);
    expect(noisy.high).toBeGreaterThan(noisy.value);
    expect(pairedRatio(base, new Float64Array(400), 1).low).toBeNaN();
  });

  it('computes nDCG, overlap and rank correlation as defined', () => {
    const nearest = [[2, 0, 1]];
    const relevance = [
      new Map([
        [0, 2],
        [2, 1],
      ]),
    ];
    expect(ndcgs(nearest, relevance)[0]).toBeCloseTo((1 + 3 / Math.log2(3)) / (3 + 1 / Math.log2(3)), 12);
    expect([...overlaps([[1, 2, 3, 4]], [[4, 9, 1]])]).toEqual([0.5]);
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 30])).toBeCloseTo(0.9487, 4);
    expect(spearman([1, 2, Number.NaN], [1, 2, 3])).toBeNaN();
  });
});

describe('[MB7] vectors that say nothing', () => {
  const withQuery = (value: number) => {
    const table = { columns: COLUMNS, values: full.values.slice() };
    const probes = probesOf(300);
    for (const id of probes[0]!.lemma) table.values.fill(value, id * COLUMNS, (id + 1) * COLUMNS);
    return compare(table, probes);
  };

  it('refuse a model that makes a text the zero vector', () => {
    const verdict = withQuery(0);
    expect(failing(verdict)).toContain('further zero vectors');
    expect(verdict.broken.candidate.zero).toBeGreaterThan(verdict.broken.base.zero);
  });

  it('refuse a model that makes NaN, whose figures stay figures', () => {
    const verdict = withQuery(Number.NaN);
    expect(failing(verdict)).toContain('vectors not finite');
    expect(verdict.overlapAt10.value).toBeLessThan(1);
    expect(verdict.overlapAt10.value).toBeGreaterThan(0.3);
  });

  it('find nothing and are found by nothing', () => {
    const task = {
      dimensions: 2,
      queries: Float32Array.of(1, 0, 0, 0, Number.NaN, 1),
      documents: Float32Array.of(1, 0, Number.NaN, 0, 0, 1, 0, 0),
    };
    expect(nearestOfQueries(task)).toEqual([[0, 2], [], []]);
    expect([...overlaps([[], [0]], [[], []])]).toEqual([1, 0]);
  });

  it('do not pass where nothing can be measured', () => {
    const zeros = { dimensions: 2, queries: new Float32Array(4), documents: new Float32Array(4) };
    const verdict = judge({ base: zeros, candidate: zeros, relevance: [new Map([[0, 1]]), new Map([[1, 1]])] }, GATE_BOUNDS);
    expect(failing(verdict)).toEqual(['ndcg@10 ratio']);
  });
});
