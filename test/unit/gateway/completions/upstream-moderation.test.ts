import { describe, expect, it } from 'vitest';

import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { refusal } from '../../../../src/contract/api/errors.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import type { Completed, CompletionCall } from '../../../../src/gateway/completions/completion-call.ts';
import { GuardedCompletions } from '../../../../src/gateway/completions/guarded-completion.ts';
import { CancelSource } from '../../../../src/upstreams/serving/cancel-source.ts';
import type { GuardCalls } from '../../../../src/gateway/guardrails/guardrails.ts';
import type { PlannedCall } from '../../../../src/gateway/completions/plan-server.ts';
import { UpstreamModeration } from '../../../../src/gateway/completions/upstream-moderation.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import type { ClassifierHook, Moderate } from '../../../../src/upstreams/guardrails/judge-classes.ts';
import type { VisibleTargets } from '../../../../src/upstreams/resolve.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import { targetOf } from '../../../support/upstreams/target.ts';

const HOOK: ClassifierHook = {
  kind: 'classifier',
  name: 'safety',
  on: 'both',
  model: 'lab/mod',
  thresholds: { violence: 0.5 },
  action: 'block',
  timeout_ms: 700,
  on_failure: 'block',
};
const judge = (upstreamId: string): Target => targetOf({ upstreamId, model: { name: 'mod', serves: ['moderations'], contextTokens: 100 } });
const [OWN, SHARED] = [judge('tn_1/lab'), judge('platform/lab')];
const SETTLEMENT = { inputTokens: 3, cachedTokens: 0, outputTokens: 0, nano: 9, usage: 'counted', isCapped: false } as const;

/** Asks as a call of a tenant that has an upstream of the same name as the platform. `unpaid`: why nothing can be reserved. */
function moderation(said: string | Refusal, targets: VisibleTargets = { own: [OWN], platform: [SHARED] }, unpaid?: Refusal) {
  const asked: PlannedCall[] = [];
  const added = new AddedUse();
  const clock = { nowMs: () => 90_000 };
  const call = {
    surface: 'chat',
    body: {},
    headers: { cookie: 'x' },
    reserve: async () => (unpaid === undefined ? ok(undefined) : err(unpaid)),
    added,
  };
  const server: ConstructorParameters<typeof UpstreamModeration>[0]['server'] = {
    serve: async (planned) => {
      asked.push(planned);
      const reserved = await planned.call.reserve({});
      if (!reserved.ok) return err({ refusal: reserved.error, attempts: [] });
      if (typeof said !== 'string') return err({ refusal: said, attempts: [] });
      const [[target]] = planned.plan.groups as [[Target]];
      return ok({
        target,
        plan: planned.plan,
        attempts: [],
        settle: () => SETTLEMENT,
        answer: { kind: 'whole', text: said },
      } as unknown as Completed);
    },
  };
  const made = new UpstreamModeration({ server, clock }, { call: call as unknown as CompletionCall, targets });
  return { made, asked, charged: () => added.beside() };
}

const results = (...scores: number[]) => JSON.stringify({ results: scores.map((violence) => ({ category_scores: { violence } })) });
const policy = (owner: string) => ({ name: 'r@1', owner, hooks: [HOOK] });

describe('[U177] moderations of an upstream', () => {
  it('judge texts in pieces that the model reads whole, within the time of the hook, and are charged', async () => {
    const { made, asked, charged } = moderation(results(0.1, 0.9, 0.2));
    expect(await made.judge(policy('tn_1'), HOOK, ['short', ' ', 'x'.repeat(300)])).toEqual({ count: 1 });
    const [{ call, plan, nowMs }] = asked as [PlannedCall];
    expect(nowMs, 'from which the time of the hook counts').toBe(90_000);
    expect(call.body).toEqual({ model: 'mod', input: ['short', 'x'.repeat(200), expect.any(String)] });
    expect([call.surface, call.headers, call.origin.header('x-sluice-deadline-ms')]).toEqual(['moderations', {}, '700']);
    expect(plan).toMatchObject({ groups: [[OWN]], reason: 'guardrail' });
    expect(charged()).toEqual([{ target: OWN, settlement: SETTLEMENT }]);
  });

  it('are those of the route’s owner: no tenant puts a model of its own before the platform’s', async () => {
    const { made, asked } = moderation(results(0));
    await made.judge(policy('platform'), HOOK, ['x']);
    expect(asked[0]?.plan.groups).toEqual([[SHARED]]);
  });

  it('give no verdict where the model is gone, serves something else, fails, or says none; what it said is charged', async () => {
    for (const targets of [
      { own: [], platform: [] },
      { own: [targetOf({ model: { name: 'mod', serves: ['chat'] } })], platform: [] },
    ]) {
      const { made, asked } = moderation(results(0), targets);
      expect([await made.judge(policy('tn_1'), HOOK, ['x']), asked]).toEqual([undefined, []]);
    }
    for (const code of ['upstream_failed', 'limit_exceeded', 'deadline_exceeded'] as const) {
      const failed = moderation(refusal(code, 'no'));
      expect([await failed.made.judge(policy('tn_1'), HOOK, ['x']), failed.made.unpaid, failed.charged()]).toEqual([
        undefined,
        undefined,
        [],
      ]);
    }
    const vague = moderation('{}');
    expect([await vague.made.judge(policy('tn_1'), HOOK, ['x']), vague.charged().length]).toEqual([undefined, 1]);
    const blank = moderation(results());
    expect([await blank.made.judge(policy('tn_1'), HOOK, ['', ' ']), blank.asked]).toEqual([{ count: 0 }, []]);
  });

  it('that cannot be paid for refuse the call, and are no outage', async () => {
    for (const code of ['insufficient_quota', 'limit_exceeded', 'unavailable'] as const) {
      const { made } = moderation(results(0), undefined, refusal(code, 'no'));
      expect(await made.judge(policy('tn_1'), HOOK, ['x'])).toBeUndefined();
      expect(made.unpaid).toMatchObject({ code });
    }
  });

  it('that cannot be paid for refuse the call before its model is asked, whatever their hook does about an outage', async () => {
    const { made } = moderation(results(0), undefined, refusal('insufficient_quota', 'no'));
    const session = (moderate: Moderate | undefined) => ({
      requestText: async (text: string) => {
        await moderate?.(HOOK, ['x']);
        return { body: ok(text), answerNeed: 'nothing', restores: false, records: [] };
      },
      close: () => undefined,
    });
    const guarded = new GuardedCompletions({ open: async (_, moderate) => session(moderate) as unknown as GuardCalls });
    const cancellation = new CancelSource();
    const call = { surface: 'chat', body: {}, cancellation, onGuarded: () => undefined } as unknown as CompletionCall;
    const served = await guarded.complete(policy('tn_1'), { call, nowMs: 0 }, made, () => expect.unreachable());
    expect(served).toMatchObject({ error: { refusal: { code: 'insufficient_quota' } } });
  });
});
