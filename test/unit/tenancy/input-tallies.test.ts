import { beforeEach, describe, expect, it } from 'vitest';

import { debtFact } from '../../../src/contract/debt/debt-facts.ts';
import { debtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import type { InputTally, WatchedInput } from '../../../src/contract/tenancy/input-tally.ts';
import { bucketCounts, emptyHistogram } from '../../../src/contract/tenancy/input-tally.ts';
import { TENANCY_LIMITS } from '../../../src/contract/tenancy/tenancy-limits.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { INPUTS_MIN, shiftFacts } from '../../../src/gateway/debt/input-shifts.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { openBillingDatabase } from '../../../src/tenancy/billing/billing-schema.ts';
import { ReportedTallies } from '../../../src/tenancy/usage/reported-tallies.ts';
import { UsageBuffer } from '../../../src/tenancy/usage/usage-buffer.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 20, 12, 30);
const MODEL = 'glove-sif-100@2';
const INDEX = 'index:notes@1';
const { organisationId, tenantId } = idsOf(1);
const OTHER = idsOf(2).tenantId;

let tallies: ReportedTallies;
let isolates: UsageBuffer[];

beforeEach(() => {
  const storage = new NodeSql();
  openBillingDatabase(storage);
  tallies = new ReportedTallies(storage);
  isolates = ['i', 'j'].map((id) => new UsageBuffer(id, () => expect.fail('there is room')));
});

/** What isolates met on some day, each value by one of them in turn. */
function meet(input: WatchedInput, subject: string, daysAgo: number, values: readonly number[], tenant = tenantId): void {
  values.forEach((value, at) =>
    isolates[at % isolates.length]!.tally(`${input} ${subject} ${daysAgo}`, {
      organisationId,
      tenantId: tenant,
      input,
      subject,
      atMs: NOW_MS - daysAgo * DAY_MS,
      counts: bucketCounts(input, [value]),
    }),
  );
}

/** Delivers all that waits, twice: the answer to the first delivery was lost. */
function deliver(): void {
  for (const isolate of isolates) {
    const batches = isolate.batches();
    for (const { tallies: sent } of [...batches, ...batches]) tallies.record(sent, NOW_MS);
    batches.forEach((batch) => isolate.acknowledge(batch));
  }
}

const histograms = (of = tenantId) => tallies.inputs.histograms(of, NOW_MS);
const facts = () => shiftFacts(histograms(), NOW_MS / 1000);
const rules = () =>
  assess(new FactSet(facts(), NOW_MS / 1000), debtPolicy.parse({ expects: [] })).findings.map(({ rule, subject }) => `${rule} ${subject}`);
/** Of a hump, since they are sums of three uniform numbers. */
const around = (seeded: Seeded, middle: number, spread: number, count: number): number[] =>
  Array.from({ length: count }, () => middle + (spread * (seeded.next() + seeded.next() + seeded.next() - 1.5)) / 1.5);

it('[D80] values are counted by fixed buckets, each up to its end', () => {
  expect(bucketCounts('unknown-words', [0, 0, 0.01, 0.05, 0.0501, 0.35, 0.6, 0.61, 1])).toEqual({ 0: 2, 1: 2, 2: 1, 4: 1, 5: 1, 6: 2 });
  expect(bucketCounts('best-score', [-1, 0, 0.05, 0.1, 0.9, 0.91, 1])).toEqual({ 0: 2, 1: 2, 9: 1, 10: 2 });
  expect([emptyHistogram('unknown-words'), emptyHistogram('best-score')].map((all) => [all.length, Math.max(...all)])).toEqual([
    [7, 0],
    [11, 0],
  ]);
  expect(bucketCounts('best-score', [])).toEqual({});
});

describe('inputs in the ledger', () => {
  it('[D80] add up over isolates and days, each report once: the last seven days, and those before', () => {
    for (const [daysAgo, share] of [
      [0, 0],
      [6, 0.3],
      [7, 0.5],
      [30, 0.9],
    ] as const)
      meet('unknown-words', MODEL, daysAgo, [share, share, 0]);
    meet('best-score', INDEX, 0, [0.55, 0.72]);
    meet('best-score', INDEX, 0, [0.55], OTHER);
    deliver();
    expect(histograms()).toEqual([
      { input: 'best-score', subject: INDEX, before: emptyHistogram('best-score'), lately: [0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0] },
      { input: 'unknown-words', subject: MODEL, before: [2, 0, 0, 0, 0, 2, 2], lately: [4, 0, 0, 0, 2, 0, 0] },
    ]);
    expect(histograms(OTHER)).toMatchObject([{ subject: INDEX, lately: [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] }]);
  });

  it('[D80] are forgotten when they are old, some at a time, and go with their tenant', () => {
    for (let day = 0; day < 4; day++) meet('unknown-words', MODEL, TENANCY_LIMITS.inputCountsDaysMax + day, [0]);
    meet('unknown-words', MODEL, 1, [0], OTHER);
    deliver();
    expect([tallies.countOf(tenantId), tallies.countOf(OTHER)]).toEqual([4, 1]);
    expect([tallies.forget(NOW_MS, 2), tallies.countOf(tenantId)]).toEqual([false, 2]);
    expect([tallies.forget(NOW_MS, 2), tallies.countOf(tenantId)]).toEqual([true, 1]);
    tallies.erase(tenantId);
    expect([tallies.countOf(tenantId), tallies.countOf(OTHER)]).toEqual([0, 1]);
  });

  it('[D80] beside other kinds of tallies count as what they are', () => {
    const common = { isolateId: 'i', organisationId, tenantId, atMs: NOW_MS };
    const input: InputTally = { ...common, id: 'i/t:0', input: 'best-score', subject: INDEX, counts: { 3: 1 } };
    tallies.record([input, { ...common, id: 'i/t:1', endpoint: 'POST /v1/embeddings', counts: { failed: 2 } }], NOW_MS);
    expect(tallies.calls.hours(tenantId, 'POST /v1/embeddings', 0, 1)).toMatchObject([{ valid: 2 }]);
    expect(histograms().map(({ lately }) => lately.reduce((sum, count) => sum + count, 0))).toEqual([1]);
  });
});

describe('what of inputs is debt', () => {
  it('[D80] is a share of unknown words, or a score, that moved: found by one rule, with its counts', () => {
    const seeded = new Seeded(7);
    for (const daysAgo of [1, 3, 9, 20]) {
      const moved = daysAgo < 7;
      meet('unknown-words', MODEL, daysAgo, around(seeded, moved ? 0.3 : 0.08, 0.08, 300));
      meet('best-score', INDEX, daysAgo, around(seeded, moved ? 0.55 : 0.75, 0.2, 300));
      meet('unknown-words', 'glove-sif-100@1', daysAgo, around(seeded, 0.1, 0.1, 300));
      meet('best-score', 'index:calm@1', daysAgo, around(seeded, 0.7, 0.2, 300));
    }
    deliver();
    for (const fact of facts()) expect(debtFact.safeParse(fact).error).toBeUndefined();
    expect(rules().toSorted()).toEqual([`drifted-model ${MODEL}`, `drifted-model ${INDEX}`]);
    const moved = facts().find(({ subject }) => subject === MODEL);
    expect(moved).toMatchObject({ kind: 'input-shift', symbol: 'unknown-words', unit: 'psi' });
    const sums = ['before', 'lately'].map((when) =>
      String(moved?.detail?.[when])
        .split(' ')
        .reduce((sum, count) => sum + Number(count), 0),
    );
    expect(sums).toEqual([600, 600]);
    expect(facts()[0]).toMatchObject({ kind: 'census', symbol: 'model-inputs', value: 4 });
  });

  it.each([
    [INPUTS_MIN - 1, INPUTS_MIN, 0],
    [INPUTS_MIN, INPUTS_MIN - 1, 0],
    [INPUTS_MIN, INPUTS_MIN, 2],
  ])('[D80] is unknown with %i values before and %i lately: %i facts', (before, lately, count) => {
    meet('best-score', INDEX, 10, Array<number>(before).fill(0.9));
    meet('best-score', INDEX, 2, Array<number>(lately).fill(0.1));
    // Those of another version or generation are not those of this one.
    meet('best-score', 'index:notes@2', 2, Array<number>(500).fill(0.1));
    deliver();
    expect(facts()).toHaveLength(count);
    expect(new FactSet(facts(), NOW_MS / 1000).isKnown('model-inputs')).toBe(count > 0);
  });

  it('[D80] is hardly ever chance: under 1 % of comparisons of the fewest values, drawn alike', () => {
    let alarms = 0;
    for (let seed = 1; seed <= 400; seed++) {
      const seeded = new Seeded(seed);
      const counts = () => {
        const sum = emptyHistogram('best-score');
        for (const [bucket, count] of Object.entries(bucketCounts('best-score', around(seeded, 0.6, 0.4, INPUTS_MIN))))
          sum[Number(bucket)] = count;
        return sum;
      };
      const [, shift] = shiftFacts([{ input: 'best-score', subject: INDEX, before: counts(), lately: counts() }], 1);
      if (Number(shift?.value) > 0.25) alarms += 1;
    }
    expect(alarms).toBeLessThan(4);
  });
});
