import { expect, it } from 'vitest';

import { COMPLETION_LIMITS } from '../../../src/contract/completions/completion-limits.ts';
import type { UncountedEnd } from '../../../src/gateway/completions/answer-pieces.ts';
import { CompletionStream } from '../../../src/gateway/completions/completion-stream.ts';
import { joinedBytes, utf8 } from '../../../src/kernel/bytes.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import { Exchanges } from '../../../src/upstreams/protocol/exchange.ts';
import { settlementOf } from '../../../src/upstreams/money/settlement.ts';
import { PassBudget } from '../../../src/upstreams/serving/pass-budget.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { BodyCopy, TransportFault } from '../../../src/upstreams/transport.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { REVOKED } from '../../support/fakes/ending.ts';
import { byteCounts } from '../../support/upstreams/token-counts.ts';

const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 4, completion_tokens: 3 } })}\n\n`;
const DONE = 'data: [DONE]\n\n';
const EVENTS = [chunk('abcd'), chunk('efgh'), chunk('ijkl', 'stop'), USAGE, DONE];

interface Asked {
  readonly surface?: Surface;
  readonly more?: object;
  readonly target?: Partial<Target>;
  readonly budget?: PassBudget;
  /** The body can be passed. */
  readonly passes?: boolean;
}

/** A stream of an upstream whose first piece is `first`; what was handed over to be passed, and what became of it. */
function streamOf(first: string | TransportFault | undefined, { surface = 'chat', more, target: of, budget, passes = true }: Asked = {}) {
  const target = targetOf(of);
  const handed: { lead: string; copy: BodyCopy }[] = [];
  const seen = { ends: [] as unknown[], cancelled: 0, copied: '' };
  const came: UncountedEnd[] = [];
  const left = [typeof first === 'string' ? utf8(first) : first];
  const body = {
    read: () => Promise.resolve(left.shift()),
    cancel: () => {
      seen.cancelled += 1;
    },
    ...(passes && {
      pass: (lead: Uint8Array, copy: BodyCopy) => {
        handed.push({ lead: new TextDecoder().decode(lead), copy });
        return handed;
      },
    }),
  };
  const opened = { kind: 'opened' as const, status: 200, contentType: '', body };
  const dispatched = { target, opened, attempts: [], finish: (end: unknown) => void seen.ends.push(end) };
  const asked = { messages: [], max_tokens: 9, stream: true, stream_options: { include_usage: true }, ...more };
  const exchange = new Exchanges({ surface, body: asked, headers: {}, nowMs: 0 }).with(target, 9);
  const stream = new CompletionStream({
    dispatched,
    answer: exchange.stream(),
    requestId: 'req_1',
    onEnd: (end) => void came.push(end),
    passing: exchange.passesAs === undefined ? undefined : { dialect: exchange.passesAs, budget: budget ?? new PassBudget() },
  });
  const onPiece = (piece: Uint8Array): void => {
    seen.copied += new TextDecoder().decode(piece);
  };
  return { stream, onPiece, handed, seen, came, target };
}

/** The copy of a stream that is passed, behind its first piece. */
async function passed(first: string, asked?: Asked) {
  const { stream, onPiece, handed, ...rest } = streamOf(first, asked);
  expect(await stream.pass({ first: undefined, onPiece })).toBe(handed);
  const { copy } = handed[0] ?? {};
  if (copy === undefined) throw new Error('it is not passed');
  return { copy, handed, ...rest };
}

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const fault = (kind: TransportFault['fault']): TransportFault => ({ kind: 'fault', fault: kind });

it('[U32] [U42] hands the stream over behind its first piece, and ends once, with what its copy says', async () => {
  const { copy, handed, seen, came } = await passed(EVENTS[0]!);
  expect(handed[0]?.lead).toBe(EVENTS[0]);
  copy.take(utf8(EVENTS.slice(1).join('')));
  expect(copy.isOver).toBe(true);
  expect(copy.end(undefined)).toBeUndefined();
  expect(came).toMatchObject([{ end: 'whole', usage: { inputTokens: 4, outputTokens: 3 } }]);
  expect(seen).toEqual({ ends: ['whole'], cancelled: 0, copied: EVENTS.join('') });
});

it('[U32] sends what goes before the answer with its first piece', async () => {
  const { stream, onPiece, handed } = streamOf(EVENTS[0]);
  await stream.pass({ first: utf8(': explained\n\n'), onPiece });
  expect(handed[0]?.lead).toBe(`: explained\n\n${EVENTS[0]}`);
});

const SAID = { messages: [{ role: 'user', content: 'a' }] };
it.each<[string, boolean, Asked]>([
  ['whose caller has asked for its usage', true, {}],
  ['whose usage only Sluice has asked for', false, { more: { stream_options: undefined } }],
  ['whose usage callers see', true, { more: { stream_options: undefined }, target: { passUsage: true } }],
  ['of a body that JavaScript makes', false, { passes: false }],
  ["of Anthropic's protocol", true, { surface: 'messages', target: { protocol: 'anthropic' } }],
  ["that is translated to Anthropic's", false, { surface: 'messages', more: { ...SAID, stream_options: undefined } }],
  ["that is translated from Anthropic's", false, { target: { protocol: 'anthropic' }, more: { ...SAID, stream_options: undefined } }],
])('[U32] a stream %s is passed: %s', async (_what, isPassed, asked) => {
  const first = asked.target?.protocol === 'anthropic' ? 'event: ping\ndata: {"type":"ping"}\n\n' : EVENTS[0];
  const { stream, onPiece } = streamOf(first, asked);
  expect((await stream.pass({ first: undefined, onPiece })) !== undefined).toBe(isPassed);
});

it('[U32] what is judged of the first piece is relayed as it was: nothing of it is lost', async () => {
  for (const first of [EVENTS.join(''), 'data: {"error":{"message":"overloaded"}}\n\n', fault('broken'), undefined]) {
    const { stream, onPiece, handed, came, seen } = streamOf(first);
    const budget = new PassBudget();
    expect(await stream.pass({ first: undefined, onPiece })).toBeUndefined();
    expect([handed, seen.copied, budget.bytes]).toEqual([[], '', 0]);
    const pieces: Uint8Array[] = [];
    for (let piece = await stream.next(); piece !== undefined; piece = await stream.next()) pieces.push(piece);
    const text = textOf(joinedBytes(pieces));
    if (first === EVENTS.join('')) expect(text).toBe(first);
    else expect(text).toContain('"code":"upstream_failed"');
    expect(came).toHaveLength(1);
  }
});

it('[U190] is relayed where the isolate passes as many as it may hold, until one of them ends', async () => {
  const budget = new PassBudget();
  const copies: BodyCopy[] = [];
  for (
    let bytes = 0;
    bytes + COMPLETION_LIMITS.passedStreamBytes <= COMPLETION_LIMITS.passedStreamsBytesMax;
    bytes += COMPLETION_LIMITS.passedStreamBytes
  )
    copies.push((await passed(EVENTS[0]!, { budget })).copy);
  expect(copies.length).toBeGreaterThan(100);
  const beyond = streamOf(EVENTS[0], { budget });
  expect(await beyond.stream.pass({ first: undefined, onPiece: beyond.onPiece })).toBeUndefined();
  expect(textOf(await beyond.stream.next()), 'nothing of it is lost').toBe(EVENTS[0]);
  copies[0]?.end(fault('cancelled'));
  copies[1]?.end(undefined);
  const [after, another] = [streamOf(EVENTS[0], { budget }), streamOf(EVENTS[0], { budget })];
  expect(await after.stream.pass({ first: undefined, onPiece: after.onPiece })).toBeDefined();
  expect(await another.stream.pass({ first: undefined, onPiece: another.onPiece })).toBeDefined();
});

/** What a stream costs whose copy ends there. */
async function settledAfter(events: number, end: TransportFault | undefined) {
  const { copy, came, target } = await passed(EVENTS[0]!);
  copy.take(utf8(EVENTS.slice(1, events).join('')));
  const behind = copy.end(copy.isOver ? undefined : end);
  const [ended] = came;
  if (ended === undefined) throw new Error('it has not ended');
  const { usage, uncounted, end: as } = ended;
  const countedTokens = uncounted === undefined ? undefined : await byteCounts.count(target.model, uncounted);
  const limits = { inputTokensEstimated: 5, inputTokensMax: 100, outputTokensMax: 100, nanoMax: 0, answerTokensMax: 9 };
  const bound = { ...limits, attachedTokens: 0, media: {}, unreported: {}, isOpen: false };
  const { outputTokens, inputTokens } = settlementOf(target.model, bound, { usage, countedTokens });
  return { behind: textOf(behind), as, inputTokens, outputTokens };
}

it.each(['cancelled', 'broken', 'idle_timeout', 'total_timeout', undefined] as const)(
  '[U36] [U75] a copy that is cut by %s after any event bills what came, never nothing',
  async (kind) => {
    const end = kind === undefined ? undefined : fault(kind);
    // `abcd` is one token of four bytes.
    for (const [events, outputTokens] of [1, 2, 3].map((count) => [count, count] as const)) {
      const { behind, as, ...tokens } = await settledAfter(events, end);
      expect(tokens).toEqual({ inputTokens: 5, outputTokens });
      if (kind === 'cancelled') expect([behind, as]).toEqual(['', 'cancelled']);
      else if (kind === undefined && events === 3) expect([behind, as], 'it only lacks its end').toEqual([DONE, 'whole']);
      else expect(behind).toContain(`broke off its answer: ${kind ?? 'broken'}`);
    }
    const reported = { inputTokens: 4, outputTokens: 3 };
    expect(await settledAfter(4, end)).toMatchObject(reported);
    expect(await settledAfter(5, end)).toMatchObject({ ...reported, behind: '', as: 'whole' });
  },
);

it('[U36] an error of the upstream passes as it came and counts as a failure; one follows garbage', async () => {
  const failed = await passed(EVENTS[0]!);
  failed.copy.take(utf8('data: {"error":{"message":"overloaded"}}\n\n'));
  expect([textOf(failed.copy.end(undefined)), failed.seen.ends]).toEqual(['', [fault('broken')]]);
  const garbled = await passed(EVENTS[0]!);
  garbled.copy.take(utf8('data: nonsense\n\n'));
  expect(textOf(garbled.copy.end(undefined))).toContain('sent what is no event of its protocol');
  expect(garbled.seen.ends).toEqual([fault('garbage')]);
});

it('[U36] an event that broke off is ended by the mark, which callers skip, so that the error is seen', async () => {
  const { copy, came } = await passed(EVENTS[0]!);
  copy.take(utf8(EVENTS[1]!.slice(0, 20)));
  expect(textOf(copy.mark)).toBe('\n\n: req_1\n\n');
  copy.take(copy.mark);
  expect(textOf(copy.end(fault('broken')))).toContain('broke off its answer: broken');
  expect(came).toMatchObject([{ end: fault('broken'), uncounted: { chars: 4 } }]);
});

it('[T121] says why its caller may have no more, and pays for what came; a whole answer ends as it is', async () => {
  for (const [isWhole, said] of [
    [false, 'invalid_api_key'],
    [true, ''],
  ] as const) {
    const { stream, onPiece, handed, came } = streamOf(EVENTS[0]);
    await stream.pass({ first: undefined, onPiece, calledOff: () => REVOKED });
    const { copy } = handed[0]!;
    copy.take(utf8(isWhole ? EVENTS.slice(1).join('') : EVENTS[1]!));
    const behind = textOf(copy.end(isWhole ? undefined : fault('cancelled')));
    expect(behind).toContain(said);
    expect(behind === '').toBe(isWhole);
    expect(came).toMatchObject([{ end: isWhole ? 'whole' : 'cancelled' }]);
  }
});
