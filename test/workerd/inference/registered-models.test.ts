import { env, exports } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';

import { messageOf } from '../../../src/contract/api/errors.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { ModelReading, ModelRef } from '../../../src/inference/served-manifest.ts';
import { modelFileKey } from '../../../src/inference/served-manifest.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { MODEL_CATALOGUE } from '../../../workers/inference/deployed-models.ts';
import type { InferenceService } from '../../../workers/inference/inference-service.ts';
import type { InferenceEnv } from '../../../workers/inference/loaded-models.ts';
import { encodeModel, floats, integers, modelOf, node, port } from '../../support/models/bert-graph.ts';
import { bertReference } from '../../support/models/bert-reference.ts';
import type { BertFolder, Folder } from '../../support/models/model-folder.ts';
import { bertFolder, modelRef, servedFiles, VOCABULARY } from '../../support/models/model-folder.ts';

const service = (exports as unknown as { InferenceService: Service<typeof InferenceService> }).InferenceService;
const bucket = (env as unknown as InferenceEnv).FILES;

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(messageOf(outcome.error));
  return outcome.value;
};

async function put(files: Folder, owner = 'tenant'): Promise<void> {
  for (const bytes of files.values()) await bucket.put(modelFileKey(owner, await sha256Hex(bytes)), bytes);
}

async function registered(folder: BertFolder): Promise<ModelRef> {
  await put(folder.files);
  const { reading } = must(await service.readFolder('tenant', await servedFiles(folder.files)));
  return modelRef(folder.files, reading);
}

const FLOAT = 1;
const INT64 = 7;
const GRAPH: ModelReading = {
  task: 'graph',
  graph: 'model.onnx',
  externalData: [],
  tokensMax: 0,
  dimensions: 0,
  pooling: 'none',
  isNormalised: false,
  labels: [],
  activation: 'none',
  prompts: {},
};

/** A graph alone, as a version of a model. */
async function graphRef(model: Parameters<typeof modelOf>[0], owner = `tenant-${(owners += 1)}-alone`): Promise<ModelRef> {
  const files = new Map([['model.onnx', encodeModel(modelOf(model))]]);
  await put(files, owner);
  return modelRef(files, GRAPH, owner);
}

/** Each run that fails fills the whole memory of the runtime. */
const effort = (env as { readonly SLUICE_TEST_FULL?: string }).SLUICE_TEST_FULL === '1' ? 50 : 10;

let owners = 0;

const BUILT_IN = MODEL_CATALOGUE.find(({ runner }) => runner === 'onnx')!.id;

/** A sum is the answer: an answer that would be too large is refused before anything runs. */
const summed = (name: string) => node('ReduceSum', [name], 'y');

const doublings = (count: number) => [
  ...Array.from({ length: count }, (_, i) => node('Concat', i === 0 ? ['x', 'x'] : [`${i}`, `${i}`], `${i + 1}`, { axis: 0 })),
  summed(String(count)),
];

/** Of four numbers makes more than the runtime may hold, in less time than a run may take. `more`: so many copies more. */
const beyondMemory = (more = 0) => ({
  node: [node('Tile', ['x', 's'], 't'), summed('t')],
  initializer: [integers('s', [6_000_000 + more])],
});

const ports = { input: [port('x', FLOAT, ['n'])], output: [port('y', FLOAT, ['m'])] };
const four = [{ name: 'x', type: 'float32' as const, shape: [4], data: Float32Array.of(1, 2, 3, 4) }];

describe('registered models in the inference Worker', () => {
  let folder: BertFolder;
  let ref: ModelRef;
  beforeAll(async () => {
    folder = bertFolder();
    ref = await registered(folder);
  });

  it('[M56] embed texts from files in the bucket, calls side by side', async () => {
    const verified = must(await service.verify(ref));
    console.log(`inference Worker: a BERT of ${ref.manifest.files.length} files loaded and probed; ${verified.memoryBytes} bytes`);
    const texts = ['river lock', 'a boat', 'the keeper opens the gate', 'weir'];
    const answers = await Promise.all(texts.map((text) => service.embedTexts(ref, [text], undefined)));
    const together = must(await service.embedTexts(ref, texts, undefined));
    for (const [i, text] of texts.entries()) {
      const ids = [2, ...text.split(' ').map((word) => VOCABULARY[word]!), 3];
      const states = bertReference(
        folder.shape,
        folder.weights,
        ids,
        ids.map(() => 0),
      );
      const mean = states[0]!.map((_, d) => states.reduce((sum, state) => sum + state[d]!, 0));
      const length = Math.hypot(...mean);
      const alone = must(answers[i]!).vectors;
      for (const [d, x] of mean.entries()) {
        expect(alone[d]).toBeCloseTo(x / length, 4);
        expect(together.vectors[i * 16 + d]).toBeCloseTo(x / length, 4);
      }
    }
  });

  it('[M24] requests that come together share runs', async () => {
    const shared = async () => {
      const answers = await Promise.all(Array.from({ length: 16 }, () => service.embedTexts(ref, ['the keeper opens'], undefined)));
      return answers.reduce((sum, answer) => sum + must(answer).sharedTexts, 0);
    };
    await expect.poll(shared).toBeGreaterThan(1);
  });

  it('[M54] serve a graph of 40 MB in one file, and refuse a larger one by its manifest', async () => {
    const table = (rows: number) => floats('w', [rows, 1_024], new Float32Array(rows * 1_024).fill(0.5));
    const graphOf = (rows: number) =>
      graphRef({
        node: [node('Gather', ['w', 'x'], 'row', { axis: 0 }), summed('row')],
        initializer: [table(rows)],
        input: [port('x', INT64, ['n'])],
        output: [port('y', FLOAT, ['a', 'b'])],
      });
    const large = await graphOf(10_240);
    const rows = [{ name: 'x', type: 'int64' as const, shape: [2], data: BigInt64Array.of(1n, 10_239n) }];
    expect(must(await service.verify(large))).toMatchObject({ runsOn: 'edge' });
    const [y] = must(await service.infer(large, rows));
    expect([...(y!.data as Float32Array)]).toEqual([1_024]);
    const beyond = { ok: false, error: { code: 'limit_exceeded', limit: { name: 'graphBytesMax', bound: MODEL_LIMITS.graphBytesMax } } };
    expect(await service.verify(await graphOf(10_752))).toMatchObject(beyond);
    // Products of matrices take their weights twice: there is no room for all of that beside the file.
    const parts = [0, 1, 2, 3];
    const wide = await graphRef({
      node: [
        ...parts.map((i) => node('MatMul', ['x', `w${i}`], `y${i}`)),
        node(
          'Sum',
          parts.map((i) => `y${i}`),
          'y',
        ),
      ],
      initializer: parts.map((i) => ({ ...table(2_560), name: `w${i}` })),
      input: [port('x', FLOAT, ['n', 2_560])],
      output: [port('y', FLOAT, ['n', 1_024])],
    });
    expect(await service.verify(wide)).toMatchObject({ ok: false, error: { limit: { name: 'runtimeBytesMax' } } });
    // It grew into nothing that a file needs while it is loaded, so that the first graph is loaded again.
    expect([...(must(await service.infer(large, rows))[0]!.data as Float32Array)]).toEqual([1_024]);
    expect((await service.embedTexts(ref, ['still alive'], undefined)).ok).toBe(true);
  });

  it('[M82] run any graph on tensors', async () => {
    const sum = await graphRef({ node: [node('Add', ['x', 'x'], 'y')], ...ports });
    const [y] = must(await service.infer(sum, four));
    expect([...(y!.data as Float32Array)]).toEqual([2, 4, 6, 8]);
  });

  it('[M54] hold a model of 20 MB within the memory of the runtime, its weights outside of the graph', async () => {
    const [rows, columns] = [5_120, 1_024];
    const weights = floats('w', [rows, columns], new Float32Array(rows * columns).fill(0.5));
    const wide = await graphRef({
      node: [node('MatMul', ['x', 'w'], 'y')],
      initializer: [weights],
      input: [port('x', FLOAT, ['n', rows])],
      output: [port('y', FLOAT, ['n', columns])],
    });
    const input = [{ name: 'x', type: 'float32' as const, shape: [1, rows], data: new Float32Array(rows).fill(1) }];
    const [y] = must(await service.infer(wide, input));
    expect((y!.data as Float32Array)[0]).toBeCloseTo(rows / 2, 1);
    expect((await service.embedTexts(ref, ['still alive'], undefined)).ok).toBe(true);
  });

  it.each([
    // Without inputs: the runtime computes it when it loads.
    [
      'constants of gigabytes',
      {
        node: [node('ConstantOfShape', ['s'], 'c'), node('Add', ['x', 'c'], 'z'), summed('z')],
        initializer: [integers('s', [400_000_000])],
      },
    ],
    ['one step to gigabytes', { node: [node('Tile', ['x', 's'], 'z'), summed('z')], initializer: [integers('s', [60_000_000])] }],
    ['one step to more than there is', beyondMemory()],
  ])('[M54] [M83] refuse a graph that makes %s, and go on', async (_, graph) => {
    const bomb = await graphRef({ ...ports, ...graph });
    const answer = await service.infer(bomb, four);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'limit_exceeded', limit: { name: 'runtimeBytesMax', bound: MODEL_LIMITS.runtimeBytesMax } },
    });
    expect((await service.embedTexts(ref, ['still alive'], undefined)).ok).toBe(true);
  });

  it('[M59] [M83] refuse doublings to gigabytes before they run: they would take too long, too', async () => {
    const answer = await service.infer(await graphRef({ ...ports, node: doublings(40) }), four);
    expect(answer).toMatchObject({ ok: false, error: { code: 'limit_exceeded', limit: { name: 'runBoundMsMax' } } });
  });

  it('[M83] lose nothing to runs and loads that fail for lack of memory, however many', async () => {
    // Most of the runtime's memory, so that it is missed when anything of it is lost.
    const sum = [node('Tile', ['x', 's'], 't'), summed('t')];
    const large = await graphRef({ ...ports, node: sum, initializer: [integers('s', [2_000_000])] });
    const builtIn = () => service.embed(BUILT_IN, Int32Array.of(1, 2), Int32Array.of(0, 2));
    const before = must(await service.embedTexts(ref, ['the river'], undefined)).vectors;
    must(await service.infer(large, four));
    for (let i = 0; i < effort; i += 1) {
      const bomb = await graphRef({ ...ports, ...beyondMemory(i) }, `tenant-${i}`);
      expect(await service.infer(bomb, four)).toMatchObject({ ok: false, error: { limit: { name: 'runtimeBytesMax' } } });
      if (i % 5 < 4) continue;
      expect(must(await service.embedTexts(ref, ['the river'], undefined)).vectors).toEqual(before);
      must(await service.infer(large, four));
      expect((await builtIn()).ok).toBe(true);
    }
  });

  it('[M83] put the memory back before anything else runs, and load whatever was in it again', async () => {
    const tiled = { node: [node('Tile', ['x', 's'], 't'), summed('t')], output: [port('y', FLOAT, ['m'])] };
    const large = await graphRef({ ...ports, ...tiled, initializer: [integers('s', [2_500_000])] });
    // A run that fails leaves the first doubling behind: the other model has no room beside it.
    const doubled = [
      node('Tile', ['x', 's'], 't'),
      node('Concat', ['t', 't'], 'u', { axis: 0 }),
      node('Concat', ['u', 'u'], 'v', { axis: 0 }),
    ];
    const growing = await graphRef({ ...tiled, node: [...doubled, summed('v')], input: [port('x', FLOAT, ['n']), port('s', INT64, [1])] });
    const grow = async (x: number[], times: number) => {
      const tensor = { name: 's', type: 'int64' as const, shape: [1], data: BigInt64Array.of(BigInt(times)) };
      return service.infer(growing, [{ ...four[0]!, shape: [x.length], data: Float32Array.from(x) }, tensor]);
    };
    const sumOf = (outcome: Awaited<ReturnType<typeof grow>>) => [...(must(outcome)[0]!.data as Float32Array)];
    // Both are loaded, so that nothing is loaded between the run that fails and the next.
    expect(sumOf(await grow([1, 2], 3))).toEqual([36]);
    const before = sumOf(await service.infer(large, four));
    expect(await grow([1, 2, 3, 4], 650_000)).toMatchObject({ ok: false, error: { limit: { name: 'runtimeBytesMax' } } });
    expect(sumOf(await service.infer(large, four))).toEqual(before);
    // The one that failed is loaded anew, as all others are.
    expect(sumOf(await grow([2], 3))).toEqual([24]);
    expect((await service.embedTexts(ref, ['still alive'], undefined)).ok).toBe(true);
  });

  it('[M83] refuse for a while what is as large as a run of the same owner that found no room', async () => {
    const bomb = await graphRef({ ...ports, ...beyondMemory() }, 'greedy');
    const other = await graphRef({ ...ports, node: doublings(1) }, 'greedy');
    const small = [{ ...four[0]!, shape: [1], data: Float32Array.of(1) }];
    must(await service.infer(other, four));
    expect(await service.infer(bomb, four)).toMatchObject({ ok: false, error: { limit: { name: 'runtimeBytesMax' } } });
    expect(await service.infer(other, four)).toMatchObject({ ok: false, error: { limit: { name: 'runtimeBytesMax' } } });
    must(await service.infer(other, small));
  });
});
