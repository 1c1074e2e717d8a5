import { describe, expect, it } from 'vitest';

import type { EncoderBatch } from '../../../src/inference/encoder/encoder-engine.ts';
import { encoderBytes, EncoderEngine } from '../../../src/inference/encoder/encoder-engine.ts';
import type { EncoderShape, EncoderSource } from '../../../src/inference/encoder/encoder-source.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../../support/models/encoder-modules.ts';
import type { RandomOptions } from '../../support/models/random-encoder.ts';
import { randomEncoder, SMALL_SHAPE } from '../../support/models/random-encoder.ts';
import { SourceReference } from '../../support/models/source-reference.ts';

const MODULES = [strictEncoderModule, ...(relaxedEncoderModule === undefined ? [] : [relaxedEncoderModule])];
const FASTEST = relaxedEncoderModule ?? strictEncoderModule;
const atOnce = (): Promise<void> => Promise.resolve();

async function engineOf(source: EncoderSource, module = FASTEST, yieldToOthers = atOnce): Promise<EncoderEngine> {
  const { positions, firstPosition } = source.shape;
  const loaded = await EncoderEngine.load({ source, module, tokensMax: positions - firstPosition, yieldToOthers });
  if (!loaded.ok) throw new Error(loaded.error.message);
  return loaded.value;
}

async function statesOf(engine: EncoderEngine, batch: EncoderBatch): Promise<Float32Array[]> {
  const states: Float32Array[] = [];
  await engine.run(batch, (text, of) => {
    expect(text).toBe(states.length);
    states.push(of.slice());
  });
  return states;
}

const textsOf = (random: Seeded, vocabulary: number, lengths: readonly number[]): Int32Array[] =>
  lengths.map((length) => Int32Array.from({ length }, () => Math.floor(random.next() * vocabulary)));

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    ab += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

const KINDS: Record<string, RandomOptions> = {
  BERT: {},
  'tables of 4 bits': { wordBits: 4, wordBlock: 16 },
  'tables of 8 bits in blocks': { wordBits: 8, wordBlock: 16 },
  "XLM-R's positions": { shape: { firstPosition: 2, paddingId: 1, types: 1 } },
  'GELU by tanh': { shape: { activation: 'gelu-tanh' } },
  'ReLU and heads of 48': { shape: { activation: 'relu', hidden: 96, inner: 112 }, hasZeros: false },
};

describe('the states of an encoder', () => {
  it.each(Object.entries(KINDS))('[M131] are those of the network: %s', async (_, options) => {
    const random = new Seeded(5);
    const source = randomEncoder(random, options);
    const [engine, reference] = [await engineOf(source), await SourceReference.load(source)];
    const texts = textsOf(random, source.shape.vocabulary, [1, 2, 3, 7, 16, 17, 30]);
    texts[4]!.set([1, 1], 3);
    const batch = tokenBatch(texts);
    const types = batch.ids.map(() => Math.floor(random.next() * source.shape.types));
    const states = await statesOf(engine, { ...batch, types });
    for (const [i, text] of texts.entries()) {
      const ofText = [...types.subarray(batch.offsets[i], batch.offsets[i + 1])];
      const expected = reference.run([...text], ofText).flatMap((row) => [...row]);
      expect(cosine(states[i]!, expected), `text ${i}`).toBeGreaterThan(0.999);
    }
  });

  it.each(Object.entries(KINDS))('[M131] are, before its layers, exact: %s', async (_, options) => {
    const random = new Seeded(8);
    const source = randomEncoder(random, { ...options, shape: { ...options.shape, layers: 0 } });
    const [engine, reference] = [await engineOf(source), await SourceReference.load(source)];
    const text = Int32Array.from({ length: 30 }, (__, i) => i % source.shape.vocabulary);
    const types = text.map((__, i) => i % source.shape.types);
    const [states] = await statesOf(engine, { ...tokenBatch([text]), types });
    const expected = reference.run([...text], [...types]).flatMap((row) => [...row]);
    for (const [i, value] of expected.entries()) expect(Math.abs(states![i]! - value), `number ${i}`).toBeLessThan(2e-5);
  });

  it('[M130] are the same bits for a text alone and in any batch, by strict kernels and by relaxed ones', async () => {
    const random = new Seeded(6);
    const source = randomEncoder(random);
    const texts = textsOf(random, source.shape.vocabulary, [...Array.from({ length: 40 }, (_, i) => i + 1), 5, 38, 1, 40]);
    const together = await statesOf(await engineOf(source, strictEncoderModule), tokenBatch(texts));
    for (const module of MODULES) {
      const engine = await engineOf(source, module);
      for (const [i, text] of texts.entries()) expect((await statesOf(engine, tokenBatch([text])))[0]).toEqual(together[i]);
      expect(await statesOf(engine, tokenBatch(texts.toReversed()))).toEqual(together.toReversed());
    }
  });
});

describe('a long batch', () => {
  const random = new Seeded(7);
  const source = randomEncoder(random);
  const long = tokenBatch(
    textsOf(
      random,
      source.shape.vocabulary,
      Array.from({ length: 400 }, () => 40),
    ),
  );
  const short = tokenBatch(textsOf(random, source.shape.vocabulary, [9]));

  it('[M134] lets others have their turn after some products, and a query in one go', async () => {
    let turns = 0;
    const engine = await engineOf(source, FASTEST, () => {
      turns += 1;
      return atOnce();
    });
    await engine.run(short, () => undefined);
    expect(turns, 'a query runs in one go').toBe(0);
    await engine.run(long, () => undefined);
    const { hidden, inner, layers } = source.shape;
    // A product of attention costs four of the others.
    const products = layers * (long.ids.length * (4 * hidden * hidden + 2 * hidden * inner) + 400 * 4 * 2 * 40 * 40 * hidden);
    expect(turns).toBeLessThanOrEqual(products / 200e6);
    expect(turns).toBeGreaterThan(1);
  });

  it('[M134] and the batches that come in its turns have the states that each has alone', async () => {
    const alone = await engineOf(source);
    const [ofLong, ofShort] = [await statesOf(alone, long), await statesOf(alone, short)];
    const between: Promise<Float32Array[]>[] = [];
    let started = 0;
    const engine = await engineOf(source, FASTEST, async () => {
      // A run begins at once, and has turns of its own.
      if (started < 4) between.push(statesOf(engine, (started += 1) % 2 === 1 ? short : long));
      await atOnce();
    });
    expect(await statesOf(engine, long)).toEqual(ofLong);
    expect(between).toHaveLength(4);
    for (const states of await Promise.all(between)) expect(states).toEqual(states.length === 1 ? ofShort : ofLong);
  });

  it('[M134] that is given up, as its request is, holds up none', async () => {
    const [states] = [await statesOf(await engineOf(source), short)];
    let isGivenUp = false;
    const engine = await engineOf(source, FASTEST, () => {
      if (isGivenUp) return atOnce();
      isGivenUp = true;
      return new Promise(() => undefined);
    });
    void engine.run(long, () => undefined);
    expect(isGivenUp).toBe(true);
    expect(await statesOf(engine, short)).toEqual(states);
  });
});

describe('the memory of an encoder', () => {
  const shapeOf = (sizes: Partial<EncoderShape>): EncoderShape => ({ ...SMALL_SHAPE, positions: 512, inner: 4 * sizes.hidden!, ...sizes });
  const words = { columns: 0, bits: 8 as const, block: 0, open: () => Promise.reject(new Error('not read')), readRow: () => undefined };
  const SIZES: Record<string, EncoderShape> = {
    MiniLM: shapeOf({ layers: 6, heads: 12, hidden: 384, vocabulary: 30_522 }),
    'bge-small': shapeOf({ layers: 12, heads: 12, hidden: 384, vocabulary: 30_522 }),
    'bge-base': shapeOf({ layers: 12, heads: 12, hidden: 768, vocabulary: 30_522 }),
    'bge-large': shapeOf({ layers: 24, heads: 16, hidden: 1_024, vocabulary: 30_522 }),
    'multilingual-e5-small': shapeOf({ layers: 12, heads: 12, hidden: 384, vocabulary: 250_037 }),
  };

  it.each(Object.entries(SIZES))('[M133] is its weights and at most 24 MB: %s', (_, shape) => {
    const { layers, hidden, inner, vocabulary, positions } = shape;
    const weights = layers * (4 * hidden * hidden + 2 * hidden * inner) + vocabulary * hidden + positions * hidden * 4;
    const bytes = encoderBytes({ shape, words: { ...words, rows: vocabulary, columns: hidden, block: hidden } }, 512);
    expect(bytes).toBeGreaterThan(weights);
    expect(bytes - weights).toBeLessThan(24e6);
  });

  it('[M133] has the size that is known before its weights are read, and keeps it', async () => {
    const source = randomEncoder(new Seeded(9));
    const engine = await engineOf(source);
    const { bytes } = engine;
    expect(bytes - encoderBytes(source, 40)).toBeGreaterThanOrEqual(0);
    expect(bytes - encoderBytes(source, 40)).toBeLessThan(65_536);
    await engine.run(
      tokenBatch(
        textsOf(
          new Seeded(1),
          50,
          Array.from({ length: 50 }, () => 40),
        ),
      ),
      () => undefined,
    );
    expect(engine.bytes).toBe(bytes);
  });

  it('[M133] that there is no room for is refused before anything is read', async () => {
    const source = randomEncoder(new Seeded(9));
    const huge = { ...source, words: { ...source.words, rows: 200_000_000, open: () => Promise.reject(new Error('read')) } };
    const loaded = await EncoderEngine.load({ source: huge, module: FASTEST, tokensMax: 40, yieldToOthers: atOnce });
    expect(loaded.ok ? undefined : loaded.error).toMatchObject({ code: 'unavailable' });
  });

  it.each([{ hidden: 40 }, { inner: 72 }, { heads: 4 }, { hidden: 1_024, heads: 2 }, { inner: 16_400 }])(
    '[M135] an encoder of sizes that the kernels have no code for is refused: %o',
    async (shape) => {
      const source = randomEncoder(new Seeded(9));
      const misfit = { ...source, shape: { ...source.shape, ...shape } };
      const loaded = await EncoderEngine.load({ source: misfit, module: FASTEST, tokensMax: 40, yieldToOthers: atOnce });
      expect(loaded.ok ? undefined : loaded.error).toMatchObject({ code: 'invalid_value' });
    },
  );

  it('[M135] a text longer than it was laid out for is a defect of the caller, and runs nowhere', async () => {
    const engine = await engineOf(randomEncoder(new Seeded(9)));
    await expect(engine.run(tokenBatch([new Int32Array(257)]), () => undefined)).rejects.toThrow('text');
  });
});
