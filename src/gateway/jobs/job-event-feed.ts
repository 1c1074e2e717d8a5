import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import type { Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { unlessEnded } from '../../contract/tenancy/authority-end.ts';
import type { Authority } from '../../contract/tenancy/write-lease.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { JobId, TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { JobEvent } from '../../scheduler/served/jobs/sqlite-job-history.ts';
import type { EventPage } from '../../scheduler/served/job-queries.ts';
import type { JobQueue } from './job-queue.ts';

/** What a follower of a job receives. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: JobEvent; readonly isFinal: boolean }
  /** Events that are no longer kept. */
  | { readonly kind: 'gap'; readonly from: number; readonly until: number }
  /** Nothing has happened for a while. */
  | { readonly kind: 'silence' }
  /** Nothing more comes, though the job may go on. */
  | { readonly kind: 'refused'; readonly why: Refusal };

export interface FeedRequest {
  readonly tenantId: TenantId;
  readonly jobId: JobId;
  /** The last event that the follower has. */
  readonly after: number;
  /** Whether to wait for what is still to happen. */
  readonly isFollowed: boolean;
}

/** The histories of jobs, as they are made. */
export class JobEventFeed {
  readonly #queue: Pick<JobQueue, 'events'>;
  readonly #clock: Clock;

  constructor(queue: Pick<JobQueue, 'events'>, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  /**
   * The events after one; null: there are none and there will be none. Refuses as `JobQueue.events`. Ends with a refusal once the follower's right
   * does.
   */
  async open(request: FeedRequest, authority: Authority): Promise<Outcome<AsyncGenerator<FeedItem, void> | null>> {
    const first = await this.#queue.events(request.tenantId, request.jobId, request.after, 0);
    if (!first.ok) return first;
    return ok(first.value.isOver && first.value.events.length === 0 ? null : this.#feed(request, first.value, authority));
  }

  async *#feed(request: FeedRequest, first: EventPage, authority: Authority): AsyncGenerator<FeedItem, void> {
    const { tenantId, jobId, isFollowed } = request;
    let { after } = request;
    let page = first;
    let sentAtMs = this.#clock.nowMs();
    // Bounded, as the calls of one request are: the follower comes back with the last event that it has. [J99]
    for (let turns = 0; turns < JOB_LIMITS.jobEventsTurnsMaxCount; turns++) {
      yield* itemsOf(page, after);
      after = page.events.at(-1)?.sequence ?? after;
      if (page.isOver || !isFollowed) return;
      const lease = await authority.lease();
      if (!lease.ok) return yield { kind: 'refused', why: lease.error };
      const nowMs = this.#clock.nowMs();
      if (page.events.length > 0) sentAtMs = nowMs;
      else if (nowMs - sentAtMs >= JOB_LIMITS.jobEventsHeartbeatMs) {
        yield { kind: 'silence' };
        sentAtMs = nowMs;
      }
      const news = this.#queue.events(tenantId, jobId, after, JOB_LIMITS.jobEventsTurnMs);
      const next = await unlessEnded(authority.end, news, err);
      if (!next.ok) return yield { kind: 'refused', why: next.error };
      page = next.value;
    }
  }
}

function* itemsOf({ events, isOver }: EventPage, after: number): Generator<FeedItem, void> {
  const [oldest] = events;
  if (oldest !== undefined && oldest.sequence > after + 1) yield { kind: 'gap', from: after + 1, until: oldest.sequence - 1 };
  const last = events.length - 1;
  for (const [at, event] of events.entries()) yield { kind: 'event', event, isFinal: isOver && at === last };
}
