import { expect, it } from 'vitest';

import type { AttemptEnding, Grant } from '../../../../src/contract/jobs/attempt.ts';
import { outputFileOf } from '../../../../src/contract/jobs/attempt.ts';
import { AttemptFiles } from '../../../../src/gateway/pools/attempt-files.ts';
import type { FileCatalogue } from '../../../../src/gateway/files/file-catalogue.ts';
import { FileWriter } from '../../../../src/gateway/files/file-writer.ts';
import type { PoolCalls } from '../../../../src/gateway/pools/pool-calls.ts';
import type { AttemptId, FileId, PoolId } from '../../../../src/kernel/ids.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { MemoryFileStore } from '../../../support/fakes/memory-file-store.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';

const { id: jobId, tenantId, owner } = jobRequest(1);
const HOLD = { poolId: 'pool_1' as PoolId, partition: 0, attemptId: 'att_1' as AttemptId, fence: 1 };
const SHA = { a: 'a'.repeat(64), b: 'b'.repeat(64) };
const PROGRESS = { completed: 1, failed: 1, total: 2 };

/** The files of an attempt at an OpenAI batch, and how it ended. */
function setUp(outputLifeMs: number | null = null) {
  const clock = { nowMs: () => 5_000 };
  const store = new MemoryFileStore(clock.nowMs);
  const ended: AttemptEnding[] = [];
  const grant: Grant = {
    attemptId: HOLD.attemptId,
    jobId,
    fence: 1,
    tenantId,
    owner,
    work: { kind: 'batch_embedding', model: 'm', inputFile: 'file_1' as FileId, format: 'openai_batch' },
    outputLifeMs,
    outputFile: outputFileOf(jobId, 1),
  };
  const pool = {
    held: async () => ok(grant),
    end: async (_attempt, _fence, ending) => (ended.push(ending), ok(null)),
  } as Partial<PoolCalls>;
  const attempts = new AttemptFiles<string>({
    pools: () => pool as PoolCalls,
    writer: new FileWriter({ store, clock }),
    files: {} as FileCatalogue<string>,
    store,
    clock,
    authorityOf: () => IN_FORCE,
    register: async () => ok({ kind: 'none' }),
  });
  const upload = (index: number, sha256: string) => attempts.output(HOLD, index, { bytes: 1, sha256, content: 'x' });
  const complete = (...outputs: { index: number; bytes: number; sha256: string }[]) =>
    attempts.complete(HOLD, { progress: PROGRESS, tokens: 1, outputs });
  return { store, ended, upload, complete };
}

it('[J152] an attempt at a batch completes with an errors file or without one, never without its output', async () => {
  const { ended, upload, complete } = setUp();
  expect(await complete()).toMatchObject({ error: { code: 'state_conflict' } });
  expect(await upload(0, SHA.a)).toEqual({ ok: true, value: null });
  expect(await complete({ index: 0, bytes: 1, sha256: SHA.a }, { index: 1, bytes: 1, sha256: SHA.b })).toMatchObject({
    error: { code: 'state_conflict' },
  });
  expect(ended).toEqual([]);
  await complete({ index: 0, bytes: 1, sha256: SHA.a });
  await upload(1, SHA.b);
  await complete({ index: 0, bytes: 1, sha256: SHA.a }, { index: 1, bytes: 1, sha256: SHA.b });
  const [output, errors] = [
    { path: 'output.jsonl', file: outputFileOf(jobId, 1, 0) },
    { path: 'errors.jsonl', file: outputFileOf(jobId, 1, 1) },
  ];
  expect(ended).toMatchObject([{ outputs: [output] }, { outputs: [output, errors] }]);
  expect(await upload(2, SHA.a)).toMatchObject({ error: { code: 'invalid_value', path: ['index'] } });
});

it('[J150] what a batch makes expires when it was told to, and not otherwise', async () => {
  for (const lifeMs of [3_600_000, null]) {
    const { store, upload } = setUp(lifeMs);
    for (const index of [0, 1]) {
      await upload(index, SHA.a);
      const file = await store.find(tenantId, outputFileOf(jobId, 1, index));
      expect(file).toMatchObject({ purpose: 'batch_output', expiresAtMs: lifeMs === null ? null : 3_605_000 });
    }
  }
});
