import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { EMBEDDING_LIMITS } from '../../../src/contract/embeddings/embedding-limits.ts';
import { ok } from '../../../src/kernel/result.ts';
import { answerLine } from '../../../workers/agent/answer-line.ts';
import type { LineModel } from '../../../workers/agent/line-model.ts';
import type { Answered } from '../../../workers/agent/request-parts.ts';
import { joined, partsOf } from '../../../workers/agent/request-parts.ts';

const inputOf = (part: string): string[] => (JSON.parse(part) as { input: string[] }).input;
const vectors = (texts: readonly string[], first = 0) => ({
  status_code: 200,
  body: {
    object: 'list',
    data: texts.map((text, i) => ({ object: 'embedding', index: i, embedding: `v${text}` })),
    model: 'm',
    usage: { prompt_tokens: texts.length, total_tokens: texts.length },
    sluice: { tokens: texts.map(() => 1), cut_tokens: texts.map(() => 0), version: `${first}`, contract_hash: 'own' },
  },
});

const TOKENS_MAX = 300;
/** Takes so many characters of a text, and cuts off the rest. */
const model: LineModel = {
  name: 'm',
  id: 'm',
  dimensions: 2,
  makes: { task: 'embedding', pooling: 'mean' },
  version: '1',
  contractHash: 'own',
  async embed({ input }) {
    const texts = input as readonly string[];
    const tokens = texts.map(({ length }) => Math.min(length, TOKENS_MAX));
    return ok({
      vectors: Float32Array.from(texts.flatMap((text, at) => [tokens[at]!, text.charCodeAt(0)])),
      tokens,
      cutTokens: texts.map(({ length }, at) => length - tokens[at]!),
    });
  },
};

async function answerTo(body: string): Promise<Answered> {
  const line = `{"custom_id":"","method":"POST","url":"/v1/embeddings","body":${body}}`;
  const { response } = JSON.parse((await answerLine(line, 'replica_0', model, 'replica')).json) as { response: Answered };
  return { status_code: response.status_code, body: response.body };
}

describe('[P131] a request in parts', () => {
  it('has each text once, in order, in parts of about the same length', () => {
    const texts = fc.array(fc.string({ maxLength: 900 }), { maxLength: 60 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 8 }), (input, count) => {
        const parts = partsOf(JSON.stringify({ model: 'm', input, input_type: 'query' }), count);
        expect(parts.flatMap(inputOf)).toEqual(input);
        expect(parts.length).toBeLessThanOrEqual(Math.max(1, count));
        const chars = input.join('').length;
        const longest = input.reduce((most, text) => Math.max(most, text.length), 0);
        for (const part of parts) {
          expect(JSON.parse(part)).toMatchObject({ model: 'm', input_type: 'query' });
          if (parts.length > 1) expect(inputOf(part).join('').length).toBeLessThanOrEqual(chars / parts.length + 2 * longest);
          if (parts.length > 1) expect(inputOf(part).length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it.each([
    ['a text', { input: 'a'.repeat(5_000) }],
    ['token ids', { input: [[1, 2], [3]] }],
    ['few characters', { input: ['a', 'b', 'c'] }],
    ['no input', {}],
    ['no object', ['a'.repeat(5_000)]],
  ])('stays one with %s', (_, request) => {
    expect(partsOf(JSON.stringify(request), 4)).toEqual([JSON.stringify(request)]);
  });

  it('stays one that is no JSON', () => {
    expect(partsOf('{"input": [', 4)).toEqual(['{"input": [']);
  });

  it('is answered as the whole is, by all that an answer says, whatever is cut', async () => {
    // Long enough that there are several parts.
    const texts = fc.array(fc.string({ minLength: 200, maxLength: 2 * TOKENS_MAX }), { minLength: 4, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom('none', 'end'), fc.integer({ min: 2, max: 5 }), async (input, truncate, count) => {
        const body = JSON.stringify({ model: 'm', input, truncate });
        expect(partsOf(body, count).length).toBeGreaterThan(1);
        expect(joined(await Promise.all(partsOf(body, count).map(answerTo)))).toEqual(await answerTo(body));
      }),
    );
  });

  it('is asked again as a whole where a part is refused or missing, or all have too many tokens', () => {
    expect(joined([vectors(['a']), { status_code: 400, body: {} }])).toBeUndefined();
    expect(joined([vectors(['a']), undefined])).toBeUndefined();
    const many = vectors(['a']);
    many.body.sluice.tokens = [EMBEDDING_LIMITS.embeddingTokensMaxCount];
    expect(joined([many])).toBeDefined();
    expect(joined([many, vectors(['b'])])).toBeUndefined();
  });
});
