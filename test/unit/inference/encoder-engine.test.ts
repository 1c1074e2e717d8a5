import { expect, it } from 'vitest';

import { must } from '../../../src/kernel/assert.ts';
import type { EncoderBatch } from '../../../src/inference/encoder/encoder-engine.ts';
import { EncoderEngine } from '../../../src/inference/encoder/encoder-engine.ts';
import { tokenBatch } from '../../../src/inference/token-batch.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../../support/models/encoder-modules.ts';
import type { RandomEncoder, RandomOptions } from '../../support/models/random-encoder.ts';
import { randomEncoder } from '../../support/models/random-encoder.ts';
import { referenceStates } from '../../support/models/reference-encoder.ts';

const MODULE = relaxedEncoderModule ?? strictEncoderModule;

async function engineOf(source: RandomEncoder, { module = MODULE, yieldToOthers = () => Promise.resolve() } = {}): Promise<EncoderEngine> {
  const loaded = await EncoderEngine.load({
    source,
    module,
    tokensMax: source.shape.positions - source.shape.firstPosition,
    yieldToOthers,
  });
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

it.each(Object.entries(KINDS))('[M131] the states are those of the network: %s', async (_, options) => {
  const random = new Seeded(5);
  const source = randomEncoder(random, options);
  const engine = await engineOf(source);
  const texts = textsOf(random, source.shape.vocabulary, [1, 2, 3, 7, 16, 17, 30]);
  texts[4]!.set([1, 1], 3);
  const batch = tokenBatch(texts);
  const types = batch.ids.map(() => Math.floor(random.next() * source.shape.types));
  const states = await statesOf(engine, { ...batch, types });
  for (const [i, text] of texts.entries()) {
    const ofText = [...types.subarray(batch.offsets[i], batch.offsets[i + 1])];
    const expected = referenceStates(source, [...text], ofText).flat();
    expect(cosine(states[i]!, expected), `text ${i}`).toBeGreaterThan(0.995);
  }
});

it('[M130] every text has the same bits alone, in any batch, by relaxed and by strict kernels', async () => {
  const random = new Seeded(6);
  const source = randomEncoder(random);
  const texts = textsOf(random, source.shape.vocabulary, [...Array.from({ length: 40 }, (__, i) => i + 1), 5, 38, 1, 40]);
  const strict = await engineOf(source, { module: strictEncoderModule });
  const together = await statesOf(strict, tokenBatch(texts));
  for (const module of [strictEncoderModule, ...(relaxedEncoderModule === undefined ? [] : [relaxedEncoderModule])]) {
    const engine = await engineOf(source, { module });
    for (const [i, text] of texts.entries()) expect((await statesOf(engine, tokenBatch([text])))[0]).toEqual(together[i]);
    expect(await statesOf(engine, tokenBatch(texts))).toEqual(together);
  }
});
