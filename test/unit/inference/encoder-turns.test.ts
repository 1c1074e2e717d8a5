import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { EncoderEngine } from '../../../src/inference/encoder/encoder-engine.ts';
import type { EncoderKernels } from '../../../src/inference/encoder/encoder-kernels.ts';
import type { EncoderSource, LinearSource } from '../../../src/inference/encoder/encoder-source.ts';
import { STEP_PRODUCTS } from '../../../src/inference/encoder/layer-steps.ts';
import { TURN_NUMBERS } from '../../../src/inference/encoder/pack-encoder.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../../support/models/encoder-modules.ts';
import { randomEncoder } from '../../support/models/random-encoder.ts';

/** What the kernels were asked to compute since the last turn, in products, of which attention's cost four of the others; and of which texts, by their tokens. */
class Work {
  products = 0;
  readonly attended: number[] = [];

  counted(kernels: EncoderKernels): EncoderKernels {
    return {
      ...kernels,
      multiply: (codes, facts, rows, inputs, panels, columns, out) => {
        this.products += rows * inputs * columns;
        kernels.multiply(codes, facts, rows, inputs, panels, columns, out);
      },
      attend: (states, tokens, hidden, size, first, end, scratch, out) => {
        this.products += 4 * 2 * (end - first) * tokens * size;
        this.attended.push(tokens);
        kernels.attend(states, tokens, hidden, size, first, end, scratch, out);
      },
    };
  }
}

let work: Work;

beforeEach(() => {
  work = new Work();
  const { Instance } = WebAssembly;
  vi.stubGlobal('WebAssembly', {
    Memory: WebAssembly.Memory,
    Instance: function counted(...parts: ConstructorParameters<typeof Instance>) {
      return { exports: work.counted(new Instance(...parts).exports as unknown as EncoderKernels) };
    },
  });
});

afterEach(() => void vi.unstubAllGlobals());

const LONG = 2_600;
const LONGER = 2_900;
const source = randomEncoder(new Seeded(12), { shape: { positions: LONGER, layers: 2 } });
const textOf = (length: number) => tokenBatch([Int32Array.from({ length }, (_, i) => (i * 7) % source.shape.vocabulary)]);

async function engineOf(of: EncoderSource, yieldToOthers: () => Promise<void>): Promise<EncoderEngine> {
  const module = relaxedEncoderModule ?? strictEncoderModule;
  const loaded = await EncoderEngine.load({ source: of, module, tokensMax: of.shape.positions, yieldToOthers });
  if (!loaded.ok) throw new Error(loaded.error.message);
  return loaded.value;
}

async function statesOf(engine: EncoderEngine, tokens: number): Promise<Float32Array> {
  let states = new Float32Array();
  await engine.run(textOf(tokens), (_, of) => void (states = of.slice()));
  return states;
}

/** Bit for bit; what differs among so many numbers takes minutes to show. */
const areSame = (a: Float32Array, b: Float32Array | undefined): boolean =>
  b !== undefined && Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

const atOnce = (): Promise<void> => Promise.resolve();

it.each([
  ['wide', { hidden: 96, inner: 8_192, layers: 1 }],
  ['many rows', { vocabulary: 40_000, layers: 1 }],
])('[M201] while weights are read, others have their turn after so many numbers: %s', async (_, shape) => {
  const counted = { numbers: 0, most: 0, turns: 0 };
  const noted = (numbers: number): void => {
    counted.numbers += numbers;
    counted.most = Math.max(counted.most, counted.numbers);
  };
  const whole = randomEncoder(new Seeded(2), { shape });
  const linear = (of: LinearSource): LinearSource => ({
    ...of,
    readColumn: (output, codes) => {
      noted(of.inputs);
      return of.readColumn(output, codes);
    },
  });
  const watched: EncoderSource = {
    ...whole,
    words: {
      ...whole.words,
      readRow: (row, into) => {
        noted(whole.words.columns);
        whole.words.readRow(row, into);
      },
    },
    layer: async (n) => {
      const { query, key, value, attended, inner, outer, ...norms } = await whole.layer(n);
      const [q, k, v, a, i, o] = [query, key, value, attended, inner, outer].map(linear);
      return { query: q!, key: k!, value: v!, attended: a!, inner: i!, outer: o!, ...norms };
    },
  };
  await engineOf(watched, () => {
    counted.turns += 1;
    counted.numbers = 0;
    return atOnce();
  });
  expect(counted.turns).toBeGreaterThan(1);
  expect(counted.most).toBeLessThan(TURN_NUMBERS + 8_192);
});

describe('turns amid a layer', () => {
  it.each([
    ['long texts', { positions: LONGER, layers: 2 }, LONGER],
    ['wide layers', { positions: 600, layers: 1, hidden: 512, heads: 8, inner: 1_920 }, 600],
    ['one head', { positions: 1_500, layers: 1, hidden: 128, heads: 1, inner: 128 }, 1_500],
  ])('[M200] what runs until others have their turn does not grow with a text: %s', async (_, shape, tokens) => {
    const turns: number[] = [];
    const engine = await engineOf(randomEncoder(new Seeded(1), { shape }), () => {
      turns.push(work.products);
      work.products = 0;
      return atOnce();
    });
    turns.length = 0;
    work.products = 0;
    await engine.run(textOf(tokens), () => undefined);
    turns.push(work.products);
    expect(turns.length).toBeGreaterThan(4);
    expect(Math.max(...turns)).toBeLessThanOrEqual(2 * STEP_PRODUCTS);
  });

  it('[M200] texts that come meanwhile have their own states, and one long text is amid attention', async () => {
    const alone = await engineOf(source, atOnce);
    const expected = new Map<number, Float32Array>();
    for (const tokens of [LONG, LONGER, 9]) expected.set(tokens, await statesOf(alone, tokens));
    const oneLayer = work.attended.filter((tokens) => tokens === LONG).length / source.shape.layers;
    work.attended.length = 0;

    const between: Promise<readonly [number, Float32Array]>[] = [];
    const coming: number[] = [];
    const engine = await engineOf(source, async () => {
      const tokens = coming.shift();
      if (tokens !== undefined) between.push(statesOf(engine, tokens).then((states) => [tokens, states]));
      await atOnce();
    });
    coming.push(9, LONGER, 9, 9);
    expect(areSame(await statesOf(engine, LONG), expected.get(LONG))).toBe(true);
    for (const [tokens, states] of await Promise.all(between)) expect(areSame(states, expected.get(tokens)), `${tokens} tokens`).toBe(true);
    expect(between).toHaveLength(4);
    // Of two long texts, none has a part of a layer amid another's.
    const long = work.attended.filter((tokens) => tokens > 9);
    const starts = [...long.keys()].filter((i) => long[i] !== long[i - 1]);
    const runs = starts.map((start, i) => [long[start], (starts[i + 1] ?? long.length) - start] as const);
    expect(
      runs.filter(([tokens]) => tokens === LONG).every(([, count]) => count % oneLayer === 0),
      JSON.stringify(runs),
    ).toBe(true);
  });

  it('[M200] a text that was given up amid attention holds up none', async () => {
    const expected = await statesOf(await engineOf(source, atOnce), LONG);
    let isGivenUp = false;
    work.attended.length = 0;
    const engine = await engineOf(source, () => {
      if (isGivenUp || work.attended.length === 0) return atOnce();
      isGivenUp = true;
      return new Promise(() => undefined);
    });
    void engine.run(textOf(LONGER), () => undefined);
    await expect.poll(() => isGivenUp).toBe(true);
    expect(areSame(await statesOf(engine, LONG), expected)).toBe(true);
  });
});
