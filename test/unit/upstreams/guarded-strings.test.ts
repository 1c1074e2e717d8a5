import { describe, expect, it } from 'vitest';

import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import type { Dialect } from '../../../src/upstreams/protocol/stream-tap.ts';
import { DeclaredTypes } from '../../support/declared/declared-types.ts';
import type { PlantedString } from '../../support/declared/planted-values.ts';
import { plantedStrings } from '../../support/declared/planted-values.ts';
import type { StreamEvent } from '../../support/guardrails/guarded-call.ts';
import { guardedEvents, PEOPLE, sessionOf } from '../../support/guardrails/guarded-call.ts';

// A secret is planted in each string of each request, answer and event that the clients of OpenAI and Anthropic declare, one after the other.

const OPENAI = new DeclaredTypes(
  ['shared', 'completions', 'embeddings', 'moderations', 'chat/completions/completions', 'responses/responses'].map(
    (name) => `openai/resources/${name}.d.ts`,
  ),
);
const ANTHROPIC = new DeclaredTypes(['shared', 'messages/messages'].map((name) => `@anthropic-ai/sdk/resources/${name}.d.ts`));

function stringsOf(types: DeclaredTypes, name: string): PlantedString[] {
  const type = types.find(name);
  if (type === undefined) throw new Error(`no client declares ${name}`);
  const missing = new Set<string>();
  const strings = plantedStrings(types, type, (missed) => missing.add(missed));
  expect([...missing]).toEqual([]);
  return strings;
}

const SECRET = 'jane.doe@example.org';
const BLOCKS: Hook = { ...PEOPLE, kind: 'patterns', patterns: ['jane[.]doe'], action: 'block' };
const FLAGS: Hook = { ...BLOCKS, action: 'flag' };

/** What may reach the upstream as it came. */
const IN_REQUESTS: ReadonlySet<string> = new Set(['model']);
/** What may reach the caller as it came: names that the upstream makes. */
const IN_ANSWERS: ReadonlySet<string> = new Set(
  `model id item_id call_id tool_call_id tool_use_id previous_response_id previous_message_id conversation file_id file_ids vector_store_ids
   container_id approval_request_id system_fingerprint obfuscation created_by expires_at retrieved_at page_age`.split(/\s+/),
);

/** The field that a string is the value of. */
const fieldOf = (place: string): string => /\.([\w{}]+)(?:\[\])*$/.exec(place)?.[1] ?? '';

const REQUESTS: readonly (readonly [string, DeclaredTypes, string, number])[] = [
  ['chat completions', OPENAI, 'ChatCompletionCreateParamsBase', 118],
  ['completions', OPENAI, 'CompletionCreateParamsBase', 8],
  ['responses', OPENAI, 'ResponseCreateParamsBase', 900],
  ['messages', ANTHROPIC, 'MessageCreateParamsBase', 700],
  ['embeddings', OPENAI, 'EmbeddingCreateParams', 5],
  ['moderations', OPENAI, 'ModerationCreateParams', 5],
];

const ANSWERS: readonly (readonly [string, DeclaredTypes, string, number])[] = [
  ['chat completions', OPENAI, 'ChatCompletion', 50],
  ['completions', OPENAI, 'Completion', 8],
  ['responses', OPENAI, 'Response', 1_500],
  ['messages', ANTHROPIC, 'Message', 150],
];

describe.each(REQUESTS)('a request of %s', (_, types, name, countMin) => {
  const strings = stringsOf(types, name);

  it('[U112] [U201] reaches no upstream with a secret, wherever that stands', async () => {
    expect(strings.length).toBeGreaterThanOrEqual(countMin);
    const passed: string[] = [];
    for (const { place, with: planted } of strings) {
      const written = JSON.stringify(planted(SECRET));
      const { body } = await sessionOf([PEOPLE]).requestText(written);
      if (!body.ok) expect(body.error, place).toMatchObject({ code: 'guardrail_blocked', path: expect.any(Array) });
      else if (body.value.includes(SECRET)) passed.push(place);
      expect(JSON.stringify(body.ok ? '' : body.error), place).not.toContain(SECRET);
    }
    expect(passed.filter((place) => !IN_REQUESTS.has(fieldOf(place)))).toEqual([]);
  });

  it('[U112] is blocked and flagged by what it has anywhere', async () => {
    const unseen: string[] = [];
    for (const { place, with: planted } of strings) {
      const written = JSON.stringify(planted(SECRET));
      const [blocked, flagged] = [await sessionOf([BLOCKS]).requestText(written), await sessionOf([FLAGS]).requestText(written)];
      if ((blocked.body.ok && blocked.body.value.includes(SECRET)) || flagged.records[0]?.outcome !== 'flagged') unseen.push(place);
      expect(flagged.body).toEqual({ ok: true, value: written });
    }
    expect(unseen.filter((place) => !IN_REQUESTS.has(fieldOf(place)))).toEqual([]);
  });
});

describe.each(ANSWERS)('an answer of %s', (_, types, name, countMin) => {
  it('[U112] reaches no caller with a secret, wherever that stands', async () => {
    const strings = stringsOf(types, name);
    expect(strings.length).toBeGreaterThanOrEqual(countMin);
    const [passed, unblocked]: [string[], string[]] = [[], []];
    for (const { place, with: planted } of strings) {
      const written = JSON.stringify(planted(SECRET));
      const { text } = await sessionOf([PEOPLE]).answer(written);
      if (text.ok && text.value.includes(SECRET)) passed.push(place);
      expect(JSON.stringify(text.ok ? '' : text.error), place).not.toContain(SECRET);
      const blocked = await sessionOf([BLOCKS]).answer(written);
      if (blocked.text.ok && blocked.text.value.includes(SECRET)) unblocked.push(place);
    }
    expect(passed.filter((place) => !IN_ANSWERS.has(fieldOf(place)))).toEqual([]);
    expect(unblocked.filter((place) => !IN_ANSWERS.has(fieldOf(place)))).toEqual([]);
  });
});

const STREAMS: readonly (readonly [Dialect, DeclaredTypes, string, RegExp])[] = [
  ['chat', OPENAI, 'ChatCompletionChunk', /delta.*\.(?:content|refusal|arguments|input|transcript)$/],
  ['responses', OPENAI, 'ResponseStreamEvent', /\.delta(?:\.std(?:out|err))?$/],
  ['messages', ANTHROPIC, 'RawMessageStreamEvent', /\(content_block_delta\)\.delta.*\.(?:text|thinking|partial_json|content)$/],
];

describe.each(STREAMS)('a stream of %s', (dialect, types, name, isPiece) => {
  const strings = stringsOf(types, name);

  it('[U112] [U114] reaches no caller with a secret in any event', async () => {
    const passed: string[] = [];
    for (const { place, with: planted } of strings) {
      const { text } = await guardedEvents(sessionOf([PEOPLE]), dialect, [planted(SECRET) as StreamEvent]);
      if (text.includes(SECRET)) passed.push(place);
    }
    expect(passed.filter((place) => !IN_ANSWERS.has(fieldOf(place)))).toEqual([]);
  });

  it('[U114] reaches no caller with a secret that comes in pieces', async () => {
    const inPieces = strings.filter(({ place }) => isPiece.test(place));
    expect(inPieces.length).toBeGreaterThanOrEqual(3);
    for (const { place, with: planted } of inPieces) {
      const events = ['from jane.', 'doe@exam', 'ple.org to'].map((piece) => planted(piece) as StreamEvent);
      const { sent, isBlocked } = await guardedEvents(sessionOf([PEOPLE]), dialect, events);
      const said = sent.flatMap((event) => textsIn(event)).join('');
      expect(said, place).not.toContain('jane.doe');
      if (!isBlocked) expect(said, place).toContain('from [EMAIL_1] to');
    }
  });
});

/** The values of an event that are no words of its protocol. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return /^[a-z_.]+$/.test(value) ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
