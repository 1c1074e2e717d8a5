import { describe, expect, it } from 'vitest';

import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import { CALL_BATCH_LIMITS } from '../../../../src/contract/jobs/call-batch-limits.ts';
import { CallBatchWork } from '../../../../src/gateway/batches/call-batch-work.ts';
import { utf8 } from '../../../../src/kernel/bytes.ts';
import type { FileId, KeyId, OrganisationId, ProjectId, TenantId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { BatchLine, CallBatch, LineAnswer } from '../../../../src/upstreams/batches/call-batch.ts';
import { NO_TOKENS } from '../../../../src/upstreams/batches/call-batch.ts';
import { SqliteCallBatches } from '../../../../src/upstreams/store/sqlite-call-batches.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { ManualClock } from '../../../support/fakes/tenancy.ts';

const PRINCIPAL: TenantPrincipal = {
  kind: 'tenant',
  organisationId: 'org_1' as OrganisationId,
  tenantId: 'tn_1' as TenantId,
  projectId: 'prj_1' as ProjectId,
  keyId: 'key_1' as KeyId,
  owner: 'team',
  scopes: ['jobs', 'inference'],
};
const WINDOW_MS = 3_600_000;

const batchOf = (id: string): CallBatch => ({
  id,
  principal: PRINCIPAL,
  endpoint: '/v1/chat/completions',
  model: '',
  inputFile: 'file_in' as FileId,
  outputFile: `file_out_${id}` as FileId,
  errorFile: `file_err_${id}` as FileId,
  completionWindow: '1h',
  metadata: null,
  outputLifeMs: null,
  status: 'validating',
  faults: null,
  createdAtMs: 0,
  expiresAtMs: WINDOW_MS,
  inProgressAtMs: null,
  finalizingAtMs: null,
  cancellingAtMs: null,
  endedAtMs: null,
  total: 0,
  completed: 0,
  failed: 0,
  tokens: NO_TOKENS,
});

const line = (n: number) => `{"custom_id":"c${n}","method":"POST","url":"/v1/chat/completions","body":{"model":"m","n":${n}}}\n`;
const said = (more: Partial<LineAnswer> = {}): LineAnswer => ({
  status: 200,
  requestId: 'req_1',
  body: '{"said":true}',
  tokens: { ...NO_TOKENS, input: 2, output: 3 },
  isForNow: false,
  ...more,
});

/** A tenant's batches in one store; `answers` decides what becomes of each call. */
function world(count: number, answers: (line: BatchLine) => Promise<LineAnswer> | LineAnswer) {
  const clock = new ManualClock(0);
  const store = new SqliteCallBatches(new NodeSql());
  const files = new Map<string, string>();
  const called: string[] = [];
  const state = { mayWork: true };
  const work = () =>
    new CallBatchWork({
      store,
      clock,
      mayWork: async () => state.mayWork,
      input: async () => ok(piecesOf(count)),
      call: async (_, one) => {
        called.push(one.customId);
        return answers(one);
      },
      write: async (_, id, lines) => ok(files.has(id) ? undefined : files.set(id, [...lines].join(''))),
    });
  expect(store.create(batchOf('batch_1'), 'digest').ok).toBe(true);
  const find = () => store.find('batch_1');
  return { clock, store, files, called, state, work, find };
}

async function* piecesOf(count: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < count; n += 1) yield utf8(line(n));
}

const idsIn = (text = ''): string[] => [...text.matchAll(/"custom_id":"(\w+)"/g)].map(([, id]) => id ?? '');

describe('the work on batches of calls', () => {
  it('[J273] calls nothing twice that was answered, and what was under way once more at most', async () => {
    const never = new Promise<never>(() => undefined);
    const broken = world(20, ({ customId }) => (Number(customId.slice(1)) % 4 === 0 ? never : said()));
    for (let isolate = 0; isolate < 2; isolate += 1) {
      // The isolate ends while eight, then five calls are under way.
      void broken.work().advance();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await broken.work().advance()).toBe(null);
    const counts = new Map<string, number>();
    for (const id of broken.called) counts.set(id, (counts.get(id) ?? 0) + 1);
    expect(Math.max(...counts.values())).toBe(CALL_BATCH_LIMITS.callBatchBegunMaxCount);
    const stuck = ['c0', 'c4', 'c8', 'c12', 'c16'];
    expect([...counts].filter(([, times]) => times === 2).map(([id]) => id)).toEqual(stuck);
    expect(broken.find()).toMatchObject({ status: 'completed', total: 20, completed: 15, failed: 5, tokens: { input: 30, output: 45 } });
    expect(idsIn(broken.files.get('file_err_batch_1'))).toEqual(stuck);
    expect(broken.files.get('file_err_batch_1')).toContain('"code":"interrupted"');
  });

  it('[J270] [J274] calls again what was refused for now, and then says why', async () => {
    const busy = said({ status: 429, body: '{"error":{"code":"upstream_busy"}}', isForNow: true });
    const { work, clock, called, find, files } = world(2, ({ customId, tries }) => (customId === 'c1' || tries < 2 ? busy : said()));
    for (let wait = await work().advance(); wait !== null; wait = await work().advance()) clock.ms += wait;
    expect(called.filter((id) => id === 'c0')).toHaveLength(3);
    expect(called.filter((id) => id === 'c1')).toHaveLength(CALL_BATCH_LIMITS.callBatchTriesMaxCount);
    expect(find()).toMatchObject({ status: 'completed', completed: 1, failed: 1 });
    expect(files.get('file_err_batch_1')).toContain('"status_code":429');
  });

  it('[J274] ends with its window: what is answered stays, and the rest says so', async () => {
    const { work, clock, find, files } = world(3, ({ customId }) => (customId === 'c1' ? said() : said({ status: 503, isForNow: true })));
    await work().advance();
    clock.ms += WINDOW_MS;
    expect(await work().advance()).toBe(null);
    expect(find()).toMatchObject({ status: 'expired', completed: 1, failed: 2 });
    expect(idsIn(files.get('file_out_batch_1'))).toEqual(['c1']);
    expect(files.get('file_err_batch_1')).toContain('"response":null,"error":{"code":"batch_expired"');
  });

  it('[J272] is made once under one key, and so many are open at once', () => {
    const { store } = world(1, () => said());
    expect(store.create(batchOf('batch_1'), 'digest').ok).toBe(true);
    expect(store.create(batchOf('batch_1'), 'another')).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    for (let n = 2; n <= CALL_BATCH_LIMITS.callBatchesMaxCount; n += 1) store.create(batchOf(`batch_${n}`), '');
    expect(store.create(batchOf('batch_more'), '')).toMatchObject({
      error: { code: 'limit_exceeded', limit: { name: 'callBatchesMaxCount' } },
    });
  });

  it('[J270] calls lines of all batches in turn, so that none waits for the end of another', async () => {
    const { work, store, files, called } = world(40, () => said());
    expect(store.create(batchOf('batch_2'), 'other').ok).toBe(true);
    expect(await work().advance()).toBeNull();
    // Both have the same lines: each is called for one batch right before it is for the other.
    expect(called.filter((_, n) => n % 2 === 0)).toEqual(called.filter((_, n) => n % 2 === 1));
    expect([...files.values()].map((text) => idsIn(text).length)).toEqual([40, 40]);
  });

  it('[J276] waits while the tenant is suspended, and leaves nothing once it is erased', async () => {
    const { work, store, state, called } = world(4, () => said());
    state.mayWork = false;
    expect(await work().advance()).toBe(CALL_BATCH_LIMITS.callBatchRetryMs);
    expect(called).toEqual([]);
    state.mayWork = true;
    store.erase();
    expect([await work().advance(), called, store.count()]).toEqual([null, [], 0]);
    expect(store.create(batchOf('batch_2'), '')).toMatchObject({ error: { code: 'tenant_suspended' } });
  });
});
