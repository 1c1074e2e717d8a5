import { expect, it } from 'vitest';

import { refusal } from '../../../../src/contract/api/errors.ts';
import { ShardRows } from '../../../../src/index/resharding/shard-rows.ts';
import { err } from '../../../../src/kernel/result.ts';

type Parts = ConstructorParameters<typeof ShardRows>;

const rowsWith = (route: object | undefined): ShardRows =>
  new ShardRows({} as Parts[0], {} as Parts[1], {} as Parts[2], { get: () => route } as Parts[3]);

it('[G51] a full shard is recognised by the limit in its refusal: a split makes room for the write', () => {
  const full = err({ ...refusal('limit_exceeded', 'is full', 'vectors'), limit: { name: 'shardEngineBytesMax', bound: 1 } });
  expect(rowsWith({ since: 0 }).unlessFull(full)).toMatchObject({ error: { code: 'index_growing' } });
  expect(rowsWith(undefined).unlessFull(full)).toBe(full);
  const other = err(refusal('limit_exceeded', 'has too many', 'vectors'));
  expect(rowsWith({ since: 0 }).unlessFull(other)).toBe(other);
});
