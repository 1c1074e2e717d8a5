import { describe, expect, it } from 'vitest';

import type { Refusal } from '../../../../src/contract/api/errors.ts';
import { refusal } from '../../../../src/contract/api/errors.ts';
import { JOB_LIMITS } from '../../../../src/contract/jobs/job-limits.ts';
import type { FeedItem, FeedRequest } from '../../../../src/gateway/jobs/job-event-feed.ts';
import { JobEventFeed } from '../../../../src/gateway/jobs/job-event-feed.ts';
import type { JobId, TenantId } from '../../../../src/kernel/ids.ts';
import { err, ok } from '../../../../src/kernel/result.ts';
import { jobEvents } from '../../../../src/scheduler/served/job-queries.ts';
import { jobEventStream } from '../../../../workers/gateway/routes/jobs/event-stream.ts';
import { jobRequest } from '../../../support/fixtures/job-request.ts';
import { ServedCell } from '../../../support/worlds/served-cell.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import type { EventPage } from '../../../../src/scheduler/served/job-queries.ts';
import { Ending } from '../../../support/fakes/ending.ts';

const TENANT = jobRequest(1).tenantId;
const DONE = { kind: 'completed', progress: { completed: 2, failed: 0, total: 2 }, tokens: 8 } as const;
const RELEASED = { kind: 'failed', reason: 'released', message: '' } as const;
const PROGRESS = { kind: 'progress', progress: { completed: 1, failed: 0, total: 2 } } as const;

/** A job in a cell, a feed of its events, and what happens while a follower waits: a step with each wait. */
class FollowedJob {
  readonly world = new ServedCell();
  readonly id: JobId = this.world.submit(1);
  /** How long each call may wait. */
  readonly waits: number[] = [];
  readonly steps: (() => void)[] = [];
  /** Why the follower may follow no longer. */
  ended: Refusal | undefined;
  readonly #feed = new JobEventFeed(
    {
      events: async (tenantId, jobId, after, waitMs) => {
        this.waits.push(waitMs);
        if (waitMs > 0) {
          const step = this.steps.shift();
          if (step === undefined) this.world.nowMs += waitMs;
          else step();
        }
        return jobEvents(this.world.cell, tenantId, jobId, after);
      },
    },
    { nowMs: () => this.world.nowMs },
  );

  open(request: Partial<FeedRequest> = {}) {
    const whole = { tenantId: TENANT, jobId: this.id, after: 0, isFollowed: true, ...request };
    return this.#feed.open(whole, { lease: async () => (this.ended === undefined ? ok({ endsAtMs: Infinity }) : err(this.ended)) });
  }

  async items(request: Partial<FeedRequest> = {}): Promise<readonly FeedItem[]> {
    const opened = await this.open(request);
    if (!opened.ok) throw new Error(opened.error.message);
    return opened.value === null ? [] : await Array.fromAsync(opened.value);
  }
}

const idsOf = (items: readonly FeedItem[]) => items.map((item) => (item.kind === 'event' ? item.event.sequence : item.kind));

/** A job that runs twice, with progress in between, which is no event. */
function lively(): FollowedJob {
  const job = new FollowedJob();
  const { world, id } = job;
  job.steps.push(
    () => world.join(),
    () => world.report(id, 1, PROGRESS),
    () => world.report(id, 1, { kind: 'progress', progress: { completed: 2, failed: 0, total: 2 } }),
    () => world.end(id, 1, RELEASED),
    () => world.join(),
    () => world.report(id, 2, PROGRESS),
    () => world.end(id, 2, DONE),
  );
  return job;
}

describe('a feed of events', () => {
  it('[J98] brings each event of a life once, in order, and ends with the final one', async () => {
    const job = lively();
    const items = await job.items();
    const stored = job.world.cell.history.events(job.id, 0);
    expect(stored.length).toBeGreaterThan(5);
    expect(items).toEqual(stored.map((event, at) => ({ kind: 'event', event, isFinal: at === stored.length - 1 })));
    expect(stored.at(-1)).toMatchObject({ state: 'succeeded' });
  });

  it('[J98] resumed after any event, brings exactly the rest; after the last, nothing ever', async () => {
    const job = lively();
    const whole = await job.items();
    for (let after = 0; after < whole.length; after++) expect(await job.items({ after })).toEqual(whole.slice(after));
    expect(await job.open({ after: whole.length })).toEqual({ ok: true, value: null });
    expect(await job.open({ after: whole.length + 1 })).toMatchObject({ ok: false, error: { code: 'invalid_value' } });
    expect(await job.open({ tenantId: 'tn_other' as TenantId })).toMatchObject({ ok: false, error: { code: 'job_not_found' } });
  });

  it('[J98] says which events are no longer kept, and only of those that were asked for', async () => {
    const job = new FollowedJob();
    for (let n = 0; n < JOB_LIMITS.jobEventsKeptCount + 2; n++)
      job.world.cell.act(TENANT, job.id, { kind: n % 2 === 0 ? 'suspend' : 'resume' });
    const items = await job.items({ isFollowed: false });
    expect(items[0]).toEqual({ kind: 'gap', from: 1, until: 3 });
    expect(idsOf(items.slice(1))).toEqual(Array.from({ length: JOB_LIMITS.jobEventsKeptCount }, (_, at) => at + 4));
    expect((await job.items({ after: 2, isFollowed: false }))[0]).toEqual({ kind: 'gap', from: 3, until: 3 });
    expect(idsOf(await job.items({ after: 3, isFollowed: false })).slice(0, 1)).toEqual([4]);
    expect(job.waits.every((waitMs) => waitMs === 0)).toBe(true);
  });

  it('[J99] ends without another wait once its key is not in force, whatever still happens', async () => {
    const job = lively();
    job.steps.splice(1, 0, () => {
      job.ended = refusal('invalid_api_key', 'revoked');
    });
    expect(idsOf(await job.items())).toEqual([1, 2, 'refused']);
    expect(job.waits).toEqual([0, JOB_LIMITS.jobEventsTurnMs, JOB_LIMITS.jobEventsTurnMs]);
  });

  it('[J99] breaks a silence within the heartbeat and a turn, and ends after its turns', async () => {
    const job = new FollowedJob();
    for (let turn = 0; turn < 10; turn++) job.steps.push(() => void (job.world.nowMs += JOB_LIMITS.jobEventsTurnMs));
    job.steps.push(() => job.world.cell.act(TENANT, job.id, { kind: 'suspend' }));
    const opened = await job.open();
    if (!opened.ok || opened.value === null) throw new Error('nothing to follow');
    let heardMs = job.world.nowMs;
    const kinds: string[] = [];
    for await (const { kind } of opened.value) {
      expect(job.world.nowMs - heardMs).toBeLessThanOrEqual(JOB_LIMITS.jobEventsHeartbeatMs + JOB_LIMITS.jobEventsTurnMs);
      if (kind === 'silence') expect(job.world.nowMs - heardMs).toBeGreaterThanOrEqual(JOB_LIMITS.jobEventsHeartbeatMs);
      heardMs = job.world.nowMs;
      kinds.push(kind);
    }
    expect(kinds.slice(0, 4)).toEqual(['event', 'event', 'silence', 'silence']);
    expect(job.waits).toHaveLength(1 + JOB_LIMITS.jobEventsTurnsMaxCount);
  });

  it('[J99] asks for nothing more once its client has gone', async () => {
    const job = lively();
    const opened = await job.open();
    if (!opened.ok || opened.value === null) throw new Error('nothing to follow');
    const reader = jobEventStream({ jobId: job.id, requestId: 'req_1' }, opened.value).getReader();
    const first = new TextDecoder();
    expect(first.decode((await reader.read()).value)).toBe(`retry: ${JOB_LIMITS.jobEventsRetryMs}\n\n`);
    expect(first.decode((await reader.read()).value)).toMatch(/^id: 1\nevent: submitted\ndata: \{.*\}\n\n$/);
    await reader.cancel();
    const { length } = job.waits;
    expect((await opened.value.next()).done).toBe(true);
    expect(job.waits).toHaveLength(length);
    expect(job.steps.length).toBeGreaterThan(0);
  });
});

describe('a stream of events', () => {
  const textOf = async (...items: FeedItem[]): Promise<string> =>
    new Response(
      jobEventStream(
        { jobId: jobRequest(1).id, requestId: 'req_1' },
        (async function* () {
          yield* items;
        })(),
      ),
    ).text();

  it('[J98] writes gaps without an id, and whatever a message says in one line', async () => {
    const { world, id } = new FollowedJob();
    const [event] = world.cell.history.events(id, 0);
    if (event === undefined) throw new Error('a job begins with an event');
    const message = 'first\nid: 9\r\n\r\ndata: second\u2028third';
    const failed = { ...event, error: { reason: 'agent_error' as const, message } };
    const text = await textOf({ kind: 'gap', from: 1, until: 3 }, { kind: 'event', event: failed, isFinal: true }, { kind: 'silence' });
    const [, gap = '', told = '', ...rest] = text.split('\n\n');
    expect(gap.split('\n').map((line) => line.split(':')[0])).toEqual(['event', 'data']);
    expect(told.split('\n').map((line) => line.split(':')[0])).toEqual(['id', 'event', 'data']);
    expect(JSON.parse(told.slice(told.indexOf('data: ') + 6))).toMatchObject({ error: { message }, final: true });
    expect(rest).toEqual([':', '']);
  });
});

it('[T121] a feed ends with the refusal in the middle of a wait, as an event of its own', async () => {
  const end = new Ending();
  const first = { events: [], isOver: false } as unknown as EventPage;
  const events = (_: unknown, __: unknown, ___: unknown, waitMs: number): Promise<Outcome<EventPage>> => {
    if (waitMs === 0) return Promise.resolve(ok(first));
    queueMicrotask(() => end.revoke());
    return new Promise(() => undefined);
  };
  const { id } = jobRequest(1);
  const feed = new JobEventFeed({ events }, { nowMs: () => 0 });
  const opened = await feed.open({ tenantId: TENANT, jobId: id, after: 0, isFollowed: true }, end);
  if (!opened.ok || opened.value === null) throw new Error('nothing to follow');
  let over = 0;
  const text = await new Response(jobEventStream({ jobId: id, requestId: 'req_1' }, opened.value, () => void (over += 1))).text();
  expect(text).toMatch(/\nevent: error\ndata: \{"error":\{.*"code":"invalid_api_key".*"request_id":"req_1"\}\n\n$/);
  expect(over).toBe(1);
});
