import { expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../../src/contract/pools/pool-limits.ts';
import type { GraphFacts } from '../../../../src/inference/onnx/check-graph.ts';
import { TokenRuns } from '../../../../src/inference/served/token-runs.ts';
import type { ServedManifest } from '../../../../src/inference/served-manifest.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { THREAD_SHARING } from '../../../../workers/agent/thread-sharing.ts';

const DIMENSIONS = 2;

/** Runs of a graph that says which rows each had: the first token of a text is its name. */
function world(mixesRows: boolean) {
  const runs: { readonly texts: readonly number[]; readonly tokens: number }[] = [];
  const port = { name: 'input_ids', type: 'int64', shape: ['rows', 'tokens'] } as const;
  const facts = { inputs: [port], outputs: [], mixesRows } as unknown as GraphFacts;
  const texts = new TokenRuns({
    manifest: {
      task: 'embedding',
      dimensions: DIMENSIONS,
      pooling: 'mean',
      isNormalised: true,
      tokensMax: 2_048,
      labels: [],
    } as unknown as ServedManifest,
    facts,
    answer: 'answer',
    padId: 0,
    bounds: undefined,
    sharing: { ...THREAD_SHARING, runTokensMax: POOL_LIMITS.agentRunTokensMax },
    runner: {
      isLost: false,
      release: async () => undefined,
      run: async ([input]) => {
        const [rows = 0, tokens = 0] = input?.shape ?? [];
        const ids = input?.data as BigInt64Array;
        runs.push({ texts: Array.from({ length: rows }, (_, row) => Number(ids[row * tokens])), tokens: rows * tokens });
        return ok([
          {
            name: 'answer',
            type: 'float32',
            shape: [rows, tokens, DIMENSIONS],
            data: new Float32Array(rows * tokens * DIMENSIONS).fill(1),
          },
        ]);
      },
    },
  });
  const call = (first: number, lengths: readonly number[]) =>
    texts.run(
      lengths.map((length, i) => ({ ids: [first + i, ...Array<number>(length - 1).fill(1)], types: Array<number>(length).fill(0) })),
    );
  return { runs, call };
}

it.each([true, false])('[P132] a call waits for one run of another that has sent much (texts one by one: %s)', async (mixesRows) => {
  const { runs, call } = world(mixesRows);
  const long = call(1_000, Array<number>(40).fill(200));
  await Promise.resolve();
  const short = call(2_000, [5]);
  const answered = await short;
  expect(answered.ok && answered.value.rows).toHaveLength(1);
  const before = runs.findIndex(({ texts }) => texts.includes(2_000));
  // Its own is the one behind the run that was under way when it came, or the next.
  expect(before).toBeLessThanOrEqual(2);
  expect((await long).ok).toBe(true);
  expect(runs.flatMap(({ texts }) => texts).toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 40 }, (_, i) => 1_000 + i), 2_000]);
});

it('[P132] a run takes as many tokens as that, or one longer text', async () => {
  const { runs, call } = world(false);
  await call(1_000, [...Array<number>(30).fill(100), 700, 1_500, 20, 20]);
  for (const { texts, tokens } of runs) if (texts.length > 1) expect(tokens).toBeLessThanOrEqual(POOL_LIMITS.agentRunTokensMax);
  expect(runs.filter(({ tokens }) => tokens > POOL_LIMITS.agentRunTokensMax).map(({ texts }) => texts)).toEqual([[1_030], [1_031]]);
});
