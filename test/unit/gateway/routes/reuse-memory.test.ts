import { expect, it } from 'vitest';

import { COMPLETION_LIMITS } from '../../../../src/contract/completions/completion-limits.ts';
import { ReuseEvidence } from '../../../../src/gateway/routes/reuse-evidence.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { TenantId } from '../../../../src/kernel/ids.ts';
import type { KeptQuestion } from '../../../../src/upstreams/reuse/neighbours.ts';
import { Neighbours } from '../../../../src/upstreams/reuse/neighbours.ts';
import { reusableText } from '../../../../src/upstreams/reuse/reusable-text.ts';
import { RouteRegistry } from '../../../../src/upstreams/routes/route-registry.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const kept = (digest: string, more: Partial<KeptQuestion> = {}): KeptQuestion => ({
  text: digest,
  vector: Float32Array.of(1, 0),
  digest,
  expiresAtMs: 10,
  ...more,
});

const digests = (neighbours: Neighbours, context: string, nowMs = 0, count = 8): string[] =>
  neighbours.near(context, Float32Array.of(1, 0), 0.5, nowMs, count).map(({ question }) => question.digest);

it('[U180] the nearest question comes first; expired ones, and those of other contexts, are not found', () => {
  const neighbours = new Neighbours();
  neighbours.add('a', kept('near', { vector: Float32Array.of(0.8, 0.6) }));
  neighbours.add('a', kept('nearest'));
  neighbours.add('a', kept('far', { vector: Float32Array.of(0, 1) }));
  neighbours.add('a', kept('short', { vector: Float32Array.of(1) }));
  neighbours.add('b', kept('other'));
  expect(digests(neighbours, 'a')).toEqual(['nearest', 'near']);
  expect(digests(neighbours, 'a', 0, 1)).toEqual(['nearest']);
  expect(digests(neighbours, 'a', 10)).toEqual([]);
  expect(digests(neighbours, 'b')).toEqual(['other']);
});

it('[U180] questions are held within their bytes and their count; the oldest go first', () => {
  const neighbours = new Neighbours();
  const large = { vector: new Float32Array(COMPLETION_LIMITS.reuseQuestionsBytesMax / 16).fill(1) };
  for (let at = 0; at < 8; at += 1) {
    neighbours.add(`context ${at}`, kept('x', large));
    expect(neighbours.bytes).toBeLessThanOrEqual(COMPLETION_LIMITS.reuseQuestionsBytesMax);
  }
  const found = Array.from({ length: 8 }, (_, at) => neighbours.near(`context ${at}`, large.vector, 0, 0, 1).length);
  expect(found).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
  const crowded = new Neighbours();
  for (let at = 0; at <= COMPLETION_LIMITS.reuseQuestionsMaxCount; at += 1) crowded.add('a', kept(String(at)));
  const held = digests(crowded, 'a', 0, Infinity);
  expect([held.length, held.includes('0'), held.includes('1')]).toEqual([COMPLETION_LIMITS.reuseQuestionsMaxCount, false, true]);
});

it('[U180] an answer that calls tools, or says nothing, answers no other question', () => {
  const called = [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }];
  const whole = (message: object) => reusableText('chat', [utf8(JSON.stringify({ choices: [{ index: 0, message }] }))], false);
  const stream = (delta: object) => reusableText('chat', [utf8(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`)], true);
  for (const said of [whole, stream]) {
    expect(said({ content: 'In Bern.' })).toBe('In Bern.');
    expect(said({ content: 'In Bern.', tool_calls: called })).toBeUndefined();
    expect(said({ content: '' })).toBeUndefined();
    expect(said({ content: 'x'.repeat(COMPLETION_LIMITS.reuseAnswerCharsMax + 1) })).toBeUndefined();
  }
});

it('[U126] the object keeps the evidence that was measured last, and none once its tenant is erased', () => {
  const registry = new RouteRegistry(new NodeSql(), { nowMs: () => 0 });
  const measured = (key: string) =>
    ({ key, route: 'desk@1', kind: 'reworded', falseHitMax: 0.05, counts: { checked: 1, differed: 0 } }) as const;
  for (let at = 0; at <= COMPLETION_LIMITS.reuseEvidenceMaxCount; at += 1) registry.reuses([measured(String(at))]);
  registry.reuses([measured('1')]);
  const known = registry.reuses([]).map(({ key, counts }) => `${key}: ${counts.checked}`);
  expect([known.length, known.includes('0: 1'), known.at(-1)]).toEqual([COMPLETION_LIMITS.reuseEvidenceMaxCount, false, '1: 2']);
  registry.erase();
  expect(registry.reuses([measured('new')])).toEqual([]);
});

it('[U126] an isolate reports what it has checked for a tenant before it forgets it', async () => {
  const reported: string[] = [];
  const evidence = new ReuseEvidence({
    routes: (tenant) => ({
      reuses: (checked) => {
        reported.push(...checked.map(({ counts }) => `${tenant}: ${counts.differed}`));
        return Promise.resolve([]);
      },
    }),
    clock: { nowMs: () => 0 },
    // The next report in turn never comes.
    sleep: () => new Promise(() => undefined),
    background: () => undefined,
  });
  const subject = { key: 'own/desk@1', route: 'desk@1', kind: 'reworded', falseHitMax: 0.05 } as const;
  evidence.note('tn_first' as TenantId, subject, true);
  for (let at = 0; at < COMPLETION_LIMITS.reuseTenantsMaxCount; at += 1) evidence.of(`tn_${at}` as TenantId, subject);
  expect(reported).toEqual(['tn_first: 1']);
});
