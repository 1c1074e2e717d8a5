import { expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { StartWindow } from '../../../src/pools/start-window.ts';

const LEAST = JOB_LIMITS.startsWaitingLeastCount;

it('[P122] lets one attempt wait for each agent, and as many as were taken up lately', () => {
  const window = new StartWindow();
  expect(window.room(0, 0, 0)).toBe(LEAST);
  expect(window.room(0, 200, 0)).toBe(200);
  expect(window.room(150, 200, 0)).toBe(50);
  expect(window.room(250, 200, 0)).toBe(0);
  for (let n = 0; n < 70; n++) window.took(1);
  expect(window.room(250, 200, 2)).toBe(20);
});

it('[P122] forgets what was taken up once that is two syncs ago', () => {
  const window = new StartWindow();
  for (let n = 0; n < 50; n++) window.took(0);
  expect(window.room(0, 10, JOB_LIMITS.poolSyncMs)).toBe(60);
  expect(window.room(0, 10, 2 * JOB_LIMITS.poolSyncMs)).toBe(10);
  for (let n = 0; n < 50; n++) window.took(3 * JOB_LIMITS.poolSyncMs);
  expect(window.room(0, 10, 9 * JOB_LIMITS.poolSyncMs)).toBe(10);
});
