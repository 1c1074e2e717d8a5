import { describe, expect, it } from 'vitest';

import { platformFault, reach } from '../../../durable-objects/platform-fault.ts';
import { ask } from '../../../workers/gateway/adapters/api/ask.ts';

const error = (message: string, more: object = {}) => Object.assign(new Error(message), more);

// Errors as workerd threw them on a full disk and on damaged files.
const FULL = error('database or disk is full: SQLITE_FULL', { durableObjectReset: true });
const UNREADABLE = [
  error('database disk image is malformed: SQLITE_CORRUPT', { remote: true }),
  error('file is not a database: SQLITE_NOTADB', { remote: true }),
  error('disk I/O error: SQLITE_IOERR', { remote: true }),
  error('internal error; reference = 7m8t95c73f1ror5iktq296a1'),
  error('put: We encountered an internal error. Please try again. (10001)'),
  error('Network connection lost.'),
  error('the object was reset', { durableObjectReset: true }),
];
const DEFECTS = [
  error('no such table: t: SQLITE_ERROR', { remote: true }),
  error('x is not a function', { remote: true }),
  new TypeError('x'),
  'x',
];

describe('an error of the platform below an object', () => {
  it('[G35] for lack of space is a temporary refusal that says so', () => {
    for (const full of [FULL, error('write ENOSPC'), error('No space left on device', { remote: true })]) {
      expect(platformFault(full)).toMatchObject({ code: 'storage_full', retryAfterMs: expect.any(Number) });
    }
  });

  it('[G35] that blocks reads or writes of storage is unavailable; a defect is neither', () => {
    for (const broken of UNREADABLE) expect(platformFault(broken), broken.message).toMatchObject({ code: 'unavailable' });
    for (const defect of DEFECTS) expect(platformFault(defect)).toBeUndefined();
  });

  it('[G35] is returned as a value to the caller of an object, also across RPC', async () => {
    const failing = (thrown: Error) => async () => {
      throw thrown;
    };
    for (const call of [(thrown: Error) => ask('otherwise', failing(thrown)), (thrown: Error) => reach(failing(thrown))]) {
      expect(await call(FULL)).toMatchObject({ ok: false, error: { code: 'storage_full' } });
      for (const broken of UNREADABLE) expect(await call(broken)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
      await expect(call(error('x is not a function', { remote: true }))).rejects.toThrow('x is not a function');
    }
  });
});
