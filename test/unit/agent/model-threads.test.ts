import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { must } from '../../../src/kernel/assert.ts';
import { answerLine, TOO_LONG } from '../../../workers/agent/answer-line.ts';
import { staticLineModel } from '../../../workers/agent/line-model.ts';
import { ModelThreads } from '../../../workers/agent/model-threads.ts';
import { defaultModel, manifestOf, modelFile } from '../../support/fixtures/default-model.ts';

const WORDS = ['river', 'stone', 'quick', 'answer', 'cache', 'light', 'seven', 'green', 'paper', 'engine'];
const textOf = (n: number): string => [n % 10, (n >> 1) % 10, (n * 7) % 10].map((at) => WORDS[at]).join(' ');
const linesOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ id: `${from + i}`, text: textOf(from + i) }));

let threads: ModelThreads;
const started = async (cacheSocket?: string): Promise<ModelThreads> => {
  const model = await ModelThreads.start(manifestOf('static'), modelFile, { threadCount: 2, cacheSocket });
  return must(model.ok ? model.value : undefined, 'the committed model opens');
};
beforeAll(async () => {
  threads = await started();
});
afterAll(() => threads.stop());

describe('a model in threads', () => {
  it('[C53] answers what one thread would, byte by byte, in order', async () => {
    const turns = Array.from({ length: 12 }, (_, turn) => [...linesOf(turn * 20, 40), '{"bad":', TOO_LONG] as const);
    const answers = await Promise.all(turns.map((lines, turn) => threads.answer(lines, 'att', turn * 100)));
    const loaded = staticLineModel({ tokeniser: defaultModel.tokeniser, model: defaultModel.encoder });
    const expected = await Promise.all(
      turns.map((lines, turn) => Promise.all(lines.map((line, i) => answerLine(line, `att_${turn * 100 + i}`, loaded)))),
    );
    expect(answers).toEqual(expected);
  });

  it('[C53] computes a text once for all threads', async () => {
    const before = threads.vectors.counts();
    await Promise.all(Array.from({ length: 8 }, () => threads.answer(linesOf(0, 40), 'att', 0)));
    const after = threads.vectors.counts();
    expect(after.hits - before.hits).toBe(8 * 40);
    expect(after.misses).toBe(before.misses);
  });

  it('[C53] fails the calls of a thread that ends, and goes on with another', async () => {
    const calls = Array.from({ length: 6 }, (_, i) => threads.answer(linesOf(i * 1_000, 200), 'att', 0));
    const settled = Promise.allSettled(calls);
    await threads.stop();
    expect((await settled).map(({ status }) => status)).toContain('rejected');
    expect((await threads.answer(linesOf(0, 3), 'att', 0)).map(({ failed }) => failed)).toEqual([false, false, false]);
    expect(threads.vectors.counts().entries).toBeGreaterThan(10);
  });

  it('[C52] uses what another process serves, and computes once that is gone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-cache-'));
    const [first, second] = [await started(join(folder, 'cache')), await started(join(folder, 'cache'))];
    try {
      await first.answer(linesOf(0, 40), 'att', 0);
      const { hits } = first.vectors.counts();
      const [answers, expected] = await Promise.all([second.answer(linesOf(0, 40), 'att', 0), threads.answer(linesOf(0, 40), 'att', 0)]);
      expect(answers).toEqual(expected);
      expect(first.vectors.counts().hits).toBe(hits + 40);
      expect(second.vectors.counts().entries).toBe(0);
      await first.stop();
      expect(await second.answer(linesOf(0, 40), 'att', 0)).toEqual(expected);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
      await rm(folder, { recursive: true });
    }
  });
});
