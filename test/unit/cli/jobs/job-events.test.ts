import { expect, it } from 'vitest';

import { refused } from '../../../../workers/cli/gateway/gateway-client.ts';
import type { JobEventView } from '../../../../workers/cli/jobs/job-event-lines.ts';
import { eventsOf, lineOf } from '../../../../workers/cli/jobs/job-event-lines.ts';

const JOB = 'job_00000000000000000000000001';

const event = (id: number, final = false, more: Partial<Extract<JobEventView, { object: 'job_event' }>> = {}) =>
  ({
    object: 'job_event',
    id,
    kind: 'state',
    created_at: 1_800_000_000,
    state: final ? 'succeeded' : 'pending',
    priority: 'normal',
    attempt: null,
    stopped_for: null,
    ended: null,
    error: null,
    final,
    ...more,
  }) as const;

const blockOf = (each: JobEventView): string => `event: x\ndata: ${JSON.stringify(each)}\n\n`;

/** A body of so many characters a chunk, which ends or breaks. */
function bodyOf(text: string, isBroken: boolean): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += 7)));
      else if (isBroken) controller.error(new TypeError('terminated'));
      else controller.close();
    },
  });
}

/** A gateway whose answers are given, and what it is asked. */
function gateway(...answers: readonly (() => Response)[]) {
  const asked: string[] = [];
  const stream = async (path: string): Promise<Response> => {
    asked.push(path.slice(path.indexOf('?')));
    const answer = answers[asked.length - 1];
    if (answer === undefined) throw new Error('asked once too often');
    return answer();
  };
  return { asked, client: { stream } };
}

const sends =
  (text: string, isBroken = false) =>
  () =>
    new Response(bodyOf(text, isBroken));
const refuses = (status: number) => () => {
  throw refused(status, 'no');
};

it('follows a job across streams that end, break or are refused for now, each event once', async () => {
  const { asked, client } = gateway(
    sends(`retry: 9\n\n${blockOf(event(1))}:\n\n${blockOf(event(2))}event: x\ndata: {"id": 3, "obj`, true),
    refuses(503),
    sends(blockOf(event(3))),
    sends(blockOf(event(4, true))),
  );
  const events = await Array.fromAsync(eventsOf(client, JOB, { after: 0, isFollowed: true }, 1));
  expect(events).toEqual([event(1), event(2), event(3), event(4, true)]);
  expect(asked).toEqual(['?after=0', '?after=2', '?after=2', '?after=3']);
});

it('stops where there is nothing to follow, and reports what will not pass', async () => {
  const follow = (...answers: readonly (() => Response)[]) =>
    Array.fromAsync(eventsOf(gateway(...answers).client, JOB, { after: 1, isFollowed: true }, 1));
  expect(await follow(() => new Response(null, { status: 204 }))).toEqual([]);
  expect(await Array.fromAsync(eventsOf(gateway(sends('')).client, JOB, { after: 1, isFollowed: false }, 1))).toEqual([]);
  await expect(follow(refuses(503))).rejects.toThrow('answered 503');
  await expect(follow(sends(''), refuses(404))).rejects.toThrow('answered 404');
  await expect(follow(sends(''), ...Array.from({ length: 11 }, () => refuses(503)))).rejects.toThrow('answered 503');
});

it('shows an event as a line that says what has changed', () => {
  const attempt = { fence: 2, pool: 'pool_a', nodes: 4 };
  expect(lineOf(event(3, false, { state: 'stopping', attempt, stopped_for: 'priority' }))).toBe(
    '2027-01-15T08:00:00Z  3  stopping; attempt 2 on pool_a, 4 nodes; asked to stop: priority',
  );
  const error = { reason: 'agent_error', message: 'oops' };
  expect(lineOf(event(4, true, { state: 'failed', ended: { fence: 2, outcome: 'agent_error' }, error }))).toContain(
    '  4  failed; attempt 2 ended: agent_error; agent_error: oops',
  );
  expect(lineOf(event(5, false, { kind: 'reprioritised', priority: 70 }))).toContain('pending, reprioritised; priority 70');
  expect(lineOf({ object: 'job_event_gap', from: 1, until: 3 })).toBe('(events 1 to 3 are no longer kept)');
});
