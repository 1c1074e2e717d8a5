import { describe, expect, it } from 'vitest';

import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import { hasTable } from '../../../src/kernel/sql/migrate.ts';
import type { JobId } from '../../../src/kernel/ids.ts';
import type { LogPage } from '../../../src/pools/sqlite-log-store.ts';
import { SqliteLogStore } from '../../../src/pools/sqlite-log-store.ts';
import { NodeSql } from '../../support/fakes/node-sql.ts';

const JOB = 'job_a' as JobId;
const STREAM = { jobId: JOB, fence: 1, rank: 0 };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (page: LogPage | undefined): string =>
  (page?.parts ?? []).map(({ at, bytes }) => `${at}:${new TextDecoder().decode(bytes)}`).join(' ');

const chunk = (length: number, letter: string): Uint8Array => bytesOf(letter.repeat(length));

describe('the logs of attempts', () => {
  it('[P54] keeps what was acknowledged, in order, and adds nothing twice', () => {
    const sql = new NodeSql();
    const store = new SqliteLogStore(sql);
    expect(store.append(STREAM, 0, bytesOf('hello '), 1)).toBe(true);
    expect(store.append(STREAM, 6, bytesOf('world'), 2)).toBe(true);
    // Sent again, whole and in part.
    expect(store.append(STREAM, 0, bytesOf('hello '), 3)).toBe(true);
    expect(store.append(STREAM, 6, bytesOf('world!'), 4)).toBe(true);
    const again = new SqliteLogStore(sql);
    expect(textOf(again.read(STREAM, 0, 100))).toBe('0:hello  6:world 11:!');
    expect(again.heldBytes()).toBe(12);
  });

  it('[P54] reads from any offset, as much as is asked for', () => {
    const store = new SqliteLogStore(new NodeSql());
    store.append(STREAM, 0, bytesOf('abcdef'), 1);
    store.append(STREAM, 6, bytesOf('ghi'), 1);
    expect(textOf(store.read(STREAM, 4, 3))).toBe('4:ef 6:g');
    expect(store.read(STREAM, 4, 3)).toMatchObject({ next: 7, hasMore: true });
    expect(store.read(STREAM, 7, 3)).toMatchObject({ next: 9, hasMore: false });
    expect(store.read(STREAM, 9, 3)).toMatchObject({ parts: [], next: 9, hasMore: false });
    expect(store.read({ ...STREAM, fence: 2 }, 0, 3)).toBeUndefined();
  });

  it('[P54] shows by offsets what the agent dropped', () => {
    const store = new SqliteLogStore(new NodeSql());
    store.append(STREAM, 0, bytesOf('ab'), 1);
    store.append(STREAM, 10, bytesOf('cd'), 1);
    expect(textOf(store.read(STREAM, 0, 100))).toBe('0:ab 10:cd');
    expect(textOf(store.read(STREAM, 5, 100))).toBe('10:cd');
  });

  it('[P55] keeps the newest jobLogBytesMax of each member, and drops the oldest first', () => {
    const store = new SqliteLogStore(new NodeSql());
    const length = JOB_LIMITS.jobLogChunkBytesMax;
    const count = Math.ceil(JOB_LIMITS.jobLogBytesMax / length) + 3;
    for (let n = 0; n < count; n++) store.append(STREAM, n * length, chunk(length, 'x'), n);
    expect(store.heldBytes()).toBeLessThanOrEqual(JOB_LIMITS.jobLogBytesMax);
    expect(store.heldBytes()).toBeGreaterThan(JOB_LIMITS.jobLogBytesMax - length);
    expect(store.read(STREAM, 0, 1)?.parts[0]?.at).toBe(count * length - store.heldBytes());
  });

  it('[P55] forgets streams after jobLogKeptMs, and never by reading', () => {
    const sql = new NodeSql();
    const store = new SqliteLogStore(sql);
    expect([store.read(STREAM, 0, 1), store.nextExpiryMs(), store.streamCount()]).toEqual([undefined, undefined, 0]);
    expect(hasTable(sql, 'streams')).toBe(false);
    store.append(STREAM, 0, bytesOf('old'), 1_000);
    store.append({ ...STREAM, fence: 2 }, 0, bytesOf('new'), 2_000);
    expect(store.nextExpiryMs()).toBe(1_000 + JOB_LIMITS.jobLogKeptMs);
    store.expire(999 + JOB_LIMITS.jobLogKeptMs);
    expect(store.streamCount()).toBe(2);
    store.expire(1_000 + JOB_LIMITS.jobLogKeptMs);
    expect([store.streamCount(), store.heldBytes()]).toEqual([1, 3]);
    expect(store.read(STREAM, 0, 9)).toBeUndefined();
  });

  it('[P56] has nothing left of an erased tenant, and takes nothing more', () => {
    const store = new SqliteLogStore(new NodeSql());
    store.append(STREAM, 0, bytesOf('secret'), 1);
    store.erase();
    expect(store.append(STREAM, 6, bytesOf('late'), 2)).toBe(false);
    store.close(STREAM);
    expect([store.streamCount(), store.heldBytes(), store.read(STREAM, 0, 9)]).toEqual([0, 0, undefined]);
  });

  it('[P54] tells readers that nothing more comes', () => {
    const store = new SqliteLogStore(new NodeSql());
    store.append(STREAM, 0, bytesOf('a'), 1);
    expect(store.read(STREAM, 0, 9)?.isClosed).toBe(false);
    store.close(STREAM);
    expect(store.read(STREAM, 0, 9)).toMatchObject({ isClosed: true, next: 1 });
  });
});
