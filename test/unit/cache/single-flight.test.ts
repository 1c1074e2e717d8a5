import { describe, expect, it } from 'vitest';

import { SingleFlight } from '../../../src/cache/single-flight.ts';
import { deferred } from '../../support/deferred.ts';

describe('SingleFlight', () => {
  it('[C11] announces the keys of a computation until it is done', async () => {
    const flights = new SingleFlight<string>();
    const { promise, resolve } = deferred<string>();
    flights.open(['a', 'b'], 7, promise);
    expect(flights.find('b')).toMatchObject({ position: 7, row: 1 });
    resolve('done');
    await promise;
    expect(flights.find('a')).toBeUndefined();
  });

  it('[C11] forgets a computation that failed', async () => {
    const flights = new SingleFlight<string>();
    const failed = Promise.reject(new Error('no'));
    flights.open(['a'], 0, failed);
    await expect(failed).rejects.toThrow('no');
    expect(flights.find('a')).toBeUndefined();
  });

  it('[C11] lets a newer computation take the place of an older one', async () => {
    const flights = new SingleFlight<string>();
    const older = deferred<string>();
    flights.open(['a'], 1, older.promise);
    flights.open(['a'], 2, new Promise(() => {}));
    older.resolve('older');
    await older.promise;
    expect(flights.find('a')?.position).toBe(2);
  });
});
