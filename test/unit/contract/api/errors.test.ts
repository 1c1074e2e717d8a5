import { describe, expect, it } from 'vitest';

import { goDuration } from '../../../../src/contract/api/duration.ts';
import { ERRORS, refusal, wireError } from '../../../../src/contract/api/errors.ts';
import { refuseBeyond } from '../../../../src/contract/limits/limit-refusal.ts';

describe('the error catalogue', () => {
  it("writes OpenAI's shape", () => {
    expect(wireError(refusal('invalid_value', 'is empty', ['input', 3]), 'req_1')).toEqual({
      error: { message: 'input[3]: is empty', type: 'invalid_request_error', param: 'input[3]', code: 'invalid_value' },
      request_id: 'req_1',
    });
    expect(wireError(refusal('internal_error', 'x'), 'req_1').error.param).toBeNull();
  });

  it('[G71] has the limit that was exceeded, and the value, as data', () => {
    const { error } = refuseBeyond({ path: 'top_k', limit: 'topKMaxCount', value: 10_001, what: 'is 10001' });
    expect(wireError(error, 'r').error).toMatchObject({ limit: { name: 'topKMaxCount', bound: 10_000 }, value: 10_001 });
    expect(wireError(refusal('invalid_value', 'x'), 'r').error).not.toHaveProperty('limit');
  });

  it('marks as retryable only errors that may pass', () => {
    const retryable = Object.entries(ERRORS).flatMap(([code, row]) => (row.retryable ? [code] : []));
    expect(retryable.sort()).toEqual([
      'deadline_exceeded',
      'index_growing',
      'index_moving',
      'lease_expired',
      'no_healthy_replica',
      'overloaded',
      'rate_limit_exceeded',
      'request_timeout',
      'stale_route',
      'storage_full',
      'unavailable',
      'upstream_busy',
      'upstream_failed',
      'upstream_unavailable',
    ]);
  });

  it('gives every code an HTTP error status', () => {
    for (const [code, { status }] of Object.entries(ERRORS)) {
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
    }
  });
});

it.each([
  [0, '0ms'],
  [20, '20ms'],
  [999.2, '1s'],
  [1000, '1s'],
  [59_001, '1m0s'],
  [360_000, '6m0s'],
  [3_600_000, '1h0m0s'],
  [-5, '0ms'],
])('%d ms is written %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text);
});
