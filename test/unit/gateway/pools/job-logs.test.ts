import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { Authority } from '../../../../src/contract/tenancy/write-lease.ts';
import type { LogShard } from '../../../../src/gateway/pools/job-logs.ts';
import { JobLogs } from '../../../../src/gateway/pools/job-logs.ts';
import { ok } from '../../../../src/kernel/result.ts';
import type { LogPage, LogStream } from '../../../../src/pools/sqlite-log-store.ts';
import { SqliteLogStore } from '../../../../src/pools/sqlite-log-store.ts';
import { followedText } from '../../../../workers/gateway/routes/jobs/log-text.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';
import { IN_FORCE } from '../../../support/fakes/in-force.ts';
import { NodeSql } from '../../../support/fakes/node-sql.ts';
import { Ending } from '../../../support/fakes/ending.ts';

const { tenantId: TENANT } = jobRequest(1);
const RUNNING = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;
const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 8 } as const;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A job that runs, its log, and what happens while a follower waits: a step with each wait. */
class LoggedJob {
  readonly world = new ServedCell();
  readonly id = this.world.submit(1);
  readonly store = new SqliteLogStore(new NodeSql());
  /** How long each call to the log may wait. */
  readonly waits: number[] = [];
  readonly steps: (() => void)[] = [];
  /** Whether a wait lasts for ever. */
  hangs = false;
  readonly #logs: JobLogs;

  constructor() {
    this.world.join();
    this.world.report(this.id, 1, RUNNING);
    const unused = (): never => {
      throw new Error('no follower calls this');
    };
    const shard: LogShard = {
      append: unused,
      close: unused,
      erase: unused,
      streamCount: unused,
      read: async (stream: LogStream, from: number, bytesMax: number, waitMs: number): Promise<LogPage | null> => {
        this.waits.push(waitMs);
        const page = this.store.read(stream, from, bytesMax);
        // As the object does: what is there, or closed, is answered without a wait.
        if (waitMs > 0 && page?.isClosed !== true && (page?.parts.length ?? 0) === 0) this.steps.shift()?.();
        if (waitMs > 0 && this.hangs && (page?.parts.length ?? 0) === 0) return new Promise(() => undefined);
        return page ?? null;
      },
    };
    const find = async () => ok(this.world.job(this.id));
    this.#logs = new JobLogs({ pools: unused, shard: () => shard, find });
  }

  write(at: number, text: string, fence = 1): void {
    this.store.append({ jobId: this.id, fence, rank: 0 }, at, bytesOf(text), 0);
  }

  follow(attempt?: number, offset = 0, authority: Authority = IN_FORCE): Promise<string> {
    const pages = this.#logs.follow(TENANT, this.id, { attempt, rank: 0, offset }, authority);
    return new Response(followedText(pages, offset)).text();
  }
}

describe('a followed log', () => {
  it('[P92] ends after so many turns, and says where the next goes on', async () => {
    const job = new LoggedJob();
    job.write(0, 'one\n');
    expect(await job.follow()).toBe('one\n[to be continued: follow attempt 1 from offset 4 on]\n');
    expect(job.waits.length).toBe(JOB_LIMITS.jobLogTurnsMaxCount);
    job.write(4, 'two\n');
    job.steps.push(() => job.world.end(job.id, 1, DONE));
    expect(await job.follow(1, 4)).toBe('two\n');
  });

  it('[P92] waits for the end of an attempt that has closed its log, and does not ask on and on', async () => {
    const job = new LoggedJob();
    job.write(0, 'last words\n');
    job.store.close({ jobId: job.id, fence: 1, rank: 0 });
    job.steps.push(
      () => undefined,
      () => job.world.end(job.id, 1, DONE),
    );
    expect(await job.follow()).toBe('last words\n');
    const { jobLogTurnMs: turn, jobLogClosedMs: closed } = JOB_LIMITS;
    expect(job.waits).toEqual([turn, turn, closed, turn, closed, 0]);
  });
});

it('[T121] a followed log ends as its reader may read no more, also in the middle of a wait', async () => {
  const job = new LoggedJob();
  job.write(0, 'one\n');
  const end = new Ending();
  // What waits never comes back.
  job.steps.push(() => end.revoke());
  job.hangs = true;
  expect(await job.follow(1, 0, end)).toBe('one\n[ended: revoked (invalid_api_key)]\n');
});
