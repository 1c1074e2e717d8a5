import { expect, it } from 'vitest';

import type { ErrorCode } from '../../../../src/contract/api/errors.ts';
import { refusal } from '../../../../src/contract/api/errors.ts';
import type { Hook } from '../../../../src/contract/guardrails/guardrails.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import type { Moderation } from '../../../../src/gateway/completions/completion.ts';
import type { CompletionCall } from '../../../../src/gateway/completions/completion-call.ts';
import { GuardedCompletions } from '../../../../src/gateway/completions/guarded-completion.ts';
import type { GuardCalls, GuardReport } from '../../../../src/gateway/guardrails/guardrails.ts';
import { UNJUDGED } from '../../../../src/gateway/guardrails/guardrails.ts';
import { LoggedCall } from '../../../../src/gateway/requests/logged-call.ts';
import { parseExactJson } from '../../../../src/kernel/exact-json.ts';
import { err } from '../../../../src/kernel/result.ts';
import type { LogBodies, LogEntry } from '../../../../src/upstreams/log/log-entry.ts';
import type { JsonObject } from '../../../../src/upstreams/protocol/json.ts';
import { PEOPLE, sessionOf } from '../../../support/guardrails/guarded-call.ts';
import { principal } from '../../../support/worlds/memory-cache-world.ts';

const MODERATION = { judge: () => expect.unreachable(), unpaid: undefined, over: () => Promise.resolve() } as unknown as Moderation;
const BLOCKS: Hook = { ...PEOPLE, kind: 'patterns', patterns: ['jane'], action: 'block' };

/** A call under these hooks, whose upstream refuses it; what its caller is told, and what was sent. */
async function refusedCall(hooks: readonly Hook[], body: JsonObject, code: ErrorCode, message: string) {
  let sent: JsonObject | undefined;
  const reports: GuardReport[] = [];
  const guarded = new GuardedCompletions({
    open: () => Promise.resolve({ ...methodsOf(sessionOf(hooks)), close: () => undefined } as unknown as GuardCalls),
  });
  const call = {
    surface: 'chat',
    body,
    added: new AddedUse(),
    onGuarded: (report: GuardReport) => void reports.push(report),
  } as unknown as CompletionCall;
  const served = await guarded.complete({ name: 'desk@1', owner: 'platform', hooks }, { call, nowMs: 0 }, MODERATION, (judged) => {
    sent = judged;
    return Promise.resolve(err({ refusal: refusal(code, message), attempts: [] }));
  });
  return { told: served.ok ? '' : served.error.refusal.message, sent, report: reports.at(-1) };
}

const methodsOf = (session: ReturnType<typeof sessionOf>) => ({
  requestText: (text: string) => session.requestText(text),
  answer: (text: string) => session.answer(text),
});

it('[U200] tells why an upstream has refused a call as far as hooks let it pass', async () => {
  const words = 'the upstream answered 400: no jane@example.org here';
  const told = async (hooks: readonly Hook[], code: ErrorCode = 'upstream_rejected') => (await refusedCall(hooks, {}, code, words)).told;
  expect(await told([PEOPLE])).toBe('the upstream answered 400: no [EMAIL_1] here');
  expect(await told([PEOPLE], 'upstream_failed')).toBe('the upstream answered 400: no [EMAIL_1] here');
  expect(await told([BLOCKS])).not.toContain('jane');
  expect(await told([{ ...PEOPLE, on: 'request' }])).toBe(words);
});

it('[U115] tells a caller its own words that an upstream repeats masked', async () => {
  const body = { messages: [{ content: 'jane@example.org' }] };
  const hooks: Hook[] = [{ ...PEOPLE, restores: true }];
  const { told, sent } = await refusedCall(hooks, body, 'upstream_rejected', 'no [EMAIL_1] here');
  expect([told, JSON.stringify(sent)]).toEqual(['no jane@example.org here', '{"messages":[{"content":"[EMAIL_1]"}]}']);
});

it('[U32] a body that no hook changes goes out as it came, with all digits of its numbers', async () => {
  const body = parseExactJson('{"seed":12345678901234567890,"messages":[]}') as JsonObject;
  const { sent } = await refusedCall([PEOPLE], body, 'upstream_rejected', 'no');
  expect(sent).toBe(body);
  const changed = parseExactJson('{"seed":12345678901234567890,"messages":[{"content":"jane@example.org"}]}') as JsonObject;
  expect(JSON.stringify((await refusedCall([PEOPLE], changed, 'upstream_rejected', 'no')).sent)).toContain('12345678901234567890');
});

it('[U118] the log has nothing of a call but what guardrails have let out, its metadata included', async () => {
  const body = { model: 'm', metadata: { for: 'jane@example.org' }, messages: [] };
  const { report } = await refusedCall([PEOPLE], body, 'upstream_rejected', 'no');
  const logged = (guard: GuardReport | undefined) => {
    const kept: { entry: LogEntry; bodies: LogBodies | undefined }[] = [];
    const logging = { wantsBodies: () => true, note: (entry: LogEntry, bodies?: LogBodies) => void kept.push({ entry, bodies }) };
    const facts = { surface: 'chat', requestId: 'r', principal: principal('tn_one'), body, requestBytes: 1 } as const;
    const call = new LoggedCall(facts, { logging, clock: { nowMs: () => 0 } });
    if (guard !== undefined) call.guarded(guard);
    call.settled(0);
    return kept[0];
  };
  expect(logged(undefined)?.entry.metadata).toEqual({ for: 'jane@example.org' });
  expect(logged(report)?.entry.metadata).toEqual({ for: '[EMAIL_1]' });
  expect(JSON.stringify([logged(report), logged(UNJUDGED)])).not.toContain('jane');
});
