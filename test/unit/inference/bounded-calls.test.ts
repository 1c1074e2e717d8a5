import { describe, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { paramOf } from '../../../src/contract/api/errors.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { StartGraph } from '../../../src/inference/graph-runner.ts';
import { loadModel } from '../../../src/inference/served/load-model.ts';
import type { Verified } from '../../../src/inference/served/model-calls.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import type { ModelRef } from '../../../src/inference/served-manifest.ts';
import type { NamedTensor } from '../../../src/inference/tensor.ts';
import { textChunks } from '../../../src/inference/served/text-chunks.ts';
import { ok } from '../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { encodeModel, floats, integers, modelOf, node, port } from '../../support/models/bert-graph.ts';
import { withProducts } from '../../support/models/dear-folder.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { bertFolder, MemoryBucket, modelRef, servedFiles } from '../../support/models/model-folder.ts';

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${paramOf(outcome.error)}: ${outcome.error.message}`);
  return outcome.value;
};

const runMsOf = ({ cost }: Verified): number => cost?.runMs ?? Number.NaN;

const beyond = (name: 'runBoundMsMax' | 'callBoundMsMax' = 'runBoundMsMax') => ({
  ok: false,
  error: { code: 'limit_exceeded', limit: { name, bound: MODEL_LIMITS[name] }, value: expect.any(Number) },
});

/** A runtime that computes nothing: what it would take is what counts. */
function world() {
  const bucket = new MemoryBucket();
  const rowsOfRuns: number[] = [];
  const counts = { started: 0 };
  const start: StartGraph = async () => {
    counts.started += 1;
    const run = async (inputs: readonly NamedTensor[], outputs: readonly string[]) => {
      const [rows = 1, columns = 1] = inputs[0]?.shape ?? [];
      rowsOfRuns.push(rows);
      const shape = [rows, columns, 16];
      return ok(outputs.map((name): NamedTensor => ({ name, type: 'float32', shape, data: new Float32Array(rows * columns * 16) })));
    };
    return ok({ isLost: false, release: async () => {}, run });
  };
  const parts = { bucket, start, isShared: true, clock: { nowMs: () => 0 }, timer: systemTimer, wakeUps: new DirectWakeUps(), retryMs: 1 };
  const host = new ModelHost(parts);
  const add = async (folder: Folder): Promise<ModelRef> => {
    await bucket.put(folder);
    return modelRef(folder, must(await host.readFolder('tenant', await servedFiles(folder))).reading);
  };
  const addGraph = async (graph: Parameters<typeof modelOf>[0]): Promise<ModelRef> => {
    const folder = new Map([['model.onnx', encodeModel(modelOf(graph))]]);
    await bucket.put(folder);
    return modelRef(
      folder,
      must(await host.readFolder('tenant', await servedFiles(folder), { task: 'graph', graph: 'model.onnx' })).reading,
    );
  };
  return { parts, host, add, addGraph, rowsOfRuns, counts };
}

const LONG = 'river '.repeat(30).trim();
/** So many pairs of products make a text of 32 tokens take a few of what one run may. */
const PAIRS = 12;

const FLOAT = 1;
const chain = (products: number, side: number): Parameters<typeof modelOf>[0] => ({
  node: Array.from({ length: products }, (_, i) => node('MatMul', [i === 0 ? 'x' : `${i}`, 'w'], i === products - 1 ? 'y' : `${i + 1}`)),
  initializer: [floats('w', [side, side], new Float32Array(side * side))],
  input: [port('x', FLOAT, ['n', side])],
  output: [port('y', FLOAT, ['n', side])],
});
const rowsOf = (rows: number, side: number): NamedTensor[] => [
  { name: 'x', type: 'float32', shape: [rows, side], data: new Float32Array(rows * side) },
];

describe('[M59] calls whose runs may take too long', () => {
  it('are refused with limit and bound, and nothing runs: tensors', async () => {
    const { host, addGraph, rowsOfRuns } = world();
    const ref = await addGraph(chain(200, 1_024));
    must(await host.infer(ref, rowsOf(1, 1_024)));
    expect(await host.infer(ref, rowsOf(2_000, 1_024))).toMatchObject(beyond());
    expect(rowsOfRuns).toEqual([1]);
  });

  it('are refused for all their runs together: texts, none of whose runs may take longer than one may', async () => {
    const { host, add, rowsOfRuns } = world();
    const ref = await add(withProducts(bertFolder().files, 5 * PAIRS));
    const one = runMsOf(must(await host.verify(ref)));
    expect(one).toBeLessThan(MODEL_LIMITS.runBoundMsMax);
    rowsOfRuns.length = 0;
    const embed = (long: number, short = 0) => {
      const texts = Array.from({ length: long + short }, (_, at) => (at < long ? LONG : 'river '.repeat(10).trim()));
      return host.embedTexts(ref, texts, undefined);
    };
    expect(await embed(Math.ceil(MODEL_LIMITS.callBoundMsMax / one) + 1)).toMatchObject(beyond('callBoundMsMax'));
    expect(rowsOfRuns).toEqual([]);
    must(await embed(2));
    expect(rowsOfRuns).toEqual([1, 1]);
    // Texts of two lengths are runs of their own, and neither of them is too much.
    const long = Math.floor((0.8 * MODEL_LIMITS.callBoundMsMax) / one);
    must(await embed(long));
    must(await embed(0, long));
    expect(await embed(long, long)).toMatchObject(beyond('callBoundMsMax'));
  });

  it('are not made of requests that share a run: it is then run in parts', async () => {
    const { host, add, rowsOfRuns } = world();
    const ref = await add(withProducts(bertFolder().files, PAIRS));
    const one = runMsOf(must(await host.verify(ref)));
    // Together they are too much, and half of them are not.
    const half = Math.floor((MODEL_LIMITS.runBoundMsMax * 0.7) / one);
    expect(2 * half).toBeLessThanOrEqual(MODEL_LIMITS.modelBatchTextsMaxCount);
    rowsOfRuns.length = 0;
    const texts = Array.from({ length: half }, () => LONG);
    for (const answer of await Promise.all([0, 1].map(() => host.embedTexts(ref, texts, undefined)))) must(answer);
    expect(rowsOfRuns).toEqual([half, half]);
  });

  it('let others run between two of their runs, and not before the first one', async () => {
    const { parts, add, rowsOfRuns } = world();
    const ref = await add(withProducts(bertFolder().files, PAIRS));
    const turns: number[] = [];
    const timer = {
      after(delayMs: number, run: () => void) {
        if (delayMs === 0) turns.push(rowsOfRuns.length);
        return systemTimer.after(delayMs, run);
      },
    };
    const { texts } = must(await loadModel(ref, { ...parts, timer }));
    // Those of the file's reading are not meant.
    turns.length = 0;
    must(await texts!.embed(Array.from<string>({ length: 20 }).fill(LONG), undefined, {}));
    expect(rowsOfRuns.length).toBeGreaterThan(2);
    expect(turns).toEqual(rowsOfRuns.slice(1).map((_, at) => at + 1));
  });

  it('are no matter for an agent, whose processor nobody else waits for', async () => {
    const { parts, add } = world();
    const ref = await add(withProducts(bertFolder().files, PAIRS));
    const { texts } = must(await loadModel(ref, { ...parts, isShared: false }));
    const many = Array.from({ length: 200 }, () => LONG);
    const { tokens } = must(await texts!.embed(many, undefined, {}));
    expect(tokens).toHaveLength(200);
  });

  it('are not for those whose tensors have the numbers that say how little it is', async () => {
    const { host, addGraph, rowsOfRuns } = world();
    // By its shape alone the table may be as large as the memory, and its square then takes long.
    const tiles = [
      node('Tile', ['w', 'x'], 't'),
      ...Array.from({ length: 8 }, (_, i) => node('MatMul', ['t', 't'], i === 7 ? 'y' : `t${i}`)),
    ];
    const ref = await addGraph({
      node: tiles,
      initializer: [floats('w', [4, 4], new Float32Array(16))],
      input: [port('x', 7, [2])],
      output: [port('y', FLOAT, ['a', 'b'])],
    });
    const times = (n: bigint): NamedTensor[] => [{ name: 'x', type: 'int64', shape: [2], data: BigInt64Array.of(n, n) }];
    must(await host.infer(ref, times(2n)));
    expect(await host.infer(ref, times(1_000_000n))).toMatchObject(beyond());
    expect(rowsOfRuns).toHaveLength(1);
  });
});

describe('[M59] versions whose largest input may take too long', () => {
  it('are refused when they are checked, before they are loaded', async () => {
    const { host, addGraph, counts } = world();
    const fixed = chain(400, 1_024);
    const ref = await addGraph({ ...fixed, input: [port('x', FLOAT, [1_000, 1_024])] });
    expect(await host.verify(ref)).toMatchObject(beyond());
    // What the runtime would compute when it loads the graph.
    const folded = await addGraph({
      node: [
        ...Array.from({ length: 400 }, (_, i) => node('MatMul', ['w', i === 0 ? 'w' : `${i}`], `${i + 1}`)),
        node('Add', ['x', '400'], 'y'),
      ],
      initializer: [floats('w', [1_024, 1_024], new Float32Array(1_024 * 1_024))],
      input: [port('x', FLOAT, [1])],
      output: [port('y', FLOAT, ['a', 'b'])],
    });
    expect(await host.verify(folded)).toMatchObject(beyond());
    expect(counts.started).toBe(0);
  });

  it('embed on pools alone, and are refused where pools do not run them', async () => {
    const { host, add, rowsOfRuns } = world();
    const dear = must(await host.verify(await add(withProducts(bertFolder().files, 400))));
    expect(dear).toMatchObject({ runsOn: 'pool', cost: { unruled: [] } });
    expect(runMsOf(dear)).toBeGreaterThan(MODEL_LIMITS.runBoundMsMax);
    expect(rowsOfRuns).toEqual([]);
  });

  it('embed at the edge as far as short texts may, and refuse the others', async () => {
    const { host, add, rowsOfRuns } = world();
    const ref = await add(withProducts(bertFolder().files, 8 * PAIRS));
    const verified = must(await host.verify(ref));
    expect(verified.runsOn).toBe('edge');
    expect(runMsOf(verified)).toBeGreaterThan(MODEL_LIMITS.runBoundMsMax);
    rowsOfRuns.length = 0;
    must(await host.embedTexts(ref, ['river river'], undefined));
    expect(await host.embedTexts(ref, ['river', LONG], undefined)).toMatchObject(beyond());
    expect(rowsOfRuns).toEqual([1]);
  });

  it('are refused by the name of an operator that is bounded by the memory alone', async () => {
    const { host, addGraph } = world();
    const ref = await addGraph({
      node: [{ ...node('MurmurHash3', ['x'], 'y'), domain: 'com.microsoft' }],
      initializer: [integers('unused', [1])],
      input: [port('x', FLOAT, ['n'])],
      output: [port('y', FLOAT, ['n'])],
    });
    const refused = await host.verify(ref);
    expect(refused).toMatchObject(beyond());
    expect(refused.ok ? '' : refused.error.message).toContain('MurmurHash3');
  });

  it('leave calls that the gateway makes of them below the bound', () => {
    const bounds = Array.from({ length: 64 }, () => 100);
    const version = { manifest: { tokensMax: 100 }, runBoundMs: MODEL_LIMITS.callBoundMsMax / 10 };
    const chunks = textChunks(bounds.keys(), bounds, version);
    expect(chunks.map(({ length }) => length)).toEqual([...Array.from({ length: 12 }, () => 5), 4]);
    expect(textChunks(bounds.keys(), bounds, { ...version, runBoundMs: MODEL_LIMITS.callBoundMsMax })).toHaveLength(64);
    expect(textChunks(bounds.keys(), bounds, { ...version, runBoundMs: undefined })).toHaveLength(1);
  });
});
