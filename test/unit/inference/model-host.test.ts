import { beforeAll, describe, expect, it } from 'vitest';

import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { paramOf } from '../../../src/contract/api/errors.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { GraphRunner, StartGraph } from '../../../src/inference/graph-runner.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import type { ModelRef } from '../../../src/inference/served-manifest.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { bertReference } from '../../support/models/bert-reference.ts';
import { effort } from '../../support/fixtures/effort.ts';
import type { BertFolder } from '../../support/models/model-folder.ts';
import { bertFolder, MemoryBucket, modelRef, servedFiles, VOCABULARY } from '../../support/models/model-folder.ts';

let start: StartGraph;
beforeAll(async () => {
  start = (await agentOnnx(1, 'wasm')).start;
});

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${paramOf(outcome.error)}: ${outcome.error.message}`);
  return outcome.value;
};

const refusalOf = (outcome: Outcome<unknown>): string =>
  outcome.ok ? 'done' : `${outcome.error.code} ${paramOf(outcome.error)}: ${outcome.error.message}`;

/** A host whose runtime counts its sessions. */
function hostOf(bucket: MemoryBucket, tamper: (start: StartGraph) => StartGraph = (same) => same) {
  const sessions = { started: 0, released: 0 };
  const counted: StartGraph = async (files) => {
    const runner = await tamper(start)(files);
    if (!runner.ok) return runner;
    sessions.started += 1;
    return {
      ok: true,
      value: {
        run: (inputs, outputs) => runner.value.run(inputs, outputs),
        get isLost() {
          return runner.value.isLost;
        },
        release: () => {
          sessions.released += 1;
          return runner.value.release();
        },
      },
    };
  };
  const parts = {
    clock: { nowMs: () => Date.now() },
    timer: systemTimer,
    wakeUps: new DirectWakeUps(),
    retryMs: MODEL_LIMITS.modelRetryMs,
  };
  const host = new ModelHost({ bucket, start: counted, isShared: true, ...parts });
  return { host, sessions };
}

async function hosted(folder: BertFolder) {
  const bucket = new MemoryBucket();
  await bucket.put(folder.files);
  const { host, sessions } = hostOf(bucket);
  const { reading } = must(await host.readFolder('tenant', await servedFiles(folder.files)));
  return { bucket, host, sessions, reading, ref: await modelRef(folder.files, reading) };
}

const idsOf = (words: string): number[] => [2, ...words.split(' ').map((word) => VOCABULARY[word] ?? 1), 3];
const unit = (vector: readonly number[]): number[] => {
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
};
const meanOf = (rows: readonly (readonly number[])[]): number[] =>
  rows[0]!.map((_, d) => rows.reduce((sum, row) => sum + row[d]!, 0) / rows.length);

function expectClose(actual: ArrayLike<number>, expected: readonly number[], digits = 4): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, x] of expected.entries()) expect(actual[i]).toBeCloseTo(x, digits);
}

describe('a registered embedding model', () => {
  it('[M55] is read from its folder: task, pooling, length, prompts', async () => {
    const { reading } = await hosted(bertFolder());
    expect(reading).toEqual({
      task: 'embedding',
      graph: 'onnx/model.onnx',
      externalData: [],
      tokensMax: 32,
      dimensions: 16,
      pooling: 'mean',
      isNormalised: true,
      labels: [],
      activation: 'none',
      prompts: { query: 'the ', passage: 'of ' },
    });
  });

  it('[M56] embeds texts as a plain implementation of the network does, whatever else is in the call', async () => {
    const folder = bertFolder();
    const { host, ref } = await hosted(folder);
    const texts = ['river lock', 'a', 'the keeper opens the gate at dawn in the rain and the boat', 'weir'];
    const { vectors, tokens } = must(await host.embedTexts(ref, texts, undefined));
    expect([...tokens]).toEqual(texts.map((text) => idsOf(text).length));
    for (const [i, text] of texts.entries()) {
      const ids = idsOf(text);
      const states = bertReference(
        folder.shape,
        folder.weights,
        ids,
        ids.map(() => 0),
      );
      expectClose(vectors.subarray(i * 16, (i + 1) * 16), unit(meanOf(states)));
    }
  });

  it('[M56] puts the prompt of its kind in front of a text', async () => {
    const { host, ref } = await hosted(bertFolder());
    const [asQuery, asPassage, plain, spelled] = await Promise.all([
      host.embedTexts(ref, ['river'], 'query'),
      host.embedTexts(ref, ['river'], 'passage'),
      host.embedTexts(ref, ['river'], undefined),
      host.embedTexts(ref, ['the river'], undefined),
    ]);
    expect(must(asQuery).tokens).toEqual(must(spelled).tokens);
    expectClose(must(asQuery).vectors, [...must(spelled).vectors], 6);
    expect(must(asQuery).vectors).not.toEqual(must(plain).vectors);
    expect(must(asPassage).vectors).not.toEqual(must(asQuery).vectors);
  });

  it.each(['cls_token', 'max_tokens', 'lasttoken', 'mean_sqrt_len_tokens'])(
    '[M56] pools by %s over tokens, not over padding',
    async (pooling) => {
      const folder = bertFolder('embedding', { pooling });
      const { host, ref } = await hosted(folder);
      const { vectors } = must(await host.embedTexts(ref, ['a boat', 'river lock gate water canal'], undefined));
      const ids = idsOf('a boat');
      const states = bertReference(
        folder.shape,
        folder.weights,
        ids,
        ids.map(() => 0),
      );
      const expected = {
        cls_token: states[0]!,
        max_tokens: states[0]!.map((_, d) => Math.max(...states.map((state) => state[d]!))),
        lasttoken: states.at(-1)!,
        mean_sqrt_len_tokens: meanOf(states),
      }[pooling]!;
      expect(vectors).toHaveLength(32);
      expectClose(vectors.subarray(0, 16), unit(expected));
    },
  );

  it('[M57] [M155] refuses texts that are too long by their tokens, or cuts them when it may', async () => {
    const { host, ref } = await hosted(bertFolder());
    const long = 'river '.repeat(40);
    expect(refusalOf(await host.embedTexts(ref, ['a', long], undefined))).toContain(
      'limit_exceeded input[1]: has 42 tokens; the limit is 32',
    );
    const cut = must(await host.embedTexts(ref, [long], undefined, { isTruncating: true }));
    const whole = must(await host.embedTexts(ref, ['river '.repeat(30)], undefined));
    expect(cut).toEqual({ ...whole, cutTokens: Int32Array.of(10) });
    const many = Array.from({ length: MODEL_LIMITS.modelTextsMaxCount + 1 }, () => 'a');
    expect(refusalOf(await host.embedTexts(ref, many, undefined))).toContain('limit_exceeded input:');
  });

  it('[M155] others have their turn while many very long texts are tokenised', async () => {
    const { host, ref } = await hosted(bertFolder());
    const texts = Array.from({ length: 8 }, () => 'river'.repeat(6_000));
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    const embedded = await host.embedTexts(ref, texts, undefined, { isTruncating: true }).finally(() => clearInterval(counting));
    expect(embedded.ok).toBe(true);
    expect(turns).toBeGreaterThanOrEqual(4);
  });

  it('[M80] is verified by running the longest text it takes', async () => {
    const { host, ref, reading } = await hosted(bertFolder());
    const verified = must(await host.verify(ref));
    expect(verified.inputs.map(({ name }) => name)).toEqual(['input_ids', 'attention_mask', 'token_type_ids']);
    expect(verified.memoryBytes).toBeGreaterThan(1_000_000);
    // Its graph knows 64 positions.
    const longer = await modelRef(bertFolder().files, { ...reading, tokensMax: 65 });
    expect(refusalOf(await host.verify(longer))).toContain('cannot be run on these inputs');
  });
});

describe('cross-encoders and classifiers', () => {
  it('[M55] [M56] score a query with each document by the head of the network', async () => {
    const folder = bertFolder('cross-encoder');
    const { host, ref, reading } = await hosted(folder);
    expect(reading).toMatchObject({ task: 'cross-encoder', activation: 'sigmoid', labels: [] });
    const documents = ['the river', 'a lock keeper opens the gate', 'weir'];
    const { scores, tokens } = must(await host.score(ref, 'water', documents));
    for (const [i, document] of documents.entries()) {
      const [query, rest] = [idsOf('water'), idsOf(document).slice(1)];
      const ids = [...query, ...rest];
      const types = [...query.map(() => 0), ...rest.map(() => 1)];
      expect(tokens[i]).toBe(ids.length);
      const logit = bertReference(folder.shape, folder.weights, ids, types)[0]![0]!;
      expect(scores[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 4);
    }
  });

  it('[M55] [M56] classify by the labels of the configuration, as shares that sum to one', async () => {
    const folder = bertFolder('classifier');
    const { host, ref } = await hosted(folder);
    const { labels, scores } = must(await host.classify(ref, ['river lock', 'boat']));
    expect(labels).toEqual(['label 0', 'label 1', 'label 2']);
    const ids = idsOf('river lock');
    const powers = bertReference(
      folder.shape,
      folder.weights,
      ids,
      ids.map(() => 0),
    )[0]!.map(Math.exp);
    const sum = powers.reduce((total, power) => total + power, 0);
    expectClose(
      scores.subarray(0, 3),
      powers.map((power) => power / sum),
    );
  });

  it('[M82] refuse calls of another task, and run their graph on tensors', async () => {
    const { host, ref } = await hosted(bertFolder('classifier'));
    expect(refusalOf(await host.embedTexts(ref, ['a'], undefined))).toContain('invalid_value model: is a model for classifier');
    const tensor = (name: string, values: bigint[]) => ({ name, type: 'int64' as const, shape: [1, 3], data: BigInt64Array.from(values) });
    const inputs = [tensor('input_ids', [2n, 5n, 3n]), tensor('attention_mask', [1n, 1n, 1n]), tensor('token_type_ids', [0n, 0n, 0n])];
    const [logits] = must(await host.infer(ref, inputs));
    expect(logits).toMatchObject({ name: 'logits', type: 'float32', shape: [1, 3] });
    const wrong: [string, Promise<Outcome<unknown>>][] = [
      ['invalid_value inputs: lack "token_type_ids"', host.infer(ref, inputs.slice(0, 2))],
      ['invalid_value inputs[3].name: is no input', host.infer(ref, [...inputs, { ...inputs[0]!, name: 'x' }])],
      ['invalid_value inputs[3].name: is there twice', host.infer(ref, [...inputs, inputs[0]!])],
      [
        'invalid_value inputs[0].type: is int32',
        host.infer(ref, [{ ...inputs[0]!, type: 'int32', data: Int32Array.of(1, 2, 3) }, ...inputs.slice(1)]),
      ],
      ['dimension_mismatch inputs[0].shape', host.infer(ref, [{ ...inputs[0]!, shape: [3] }, ...inputs.slice(1)])],
      ['invalid_value inputs[0].data: has 3 values', host.infer(ref, [{ ...inputs[0]!, shape: [1, 4] }, ...inputs.slice(1)])],
      ['invalid_value outputs[0]: is no output', host.infer(ref, inputs, ['none'])],
      ['invalid_value null: cannot be run', host.infer(ref, [tensor('input_ids', [2n, 999n, 3n]), ...inputs.slice(1)])],
    ];
    for (const [expected, call] of wrong) expect(refusalOf(await call)).toContain(expected);
    must(await host.infer(ref, inputs));
  });
});

describe('requests that come together', () => {
  /** Texts of words of the vocabulary, by a seed. */
  const textsOf = (rng: Seeded, count: number, wordsMax: number): string[] =>
    Array.from({ length: count }, () => {
      const words = Object.keys(VOCABULARY).filter((word) => /^[a-z]{2,}$/.test(word));
      return Array.from({ length: 1 + below(rng, wordsMax) }, () => words[below(rng, words.length)]!).join(' ');
    });

  it.each(['embedding', 'classifier'] as const)('[M24] [M56] have the answers that each has alone: %s', async (task) => {
    const { host, ref } = await hosted(bertFolder(task));
    const answer = async (texts: readonly string[]) => {
      if (task === 'classifier') {
        const { scores, ...counted } = must(await host.classify(ref, texts));
        return { ...counted, values: scores };
      }
      const { vectors, ...counted } = must(await host.embedTexts(ref, texts, undefined));
      return { ...counted, values: vectors };
    };
    let shared = 0;
    for (let seed = 1; seed <= effort(5); seed += 1) {
      const rng = new Seeded(seed);
      const requests = Array.from({ length: 30 }, () => textsOf(rng, 1 + below(rng, 4), 24));
      const together = await Promise.all(requests.map(answer));
      for (const [i, texts] of requests.entries()) {
        const alone = await answer(texts);
        expect(together[i]!.tokens).toEqual(alone.tokens);
        expectClose(together[i]!.values, [...alone.values], 5);
        shared += together[i]!.sharedTexts;
      }
    }
    expect(shared).toBeGreaterThan(50);
  });

  it('[M26] a text that a run fails for fails alone', async () => {
    const folder = bertFolder();
    const bucket = new MemoryBucket();
    await bucket.put(folder.files);
    const weir = BigInt(VOCABULARY['weir']!);
    const { host } = hostOf(bucket, (real) => async (files) => {
      const runner = await real(files);
      if (!runner.ok) return runner;
      const run: GraphRunner['run'] = (inputs, outputs) =>
        (inputs[0]!.data as BigInt64Array).includes(weir)
          ? Promise.resolve(refuse('invalid_value', 'weirs are not run'))
          : runner.value.run(inputs, outputs);
      return ok({ ...bound(runner.value), run });
    });
    const ref = await modelRef(folder.files, must(await host.readFolder('tenant', await servedFiles(folder.files))).reading);
    must(await host.embedTexts(ref, ['river'], undefined));
    const texts = ['river', 'a weir', 'boat', 'gate'];
    const answers = await Promise.all(texts.map((text) => host.embedTexts(ref, [text], undefined)));
    expect(answers.map(({ ok: isOk }) => isOk)).toEqual([true, false, true, true]);
    expect(refusalOf(answers[1]!)).toContain('weirs are not run');
  });

  it('[M25] a request with little time left shares no run', async () => {
    const { host, ref } = await hosted(bertFolder());
    const all = await Promise.all(Array.from({ length: 8 }, () => host.embedTexts(ref, ['river'], undefined, { leftMs: 100 })));
    expect(all.map((answer) => must(answer).sharedTexts)).toEqual(all.map(() => 0));
  });
});

describe('the models of an isolate', () => {
  it('[M80] a model is loaded once for calls that come together', async () => {
    const { host, ref, sessions } = await hosted(bertFolder());
    const answers = await Promise.all(Array.from({ length: 8 }, () => host.embedTexts(ref, ['river'], undefined)));
    expect(answers.every((answer) => answer.ok)).toBe(true);
    expect(sessions).toEqual({ started: 1, released: 0 });
  });

  it('[M81] more models than fit take turns, and one that is used is released behind its calls', async () => {
    const bucket = new MemoryBucket();
    const refs: ModelRef[] = [];
    for (let seed = 0; seed <= MODEL_LIMITS.loadedModelsMaxCount; seed += 1) {
      const folder = bertFolder('embedding', { seed });
      await bucket.put(folder.files);
      const { host } = hostOf(bucket);
      refs.push(await modelRef(folder.files, must(await host.readFolder('tenant', await servedFiles(folder.files))).reading));
    }
    let held: (() => void) | undefined;
    const { host, sessions } = hostOf(bucket, (real) => async (files) => {
      const runner = await real(files);
      if (!runner.ok || held !== undefined) return runner;
      const gate = new Promise<void>((resolve) => (held = resolve));
      return { ok: true, value: { ...bound(runner.value), run: (inputs, outputs) => gate.then(() => runner.value.run(inputs, outputs)) } };
    });
    const first = host.embedTexts(refs[0]!, ['river'], undefined);
    for (const ref of refs.slice(1)) must(await host.embedTexts(ref, ['river'], undefined));
    // The first model has been evicted while its call waits.
    expect(sessions).toEqual({ started: refs.length, released: 0 });
    held!();
    must(await first);
    expect(sessions.released).toBe(1);
    must(await host.embedTexts(refs[0]!, ['river'], undefined));
    expect(sessions).toEqual({ started: refs.length + 1, released: 2 });
  });

  it('[M83] a model whose memory a run of another took is loaded again, for a call that is under way, too', async () => {
    const folder = bertFolder();
    const bucket = new MemoryBucket();
    await bucket.put(folder.files);
    const lost = new Set<number>();
    let started = 0;
    const { host, sessions } = hostOf(bucket, (real) => async (files) => {
      const runner = await real(files);
      const session = (started += 1);
      if (!runner.ok) return runner;
      return ok({
        get isLost() {
          return lost.has(session);
        },
        release: () => runner.value.release(),
        run: (inputs, outputs) => (lost.has(session) ? Promise.resolve(refuse('unavailable', 'lost')) : runner.value.run(inputs, outputs)),
      });
    });
    const ref = await modelRef(folder.files, must(await host.readFolder('tenant', await servedFiles(folder.files))).reading);
    const before = must(await host.embedTexts(ref, ['river'], undefined)).vectors;
    lost.add(1);
    expect(must(await host.embedTexts(ref, ['river'], undefined)).vectors).toEqual(before);
    expect(sessions.started).toBe(2);
    // It waits for others to join it, and then its session is gone.
    const waiting = host.embedTexts(ref, ['river'], undefined);
    await Promise.resolve();
    lost.add(2);
    expect(must(await waiting).vectors).toEqual(before);
    expect(sessions.started).toBe(3);
  });

  it('[M7] [M58] serves no file but the ones of the manifest, and only to their owner', async () => {
    const folder = bertFolder();
    const { bucket, host, ref } = await hosted(folder);
    expect(refusalOf(await host.verify({ ...ref, owner: 'other' }))).toContain(
      'invalid_value files.tokenizer_config.json: is not in the store',
    );
    const forged = { ...ref, manifest: { ...ref.manifest, pooling: 'cls' as const } };
    expect(refusalOf(await host.verify(forged))).toContain('invalid_value contractHash: is not the hash');
    const { sha256 } = ref.manifest.files.find(({ path }) => path === 'onnx/model.onnx')!;
    const bytes = bucket.files.get(`models/tenant/${sha256}`)!;
    bucket.files.set(`models/tenant/${sha256}`, bytes.with(100, bytes[100]! ^ 1));
    expect(refusalOf(await host.verify(ref))).toContain('does not have the SHA-256');
    bucket.files.set(`models/tenant/${sha256}`, bytes.slice(1));
    expect(refusalOf(await hostOf(bucket).host.verify(ref))).toContain('bytes long in the store');
  });
});

const bound = (runner: GraphRunner) => ({ isLost: false, release: () => runner.release() });

const below = (rng: Seeded, count: number): number => Math.floor(rng.next() * count);
