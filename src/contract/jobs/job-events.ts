import * as z from 'zod';

import { about, named } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';
import type { Endpoint } from '../api/endpoint.ts';
import { call } from '../api/endpoint.ts';
import { priority } from './job-terms.ts';
import { attempt, jobCommon, jobError, jobParams, JOB_STATES, STOP_REASONS } from './jobs.ts';
import { JOB_LIMITS } from './job-limits.ts';
import { wholeText } from '../api/text-number.ts';

// The history of a job as server-sent events (WHATWG HTML, 9.2).

const JOB_EVENT_KINDS = ['submitted', 'state', 'attempt', 'termination_notice', 'resized', 'reprioritised', 'deadline'] as const;
export type JobEventKind = (typeof JOB_EVENT_KINDS)[number];

const event = named('JobEvent', {
  id: z.int().min(1).meta(about('Counts the events of the job from 1: what `after` and `Last-Event-ID` mean.')),
  object: z.literal('job_event'),
  job: z.string(),
  kind: z
    .enum(JOB_EVENT_KINDS)
    .meta(
      about(
        'What changed, which is also the name of the event. `termination_notice`: a node of its attempt will be taken away, and it is asked to save until `stop_by`.',
      ),
    ),
  created_at: unixSeconds,
  state: z.enum(JOB_STATES).meta(about('After the change.')),
  priority,
  attempt: z.object({ fence: z.int(), pool: z.string(), nodes: z.int() }).nullable().meta(about('The attempt that is under way now.')),
  stopped_for: z.enum(STOP_REASONS).nullable().meta(about('Why that attempt is asked to stop.')),
  stop_by: unixSeconds.nullable().meta(about('When it is made to stop at the latest, if it is asked to.')),
  ended: attempt.nullable().meta(about('The attempt that ended with this.')),
  error: jobError,
  deadline: z
    .enum(['at_risk', 'missed'])
    .nullable()
    .meta(
      about(
        'With the kind `deadline`: started now on its fastest resources, the job would (`missed`) or may (`at_risk`) not be done by `deadline_at`.',
      ),
    ),
  final: z.boolean().meta(about('Whether the job is over, and this its last event.')),
});

export type JobEventReply = z.infer<typeof event>;

const sequence = wholeText(0);

export const jobEventEndpoints = {
  getJobEvents: {
    ...jobCommon,
    ...call('GET', '/v1/jobs/:job/events'),
    summary: 'The history of a job, as server-sent events',
    description:
      'Each event has an `id`, the name of its kind as `event`, and JSON as `data`. The stream goes on until the final state of the job: its event has ' +
      '`final`. After a disconnect, send the last `id` as `Last-Event-ID` (browsers do so by themselves) or as `after`; when nothing is left to ' +
      `send of a job that is over, the answer is 204, at which browsers stop. The newest ${JOB_LIMITS.jobEventsKeptCount} events of a job are kept: an ` +
      'event `gap`, with the first and last missing id, stands where older ones were dropped. An event `error`, with an error of the API as `data`, ends the stream where it may not go on, as its key has been ' +
      'revoked. Lines that begin with a colon keep the connection open.',
    params: jobParams,
    query: z.strictObject({
      after: sequence.default(0).meta(about('Events after this one.')),
      follow: z.enum(['true', 'false']).default('true').meta(about('`false`: only what has happened by now.')),
    }),
    headers: z.object({ 'last-event-id': sequence.optional().meta(about('As `after`, which it overrides.')) }),
    status: 200,
    reply: { kind: 'events', schema: event },
  },
} as const satisfies Record<string, Endpoint>;
