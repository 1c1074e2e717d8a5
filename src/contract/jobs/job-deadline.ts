import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { unixSeconds } from '../api/common.ts';

// Whether jobs are done by their deadlines, and when those that wait start.

const verdict = z
  .enum(['met', 'at_risk', 'missed', 'unknown'])
  .meta(
    about(
      '`met`: it is done in time by all that is known. `at_risk`: it may run for longer than is left, or start too late. `missed`: by its `work_s` it is not, even if it starts at `start_at`. `unknown`: nothing says how long it runs.',
    ),
  );

const optionOutlook = z.object({
  option: z.int().min(0).meta(about('Which of the `resources`, from 0.')),
  verdict,
  runtime_s: z.number().nullable().meta(about('How long it runs there; by `history` and `max_runtime`, at most. Null: nothing says.')),
  source: z
    .enum(['stated', 'history', 'max_runtime'])
    .nullable()
    .meta(
      about(
        'What says so. `stated`: its `work_s`. `history`: the longest that jobs like it have taken. `max_runtime`: its `max_runtime_s`, taken to hold on its fastest resources: elsewhere it would need longer in proportion.',
      ),
    ),
  start_at: unixSeconds.meta(about('The earliest it starts there.')),
  end_at: unixSeconds.nullable().meta(about('When it would end then.')),
  start_by: unixSeconds.nullable().meta(about('The latest it can start there and be done in time.')),
});

export const deadlineOutlook = z.object({
  deadline_at: unixSeconds,
  verdict,
  options: z.array(optionOutlook).meta(about('By the `resources` that it runs on; before it does, by each of them.')),
});

export type DeadlineOutlookReply = z.infer<typeof deadlineOutlook>;

export const startsBetween = z.object({
  earliest: unixSeconds.nullable(),
  median: unixSeconds.nullable().meta(about('As likely sooner as later; null while no run times of jobs like those before it are known.')),
  latest: unixSeconds.nullable().meta(about('Null: no limit and no run times say when nodes will be free.')),
  confidence: z.number().meta(about('The chance that it starts between `earliest` and `latest`.', 0.8)),
  basis: z
    .enum(['run_times', 'limits'])
    .meta(
      about(
        '`run_times`: what runs and waits was played through again and again, with run times drawn from those of jobs like these. `limits`: no such job has ended yet, and the interval is all that limits of run times allow.',
      ),
    ),
  jobs_seen: z.int().meta(about('How many attempts of jobs like those before it have been seen to end.')),
});
