import { expect, it } from 'vitest';

import { deadlineRows, waitingText } from '../../../../workers/cli/jobs/job-view.ts';

const WAITING: Parameters<typeof waitingText>[0] = {
  reason: 'cell_full',
  position: null,
  waits_for: [],
  retry_at: null,
  room_at: null,
  starts_between: null,
  agents_lacking: null,
};

it('says in a line why a job waits, and what it knows of when it starts', () => {
  expect(waitingText({ ...WAITING, reason: 'not_waiting' })).toBeUndefined();
  expect(waitingText(WAITING)).toBe('waits: cell full');
  expect(waitingText({ ...WAITING, reason: 'others_first', position: 3, agents_lacking: 1, room_at: 1_796_149_303 })).toBe(
    'waits: others first, number 3 of its queue, 1 agents more would help, room by 2026-12-01T18:21:43Z',
  );
  expect(waitingText({ ...WAITING, reason: 'budget_exhausted', retry_at: 0, waits_for: ['job_a', 'job_b'] })).toBe(
    'waits: budget exhausted, for job_a, job_b, tried again at 1970-01-01T00:00:00Z',
  );
});

it('[J325] says between which times it starts, and whether its deadline is met by which resources', () => {
  const starts = { earliest: 0, median: 30, latest: 60, confidence: 0.8, basis: 'run_times', jobs_seen: 9 } as const;
  expect(waitingText({ ...WAITING, starts_between: starts })).toBe(
    'waits: cell full, starts between 1970-01-01T00:00:00Z and 1970-01-01T00:01:00Z (80 %)',
  );
  expect(waitingText({ ...WAITING, starts_between: { ...starts, basis: 'limits' } })).toContain('(by limits alone)');
  expect(waitingText({ ...WAITING, starts_between: { ...starts, latest: null } })).toBe('waits: cell full');
  const late = { option: 0, verdict: 'missed', runtime_s: 240, source: 'stated', start_at: 0, end_at: 240, start_by: -140 } as const;
  const open = { option: 1, verdict: 'unknown', runtime_s: null, source: null, start_at: 0, end_at: null, start_by: null } as const;
  expect(deadlineRows({ deadline_at: 100, verdict: 'unknown', options: [late, open] })).toEqual([
    ['deadline', 'unknown: 1970-01-01T00:01:40Z'],
    ['by resources 0', 'missed: 4 min 0 s (stated), from 1970-01-01T00:00:00Z to 1970-01-01T00:04:00Z'],
    ['by resources 1', 'unknown: nothing says how long it runs'],
  ]);
});
