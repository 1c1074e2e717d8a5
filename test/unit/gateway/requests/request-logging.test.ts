import { describe, expect, it } from 'vitest';

import type { KeyId, ProjectId, TenantId } from '../../../../src/kernel/ids.ts';
import { RequestLogging } from '../../../../src/gateway/requests/request-logging.ts';
import type { LogEntry } from '../../../../src/upstreams/log/log-entry.ts';
import type { LogPolicy } from '../../../../src/upstreams/log/log-policy.ts';
import { DEFAULT_POLICY } from '../../../../src/upstreams/log/log-policy.ts';
import type { LogBatch } from '../../../../src/upstreams/log/request-log-store.ts';
import { SqliteRequestLog } from '../../../../src/upstreams/log/request-log-store.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';

const TENANT = 'tn_a' as TenantId;
const SAID = { request: '{"email":"a@b.c","q":"hi"}', answer: '{"a":"sk-abcdefghijklmnopqrstuv"}' };

const entryOf = (id: string): LogEntry => ({
  id,
  tenantId: TENANT,
  projectId: 'prj_a' as ProjectId,
  keyId: 'key_a' as KeyId,
  atMs: 0,
  surface: 'chat',
  model: 'gpt',
  route: null,
  target: null,
  attempts: [],
  status: 200,
  code: null,
  isStream: false,
  usage: 'reported',
  inputTokens: 1,
  cachedTokens: 0,
  outputTokens: 1,
  costNano: 1,
  firstTokenMs: null,
  totalMs: 1,
  cache: 'miss',
  metadata: {},
  requestBytes: 1,
  answerBytes: 1,
});

/** The log of one tenant, and the isolate that delivers to it. `fails`: whether calls of the log reject. */
function world(policy: Partial<LogPolicy> = {}) {
  const log = new SqliteRequestLog(new NodeSql());
  log.setPolicy({ ...DEFAULT_POLICY, ...policy }, 0);
  const seen: LogBatch[] = [];
  const state = { fails: false, lost: 0, nowMs: 1 };
  const background: Promise<unknown>[] = [];
  const timers: (() => void)[] = [];
  const logging = new RequestLogging({
    sinkOf: () => ({
      append: (batch) => {
        seen.push(batch);
        return state.fails ? Promise.reject(new Error('away')) : Promise.resolve(log.append(batch, 0));
      },
      policy: () => (state.fails ? Promise.reject(new Error('away')) : Promise.resolve(log.policy())),
    }),
    isolateId: 'i',
    onLost: () => (state.lost += 1),
    clock: { nowMs: () => state.nowMs },
    sleep: () => new Promise((resolve) => timers.push(resolve)),
    background: (work) => background.push(work),
  });
  const delivered = async (): Promise<void> => {
    for (const ring of timers.splice(0)) ring();
    await Promise.all(background);
  };
  return { log, logging, seen, state, delivered };
}

describe('requests on their way to the log', () => {
  it('[U130] are delivered by themselves, and again after the log could not be reached', async () => {
    const { log, logging, state, delivered } = world();
    state.fails = true;
    logging.note(entryOf('a'));
    await delivered();
    expect(log.count()).toBe(0);
    state.fails = false;
    state.nowMs += 5_000;
    logging.note(entryOf('b'));
    await delivered();
    await logging.flush();
    expect(
      log
        .page({}, 10)
        .entries.map(({ id }) => id)
        .sort(),
    ).toEqual(['a', 'b']);
  });

  it('[U132] carry bodies only as far as the policy keeps them, without its fields and credentials', async () => {
    const off = world();
    expect(off.logging.wantsBodies(TENANT, 'a')).toBe(true);
    off.logging.note(entryOf('a'), SAID);
    await off.logging.flush();
    expect(off.seen.flatMap(({ requests }) => requests)).toEqual([{ entry: entryOf('a') }]);
    expect(off.logging.wantsBodies(TENANT, 'b')).toBe(false);

    const full = world({ bodies: 'full', redactFields: ['email'] });
    full.logging.note(entryOf('a'), SAID);
    await full.logging.flush();
    expect(full.log.find('a')?.bodies).toEqual({ request: '{"email":"[redacted]","q":"hi"}', answer: '{"a":"[redacted]"}' });
  });

  it('[U132] are redacted once more when the policy takes out more than this isolate knew', async () => {
    const { log, logging, seen } = world({ bodies: 'full' });
    logging.note(entryOf('a'), SAID);
    await logging.flush();
    log.setPolicy({ ...DEFAULT_POLICY, bodies: 'full', redactFields: ['q'] }, 0);
    logging.note(entryOf('b'), SAID);
    await logging.flush();
    expect(seen).toHaveLength(3);
    expect(log.find('b')?.bodies?.request).toBe('{"email":"a@b.c","q":"[redacted]"}');
  });

  it('[U136] of an erased tenant are dropped', async () => {
    const { log, logging, seen } = world();
    log.erase();
    logging.note(entryOf('a'));
    await logging.flush();
    await logging.flush();
    expect(seen).toHaveLength(1);
  });
});
