import { expect, it } from 'vitest';

import type { JobExplanationReply } from '../../../../src/contract/jobs/job-explanation.ts';
import { waitingText } from '../../../../workers/cli/jobs/job-view.ts';

const WAITING: Pick<JobExplanationReply, 'reason' | 'position' | 'waits_for' | 'retry_at' | 'room_at' | 'agents_lacking'> = {
  reason: 'cell_full',
  position: null,
  waits_for: [],
  retry_at: null,
  room_at: null,
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
