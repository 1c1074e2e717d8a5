import { describe, expect, it } from 'vitest';

import type { MadeGenerations } from '../../../../src/index/generations/made-generation.ts';
import { isRepeated, withEnded, withMade } from '../../../../src/index/generations/made-generation.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../../../src/contract/indexes/index-limits.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';

const creation = (idempotencyKey: string | null, bodyDigest = 'd') => ({ idempotencyKey, bodyDigest });
const id = (name: string) => `ix_${name}` as IndexId;
const YES = { ok: true, value: true };
const NO = { ok: true, value: false };

describe('generations that were made under idempotency keys', () => {
  it('[T78] are returned again while they exist, and refused as spent once they are gone', () => {
    let made: MadeGenerations = withMade([], creation('one'), id('1'), 1);
    made = withMade(made, creation('two'), id('2'), 2);
    made = withMade(made, creation(null), id('3'), 3);
    for (const key of ['one', 'two']) expect(isRepeated(made, creation(key), 4)).toEqual(YES);
    expect(isRepeated(made, creation(null), 4)).toEqual(NO);
    expect(isRepeated(made, creation('three'), 4)).toEqual(NO);
    expect(isRepeated(made, creation('one', 'other'), 4)).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    made = withEnded(made, id('1'), 5_000);
    expect(isRepeated(made, creation('one'), 6_000)).toMatchObject({
      error: { code: 'idempotency_key_spent', spent: { id: id('1'), endedAtMs: 5_000 } },
    });
    expect(isRepeated(made, creation('one', 'other'), 6_000)).toMatchObject({ error: { code: 'idempotency_mismatch' } });
    expect(isRepeated(made, creation('two'), 6_000)).toEqual(YES);
    // Ending it again changes nothing.
    expect(withEnded(made, id('1'), 9_000)).toEqual(made);
  });

  it('[T78] are remembered for spentKeyTtlMs after their end, the newest generationKeysMaxCount of them', () => {
    const ended = withEnded(withMade([], creation('one'), id('1'), 1), id('1'), 1);
    const laterMs = 1 + API_LIMITS.spentKeyTtlMs;
    expect(isRepeated(ended, creation('one'), laterMs - 1)).toMatchObject({ error: { code: 'idempotency_key_spent' } });
    expect(isRepeated(ended, creation('one'), laterMs)).toEqual(NO);
    expect(withMade(ended, creation('two'), id('2'), laterMs)).toHaveLength(1);
    let many = ended;
    for (let at = 0; at < INDEX_LIMITS.generationKeysMaxCount; at++) many = withMade(many, creation(`k${at}`), id(`k${at}`), 2);
    expect(many).toHaveLength(INDEX_LIMITS.generationKeysMaxCount);
    expect(isRepeated(many, creation('one'), 2)).toEqual(NO);
  });

  it('[T78] of a store from before ids were recorded count as existing', () => {
    const old: MadeGenerations = [{ ...creation('one'), id: null, endedAtMs: null }];
    expect(isRepeated(withEnded(old, id('1'), 2), creation('one'), 3)).toEqual(YES);
  });
});
