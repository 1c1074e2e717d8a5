import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encode } from 'gpt-tokenizer/encoding/cl100k_base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import type { EmbeddingModel } from '../../../src/inference/embedding-model.ts';
import type { LineAnswerer } from '../../../workers/agent/answer-line.ts';
import { answerLine, TOO_LONG, readLines } from '../../../workers/agent/answer-line.ts';
import { staticLineModel } from '../../../workers/agent/line-model.ts';
import { embedBatch } from '../../../workers/agent/batch-embedding.ts';

/** Token ids are the lengths of the words; a text's vector is its tokens' count and sum. */
const loaded = staticLineModel({
  tokeniser: {
    vocabularySize: 100,
    tokenise: (text, wordsMax = Infinity) => {
      const words = text.split(' ');
      const ids = Int32Array.from(words.slice(0, wordsMax), (word) => word.length);
      return { ids, words: ids.length, unknown: 0, cutWords: words.length - ids.length };
    },
  },
  model: {
    manifest: { id: 'counting', dimensions: 2, vocabularySize: 100, tokensMax: 5 } as EmbeddingModel['manifest'],
    embed: ({ ids, offsets }) =>
      Float32Array.from(
        Array.from(offsets.subarray(1), (end, row) => [
          end - offsets[row]!,
          ids.subarray(offsets[row], end).reduce((sum, id) => sum + id, 0),
        ]).flat(),
      ),
  },
});

const answerer: LineAnswerer = {
  callsMax: 3,
  answer: (lines, id, first, form) => Promise.all(lines.map((line, i) => answerLine(line, `${id}_${first + i}`, loaded, form))),
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-agent-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function run(input: string | Buffer, signal = new AbortController().signal, model?: string) {
  const [inputPath, outputPath, errorsPath] = [join(folder, 'in'), join(folder, 'out'), join(folder, 'errors')];
  const openai = model === undefined ? undefined : { errorsPath, model };
  await writeFile(inputPath, input);
  await writeFile(outputPath, '');
  await writeFile(errorsPath, '');
  const reports: unknown[] = [];
  const done = await embedBatch({
    inputPath,
    outputPath,
    openai,
    id: 'att',
    answerer,
    signal,
    onProgress: (progress) => reports.push(progress),
  });
  const rowsOf = async (path: string) =>
    (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  return { done, rows: await rowsOf(outputPath), errors: await rowsOf(errorsPath), reports };
}

const batchLine = (custom_id: string, body: object) => JSON.stringify({ custom_id, method: 'POST', url: '/v1/embeddings', body });

describe('embedding a batch', () => {
  it('[P11] answers both kinds of line in the shape of OpenAI’s batch output, in order', async () => {
    const { done, rows } = await run(
      `${JSON.stringify({ id: 'one', text: 'a bb' })}\n\n${batchLine('two', { model: 'counting', input: ['ccc', 'a a a'] })}\n${batchLine('three', { input: [7, 8], token_ids: 'model' })}`,
    );
    expect(done).toEqual({ ok: true, value: { progress: { completed: 3, failed: 0, total: 3 }, tokens: 8 } });
    expect(rows[0]).toEqual({
      id: 'att_0',
      custom_id: 'one',
      response: {
        status_code: 200,
        request_id: 'att_0',
        body: {
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [2, 3] }],
          model: 'counting',
          usage: { prompt_tokens: 2, total_tokens: 2 },
        },
      },
      error: null,
    });
    expect(rows[1].response.body.data.map(({ index, embedding }: { index: number; embedding: number[] }) => [index, embedding])).toEqual([
      [0, [1, 3]],
      [1, [3, 3]],
    ]);
    expect(rows[2]).toMatchObject({ custom_id: 'three', response: { body: { data: [{ embedding: [2, 15] }] } } });
  });

  it('[M117] reads token ids of a line as the text that they stand for', async () => {
    const input = encode('a bb ccc');
    const { rows } = await run([batchLine('ids', { input }), batchLine('text', { input: 'a bb ccc' })].join('\n'));
    expect(rows[0].response.body).toEqual(rows[1].response.body);
    expect(rows[1].response.body.data[0].embedding).toEqual([3, 6]);
  });

  it('[P11] honours base64 and dimensions', async () => {
    const { rows } = await run(
      [batchLine('x', { input: 'a bb', encoding_format: 'base64' }), batchLine('y', { input: 'a bb', dimensions: 1 })].join('\n'),
    );
    const bytes = Buffer.from(rows[0].response.body.data[0].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([2, 3]);
    expect(rows[1].response.body.data[0].embedding).toEqual([1]);
  });

  it('[P12] [J76] answers a bad line with its error and goes on', async () => {
    const bad: [string, string, string | null][] = [
      ['{"id":', 'malformed_json', null],
      ['[1]', 'invalid_value', null],
      ['"text"', 'malformed_json', null],
      [JSON.stringify({ id: 'no text' }), 'invalid_value', 'no text'],
      [JSON.stringify({ id: 'empty', text: '' }), 'invalid_value', 'empty'],
      [batchLine('model', { model: 'other', input: 'x' }), 'model_not_found', 'model'],
      [batchLine('field', { input: 'x', unknown: 1 }), 'invalid_value', 'field'],
      [batchLine('vocabulary', { input: [100], token_ids: 'model' }), 'invalid_value', 'vocabulary'],
      [batchLine('ids', { input: [100_256] }), 'invalid_value', 'ids'],
      [batchLine('long', { input: 'a a a a a a' }), 'limit_exceeded', 'long'],
      [batchLine('dimensions', { input: 'a', dimensions: 3 }), 'limit_exceeded', 'dimensions'],
      [JSON.stringify({ custom_id: 'url', method: 'POST', url: '/v1/chat/completions', body: {} }), 'invalid_value', 'url'],
      [`{"id":"huge","text":"${'x'.repeat(POOL_LIMITS.jobLineBytesMax)}"}`, 'limit_exceeded', null],
    ];
    const { done, rows } = await run([...bad.map(([line]) => line), JSON.stringify({ id: 'good', text: 'a' })].join('\n'));
    expect(done).toMatchObject({ ok: true, value: { progress: { completed: 1, failed: bad.length }, tokens: 1 } });
    expect(rows.slice(0, -1).map(({ error, custom_id }) => [error.code, custom_id])).toEqual(bad.map(([, code, id]) => [code, id]));
    expect(rows.slice(0, -1).every(({ response }) => response === null)).toBe(true);
    expect(rows.at(-1)).toMatchObject({ custom_id: 'good', error: null });
  });

  it('[P13] reports its progress on the way', async () => {
    const { reports } = await run(Array.from({ length: 1_000 }, (_, n) => JSON.stringify({ id: `${n}`, text: 'a' })).join('\n'));
    expect(reports[0]).toEqual({ completed: 0, failed: 0, total: 1_000 });
    expect(reports.length).toBeGreaterThan(5);
    expect(reports.at(-1)).toEqual({ completed: 1_000, failed: 0, total: 1_000 });
  });

  it('[P13] stops midway when it is instructed to', async () => {
    const stop = new AbortController();
    stop.abort('released');
    await expect(run('{"id":"a","text":"a"}', stop.signal)).rejects.toBe('released');
  });

  it('[P14] refuses more lines than a job may have', async () => {
    const { done, rows } = await run('1\n'.repeat(POOL_LIMITS.jobLinesMax + 1));
    expect(done).toMatchObject({ ok: false, error: { reason: 'input_too_large' } });
    expect(rows).toEqual([]);
  });
});

const fullLine = (custom_id: string, input: unknown, model = 'counting') => batchLine(custom_id, { model, input });

describe('answering an OpenAI batch', () => {
  it('[J152] writes the answers to requests that fail to a file of their own, as HTTP answers', async () => {
    const input = [fullLine('a', 'x'), fullLine('b', ''), fullLine('c', 'x y z x y z'), fullLine('d', 'y')].join('\n');
    const { done, rows, errors } = await run(input, undefined, 'counting');
    expect(done).toMatchObject({ ok: true, value: { progress: { completed: 2, failed: 2, total: 4 }, tokens: 2 } });
    expect(rows.map(({ custom_id, error }) => [custom_id, error])).toEqual([
      ['a', null],
      ['d', null],
    ]);
    expect(errors.map(({ custom_id, response, error }) => [custom_id, response.status_code, response.body.error.code, error])).toEqual([
      ['b', 400, 'invalid_value', null],
      ['c', 400, 'limit_exceeded', null],
    ]);
    expect(errors[1]).toMatchObject({ id: 'att_2', response: { request_id: 'att_2', body: { error: { param: 'input[0]' } } } });
  });

  it('[J152] answers nothing of an input with malformed lines, and names the line of each', async () => {
    const lines = [
      fullLine('a', 'x'),
      '',
      '{"custom_id":',
      '[]',
      fullLine('a', 'y'),
      JSON.stringify({ method: 'POST', url: '/v1/embeddings', body: { model: 'counting', input: 'x' } }),
      JSON.stringify({ custom_id: 'g', method: 'GET', url: '/v1/chat/completions', body: { model: 'counting', input: 'x' } }),
      fullLine('h', 'x', 'other'),
      JSON.stringify({ custom_id: 7, method: 'POST', url: '/v1/embeddings', body: { input: 'x' } }),
      `"${'x'.repeat(POOL_LIMITS.jobLineBytesMax)}"`,
    ];
    const { done, rows, errors, reports } = await run(lines.join('\n'), undefined, 'counting');
    expect(done).toMatchObject({ ok: false, error: { reason: 'input_invalid' } });
    const faults = done.ok ? [] : (done.error.lines ?? []);
    expect(faults.map(({ line, code, param }) => [line, code, param])).toEqual([
      [3, 'invalid_json_line', null],
      [4, 'invalid_json_line', null],
      [5, 'duplicate_custom_id', 'custom_id'],
      [6, 'missing_required_parameter', 'custom_id'],
      [7, 'invalid_method', 'method'],
      [7, 'invalid_url', 'url'],
      [8, 'mismatched_model', 'body.model'],
      [9, 'invalid_value', 'custom_id'],
      [9, 'missing_required_parameter', 'body.model'],
      [10, 'line_too_long', null],
    ]);
    expect([rows, errors, reports]).toEqual([[], [], []]);
  });

  it('[J152] refuses an input without requests, or with too many, and shows no more faults than the first', async () => {
    const faultsOf = async (input: string) => {
      const { done } = await run(input, undefined, 'counting');
      return done.ok ? [] : (done.error.lines ?? []);
    };
    expect(await faultsOf(' \n\n')).toMatchObject([{ code: 'empty_file', line: null }]);
    expect(await faultsOf(`${fullLine('a', 'x')}\n`.repeat(POOL_LIMITS.jobLinesMax + 1))).toMatchObject([{ code: 'too_many_requests' }]);
    const many = await faultsOf('1\n'.repeat(JOB_LIMITS.lineFaultsMaxCount + 50));
    expect(many).toHaveLength(JOB_LIMITS.lineFaultsMaxCount);
    expect(many.at(-1)).toMatchObject({ line: JOB_LIMITS.lineFaultsMaxCount });
  });
});

async function linesOf(chunks: AsyncIterable<Uint8Array>, bytesMax: number) {
  const lines = [];
  for await (const line of readLines(chunks, bytesMax)) lines.push(line);
  return lines;
}

async function* chunked(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('reading lines', () => {
  it.each([1, 2, 3, 7, 1_000])('[P12] cuts at newlines alone, in chunks of %i bytes', async (size) => {
    const text = 'één\r\n\n  \n{"a":"\u2028"}\n日本\n\nlast';
    expect(await linesOf(chunked(text, size), 100)).toEqual(['één', '{"a":"\u2028"}', '日本', 'last']);
  });

  it('[P12] holds no more of a line than allowed', async () => {
    expect(await linesOf(chunked(`abcd\n${'x'.repeat(50)}\nefgh\n${'y'.repeat(5)}`, 3), 4)).toEqual(['abcd', TOO_LONG, 'efgh', TOO_LONG]);
  });
});
