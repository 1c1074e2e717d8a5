import { encode } from 'gpt-tokenizer/encoding/cl100k_base';
import { expect, it } from 'vitest';

import { textInput } from '../../../src/gateway/completions/text-input.ts';
import { TokenTexts } from '../../../src/inference/text/token-texts.ts';
import { ok } from '../../../src/kernel/result.ts';
import { Exchanges } from '../../../src/upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { faultOf } from '../../support/fixtures/fault-of.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { encodingFor } from '../../support/upstreams/token-counts.ts';

const texts = new TokenTexts(async (name) => ok(await encodingFor(name)));
const model = { serves: ['embeddings' as const] };
const OPENAI = targetOf({ baseUrl: 'https://api.openai.com/v1', model });
const AZURE = targetOf({ baseUrl: 'https://team.openai.azure.com/openai/v1', model });
const OTHERS = [targetOf({ model }), targetOf({ baseUrl: 'https://openai.com.evil.example/v1', model })];
const TEXTS = ['the lock keeper', '运河的水门'];
const IDS = TEXTS.map((text) => encode(text));

async function read(body: JsonObject) {
  const made = await textInput(texts, { model: 'lab/small', ...body });
  if (!made.ok) throw new Error(JSON.stringify(faultOf(made)));
  return made.value;
}

/** The body that a target is sent. `change`: what a guardrail makes of it. */
async function sentTo(target: ReturnType<typeof targetOf>, body: JsonObject, change = (one: JsonObject): JsonObject => one) {
  const { body: judged, tokenInput } = await read(body);
  const call = { surface: 'embeddings' as const, body: change(judged), headers: {}, nowMs: 0, ...(tokenInput && { tokenInput }) };
  return JSON.parse(new Exchanges(call).with(target, undefined).request.body) as JsonObject;
}

it('[U220] a call for embeddings has texts in place of token ids for what judges, keeps and logs it', async () => {
  for (const [input, said] of [
    [IDS, TEXTS],
    [IDS[1], TEXTS[1]],
  ])
    expect((await read({ input })).body).toEqual({ model: 'lab/small', input: said });
  expect((await read({ input: IDS, token_ids: 'o200k_base' })).body['input']).not.toEqual(TEXTS);
  expect((await read({ input: IDS, token_ids: 'model' })).body).toEqual({ model: 'lab/small', input: IDS });
  const odd = [[1.5], [[]], [], [1, 'a'], [[1], 'a'], 'a', ['a'], undefined];
  for (const input of odd) expect((await read({ input })).body['input']).toEqual(input);
});

it('[U221] ids go to OpenAI as they came, and to any other server as the texts that they stand for', async () => {
  for (const target of [OPENAI, AZURE]) {
    expect(await sentTo(target, { input: IDS })).toEqual({ model: 'small-2026', input: IDS });
    expect((await sentTo(target, { input: IDS[0] }))['input']).toEqual(IDS[0]);
    expect((await sentTo(target, { input: TEXTS }))['input']).toEqual(TEXTS);
    // Not the encoding of its models.
    expect(typeof (await sentTo(target, { input: IDS[0], token_ids: 'o200k_base' }))['input']).toBe('string');
  }
  for (const target of OTHERS) {
    expect(await sentTo(target, { input: IDS })).toEqual({ model: 'small-2026', input: TEXTS });
    expect((await sentTo(target, { input: IDS, token_ids: 'model' }))['input']).toEqual(IDS);
  }
});

it('[U221] no ids of a text that a guardrail has changed go out', async () => {
  const masked = ({ input, ...rest }: JsonObject) => ({ ...rest, input: [(input as string[])[0]!, '[masked]'] });
  expect((await sentTo(OPENAI, { input: IDS }, masked))['input']).toEqual(['the lock keeper', '[masked]']);
  const copied = (body: JsonObject) => JSON.parse(JSON.stringify(body)) as JsonObject;
  expect((await sentTo(OPENAI, { input: IDS }, copied))['input']).toEqual(IDS);
});
