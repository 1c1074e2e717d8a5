import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { queryOf, Refused } from '../gateway/gateway-client.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { jobPath } from './job-view.ts';

/** The data of an event of a job, or of a gap. */
export type JobEventView =
  | { readonly object: 'job_event_gap'; readonly from: number; readonly until: number }
  | {
      readonly object: 'job_event';
      readonly id: number;
      readonly kind: string;
      readonly created_at: number;
      readonly state: string;
      readonly priority: string | number;
      readonly attempt: { readonly fence: number; readonly pool: string; readonly nodes: number } | null;
      readonly stopped_for: string | null;
      readonly ended: { readonly fence: number; readonly outcome: string } | null;
      readonly error: { readonly reason: string; readonly message: string } | null;
      readonly final: boolean;
    };

/** Before going on after a stream has ended or broken. */
const AGAIN_MS = 1_000;
/** Streams in a row that broke and brought nothing. */
const BROKEN_MAX = 10;

/** The events of a job after one; followed, until the job is over, across as many streams as that takes. */
export async function* eventsOf(
  client: Pick<GatewayClient, 'stream'>,
  id: string,
  { after, isFollowed }: { readonly after: number; readonly isFollowed: boolean },
  againMs = AGAIN_MS,
): AsyncGenerator<JobEventView, void> {
  let last = after;
  let mayGoOn = false;
  for (let broken = 0; ; await sleep(againMs)) {
    try {
      const query = queryOf({ after: last, follow: isFollowed ? undefined : 'false' });
      const { status, body } = await client.stream(jobPath(id, `/events${query}`));
      mayGoOn = isFollowed;
      if (status === 204 || body === null) return;
      for await (const event of dataOf(body)) {
        yield event;
        broken = 0;
        last = 'id' in event ? event.id : event.until;
        if (isFinal(event)) return;
      }
      if (!isFollowed) return;
    } catch (error) {
      if (!mayGoOn || !isPassing(error) || (broken += 1) > BROKEN_MAX) throw error;
    }
  }
}

const isFinal = (event: JobEventView): boolean => event.object === 'job_event' && event.final;

/** Whether it may be over soon: the connection was lost, or the gateway cannot answer now. */
const isPassing = (error: unknown): boolean => !(error instanceof Refused) || error.status >= 500;

/** What a stream brings: a field `data` is one line, whose JSON says all that the other fields do. */
async function* dataOf(body: NonNullable<Response['body']>): AsyncGenerator<JobEventView, void> {
  for await (const line of createInterface({ input: Readable.fromWeb(body), crlfDelay: Infinity })) {
    if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length)) as JobEventView;
  }
}

/** An event as one line: when, which, and what has changed. */
export function lineOf(event: JobEventView): string {
  if (event.object === 'job_event_gap') return `(events ${event.from} to ${event.until} are no longer kept)`;
  const { attempt, stopped_for: stoppedFor, ended, error } = event;
  const parts = [
    event.kind === 'state' || event.kind === 'submitted' ? event.state : `${event.state}, ${event.kind}`,
    ...(event.kind === 'reprioritised' ? [`priority ${event.priority}`] : []),
    ...(ended === null ? [] : [`attempt ${ended.fence} ended: ${ended.outcome}`]),
    ...(attempt === null ? [] : [`attempt ${attempt.fence} on ${attempt.pool}${attempt.nodes === 1 ? '' : `, ${attempt.nodes} nodes`}`]),
    ...(stoppedFor === null ? [] : [`asked to stop: ${stoppedFor}`]),
    ...(error === null ? [] : [`${error.reason}: ${error.message}`]),
  ];
  return `${new Date(event.created_at * 1_000).toISOString().replace('.000', '')}  ${event.id}  ${parts.join('; ')}`;
}
