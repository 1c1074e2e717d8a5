import { expect, it } from 'vitest';

import { refusal } from '../../../src/contract/errors.ts';
import { errorResponse } from '../../../workers/gateway/http-error.ts';

it.each([
  [1, '1'],
  [1_000, '1'],
  [1_001, '2'],
  [59_999, '60'],
])('[G2] a wait of %i ms is told in milliseconds, and in whole seconds that are never too short', (retryAfterMs, seconds) => {
  const { status, headers } = errorResponse({ ...refusal('rate_limit_exceeded', 'slower'), retryAfterMs }, 'req_1', 'sluice');
  const told = ['retry-after-ms', 'retry-after', 'x-should-retry'].map((name) => headers.get(name));
  expect([status, ...told]).toEqual([429, String(retryAfterMs), seconds, 'true']);
});

it('[G2] a refusal that waiting does not help states no wait', () => {
  const { headers } = errorResponse(refusal('insufficient_quota', 'spent'), 'req_1', 'sluice');
  expect(['retry-after-ms', 'retry-after', 'x-should-retry'].map((name) => headers.get(name))).toEqual([null, null, 'false']);
});
