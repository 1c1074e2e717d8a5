import { describe, expect, it } from 'vitest';

import { STORED_ANSWER_LIMITS } from '../../../src/contract/completions/stored-answer-limits.ts';
import { StoredStream } from '../../../src/gateway/completions/stored-stream.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { KeyId } from '../../../src/kernel/ids.ts';
import { hasTable } from '../../../src/kernel/sql/migrate.ts';
import { DAY_MS } from '../../../src/kernel/time-units.ts';
import type { JsonObject } from '../../../src/upstreams/protocol/json.ts';
import { SqliteStoredAnswers } from '../../../src/upstreams/store/sqlite-stored-answers.ts';
import { historyOf, shownItems } from '../../../src/upstreams/stored/conversation-items.ts';
import type { StoredAnswer } from '../../../src/upstreams/stored/stored-answer.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';
import { ManualClock } from '../../support/fakes/tenancy.ts';

const KEY = 'key_a' as KeyId;

const answerOf = (id: string, more: Partial<StoredAnswer> = {}): StoredAnswer => ({
  id,
  kind: 'response',
  keyId: KEY,
  atMs: 0,
  model: 'small',
  metadata: {},
  previous: null,
  asked: '[{"role":"user","content":"hi"}]',
  answer: '{"output":[]}',
  ...more,
});

function world(charsMax?: number) {
  const clock = new ManualClock(0);
  const storage = new NodeSql();
  return { clock, storage, store: new SqliteStoredAnswers(storage, clock, charsMax) };
}

const ofKind = { kind: 'response' } as const;

describe('stored answers', () => {
  it('[U245] are absent from the moment they expire, and a read of none writes nothing', () => {
    const { clock, storage, store } = world();
    expect([store.find('resp_1', ofKind), store.history('resp_1', ofKind)]).toEqual([undefined, { kind: 'absent', id: 'resp_1' }]);
    expect(hasTable(storage, 'answers')).toBe(false);
    store.put(answerOf('resp_1'));
    expect(store.nextExpiryMs()).toBe(30 * DAY_MS);
    clock.ms += 30 * DAY_MS - 1;
    expect(store.find('resp_1', ofKind)).toEqual(answerOf('resp_1'));
    clock.ms += 1;
    expect([store.find('resp_1', ofKind), store.count()]).toEqual([undefined, 1]);
    store.expire();
    expect([store.count(), store.heldChars()]).toEqual([0, 0]);
  });

  it('[U246] of a policy of no days, and those that are too large, are not kept; texts are, whatever their length', () => {
    const { store } = world();
    const long = '\u{1F6A2}'.repeat(700_001);
    store.put(answerOf('resp_1', { answer: `x${long}` }));
    expect(store.find('resp_1', ofKind)?.answer === `x${long}`).toBe(true);
    const large = 'x'.repeat(STORED_ANSWER_LIMITS.storedAnswerCharsMax);
    expect(store.put(answerOf('resp_2', { answer: large }))).toEqual({ ok: true, value: { isKept: false } });
    store.setPolicy({ retentionDays: 0 });
    expect(store.put(answerOf('resp_3'))).toEqual({ ok: true, value: { isKept: false } });
    expect([store.count(), store.heldChars(), store.policy().retentionDays]).toEqual([0, 0, 0]);
  });

  it('[U247] are conversations without a gap: of a key, and of bounded length', () => {
    const { store } = world();
    for (let n = 0; n <= STORED_ANSWER_LIMITS.storedTurnsMaxCount; n += 1) {
      store.put(answerOf(`resp_${n}`, { previous: n === 0 ? null : `resp_${n - 1}` }));
    }
    const turns = store.history('resp_3', ofKind);
    expect(turns.kind === 'turns' && turns.turns.map(({ id }) => id)).toEqual(['resp_0', 'resp_1', 'resp_2', 'resp_3']);
    expect(store.history('resp_1000', ofKind)).toEqual({ kind: 'too_long', limit: 'storedTurnsMaxCount' });
    expect(store.history('resp_3', { ...ofKind, keyId: 'key_b' as KeyId })).toEqual({ kind: 'absent', id: 'resp_3' });
    store.remove('resp_1', ofKind);
    expect(store.history('resp_3', ofKind)).toEqual({ kind: 'absent', id: 'resp_1' });
  });

  it('[U247] are sent once more in a form that every upstream takes, and shown with ids of their own', () => {
    const output = [
      { type: 'reasoning', id: 'rs_1', summary: [] },
      { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'e' },
      { type: 'message', id: 'msg_1', role: 'assistant', content: [{ type: 'output_text', text: 'a', annotations: [] }] },
      { type: 'function_call', id: 'fc_1', status: 'completed', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'web_search_call', id: 'ws_1' },
    ];
    const first = { id: 'resp_1', asked: '[{"role":"user","content":"hi"}]', answer: JSON.stringify({ output }) };
    const second = { id: 'resp_2', asked: '[{"type":"function_call_output","call_id":"c","output":""}]', answer: '{"output":[]}' };
    expect(historyOf([first, second])).toEqual([
      { role: 'user', content: 'hi' },
      { type: 'reasoning', summary: [], encrypted_content: 'e' },
      { role: 'assistant', content: 'a' },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: '' },
    ]);
    const shown = shownItems([first, second]);
    expect(shown.map(({ id }) => id)).toEqual(['msg_1_0', 'rs_1_1', 'rs_1_2', 'msg_1_3', 'fc_1_4', 'item_1_5', 'fco_2_0']);
    expect(shown[0]).toMatchObject({ type: 'message', content: [{ type: 'input_text', text: 'hi' }] });
  });

  it('[U248] beyond the bytes of a tenant lose the oldest', () => {
    const { store } = world(100);
    for (const [n, atMs] of [3, 1, 2].entries()) store.put(answerOf(`resp_${n}`, { atMs }));
    expect(['resp_0', 'resp_1', 'resp_2'].map((id) => store.find(id, ofKind)?.id)).toEqual(['resp_0', undefined, 'resp_2']);
  });

  it('[U250] are found by pairs of metadata, in both orders, page by page', () => {
    const { store } = world();
    for (let n = 0; n < 5; n += 1) store.put(answerOf(`chat_${n}`, { kind: 'chat', metadata: n % 2 === 0 ? { 'a"b': 'x' } : { c: 'x' } }));
    const page = (order: 'asc' | 'desc', after?: string) => {
      const found = store.page({ kind: 'chat', metadata: { 'a"b': 'x' }, order, limit: 2, ...(after === undefined ? {} : { after }) });
      return [found?.answers.map(({ id }) => id), found?.hasMore];
    };
    expect([page('asc'), page('asc', 'chat_2'), page('desc')]).toEqual([
      [['chat_0', 'chat_2'], true],
      [['chat_4'], false],
      [['chat_4', 'chat_2'], true],
    ]);
    expect(page('asc', 'chat_9')).toEqual([undefined, undefined]);
  });

  it('[U251] are gone with their tenant, which stores nothing any more', () => {
    const { store } = world();
    store.put(answerOf('resp_1'));
    store.erase();
    expect(store.put(answerOf('resp_2'))).toMatchObject({ ok: false, error: { code: 'tenant_suspended' } });
    expect(store.setPolicy({ retentionDays: 1 })).toMatchObject({ ok: false });
    expect([store.count(), store.find('resp_1', ofKind)]).toEqual([0, undefined]);
  });
});

describe('a stream that is stored', () => {
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'up', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const CHUNKS = [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'he' }),
    ': a comment\n\n',
    chunk({ content: 'llo' }),
    chunk({ tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{"a"' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    chunk({}, 'tool_calls'),
    'data: [DONE]\n\n',
  ];

  async function streamed(chunks: readonly string[]) {
    const kept: JsonObject[] = [];
    const seen: string[] = [];
    const pieces = chunks.map((text) => utf8(text));
    const stream = new StoredStream(
      { next: async () => pieces.shift(), cancel: () => undefined },
      {
        kind: 'chat',
        shown: (answer) => ({ ...answer, id: 'own' }),
        keep: async (answer) => {
          seen.push('kept');
          kept.push(answer);
          return answer;
        },
      },
    );
    for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) seen.push(new TextDecoder().decode(piece));
    return { kept, seen };
  }

  it('[U249] is stored as it would have come whole, before its last event', async () => {
    const { kept, seen } = await streamed(CHUNKS);
    expect(kept).toMatchObject([
      {
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: { content: 'hello', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }] },
            finish_reason: 'tool_calls',
          },
        ],
      },
    ]);
    expect(seen.slice(-2)).toEqual(['kept', 'data: [DONE]\n\n']);
    expect(seen.filter((text) => text.includes('"id":"up"'))).toEqual([]);
    expect(seen).toContain(': a comment\n\n');
  });

  it('[U249] is not stored where it breaks off', async () => {
    expect((await streamed(CHUNKS.slice(0, -1))).kept).toEqual([]);
  });
});
