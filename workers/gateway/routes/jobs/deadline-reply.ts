import type { DeadlineOutlookReply } from '../../../../src/contract/jobs/job-deadline.ts';
import type { JobExplanationReply } from '../../../../src/contract/jobs/job-explanation.ts';
import type { DeadlineOutlook } from '../../../../src/scheduler/engine/explain/deadline-outlook.ts';
import type { StartForecast } from '../../../../src/scheduler/engine/explain/start-forecast.ts';
import { seconds } from '../wire.ts';

export const outlookReply = ({ deadlineAtMs, verdict, options }: DeadlineOutlook): DeadlineOutlookReply => ({
  deadline_at: seconds(deadlineAtMs),
  verdict,
  options: options.map((option) => ({
    option: option.option,
    verdict: option.verdict,
    runtime_s: option.run && option.run.runMs / 1_000,
    source: option.run && option.run.source,
    start_at: seconds(option.startMs),
    end_at: secondsOrNull(option.endMs),
    start_by: secondsOrNull(option.startByMs),
  })),
});

export const forecastReply = (forecast: StartForecast): NonNullable<JobExplanationReply['starts_between']> => ({
  earliest: secondsOrNull(forecast.earliestMs),
  median: secondsOrNull(forecast.medianMs),
  // The second in which it ends is a part of the interval.
  latest: forecast.latestMs === null ? null : Math.ceil(forecast.latestMs / 1_000),
  confidence: forecast.confidence,
  basis: forecast.basis,
  jobs_seen: Math.round(forecast.seen),
});

const secondsOrNull = (ms: number | null): number | null => (ms === null ? null : seconds(ms));
