import { describe, expect, it } from 'vitest';

import type { Outcome } from '../../../../../src/contract/api/outcome.ts';
import { refuse } from '../../../../../src/contract/api/outcome.ts';
import { DOCUMENT_STORE_LIMITS } from '../../../../../src/contract/documents/document-store-limits.ts';
import { rowIdOf } from '../../../../../src/documents/store/row-id.ts';
import { ServedRows } from '../../../../../src/gateway/vectors/visible/served-rows.ts';
import type { IndexManifest } from '../../../../../src/index/index-manifest.ts';
import { ok } from '../../../../../src/kernel/result.ts';

const manifest = { id: 'ix_1', tenantId: 'tn_one', name: 'notes', generation: 1 } as unknown as IndexManifest;

const row = (document: string, version = 1): string => rowIdOf({ document, chunk: '0'.repeat(32), version });

/** Documents whose rows are hidden as a test says, and what was asked of them. */
function world() {
  const asked: (readonly string[])[] = [];
  const state = { hidden: new Set<string>(), edition: 1, nowMs: 0, isGone: false, onAsked: () => {} };
  const served = new ServedRows({
    readersOf: () => ({
      hidden: async (_, ids) => {
        if (state.isGone) return refuse('unavailable', 'gone');
        asked.push(ids);
        const answer = ok({ ids: ids.filter((id) => state.hidden.has(id)), edition: state.edition });
        state.onAsked();
        return answer;
      },
      edition: async () => ok(state.edition),
      owners: async () => ok([]),
      count: async () => ok(0),
    }),
    clock: { nowMs: () => state.nowMs },
  });
  /** A search of the first `wanted` of these rows. */
  const search = (rows: readonly string[], wanted: number, onRound: (round: number) => Outcome<null> = () => ok(null)) => {
    let round = 0;
    return served.search(
      { manifest, namespace: '', deadlineMs: 1_000 },
      {
        search: async (excluded) => {
          round += 1;
          const ready = onRound(round);
          return ready.ok ? ok(rows.filter((id) => !excluded.includes(id)).slice(0, wanted + excluded.length)) : ready;
        },
        met: (found) => found,
        isShort: (found, hidden) => found.length >= wanted && found.filter((id) => !hidden.has(id)).length < wanted,
      },
    );
  };
  const shown = (found: Awaited<ReturnType<typeof search>>) =>
    found.ok ? found.value.found.filter((id) => !found.value.hidden.has(id)).slice(0, 3) : found.error.code;
  return { served, state, asked, search, shown };
}

describe('[DC90] rows that readers do not see', () => {
  it('are asked about only where ids are those of chunks, each once', async () => {
    const { search, asked, shown } = world();
    expect(shown(await search(['a', 'b#1', `${'f'.repeat(32)}.1`], 2))).toEqual(['a', 'b#1']);
    expect(asked).toEqual([]);
    expect(shown(await search(['a', row('x'), row('x')], 3))).toEqual(['a', row('x'), row('x')]);
    expect(asked).toEqual([[row('x')]]);
  });

  it('are not taken for others where it cannot be known which they are', async () => {
    const { search, state, shown } = world();
    state.isGone = true;
    expect(shown(await search([row('x')], 1))).toBe('unavailable');
    expect(shown(await search(['a'], 1))).toEqual(['a']);
  });
});

describe('[DC91] a search', () => {
  it('goes on without hidden rows until its page is full, however many are closer', async () => {
    const { search, state, shown, asked } = world();
    const hidden = Array.from({ length: 200 }, (_, i) => row('old', i + 1));
    state.hidden = new Set(hidden);
    expect(shown(await search([...hidden, 'a', row('x'), 'c'], 3))).toEqual(['a', row('x'), 'c']);
    expect(asked.length).toBeLessThanOrEqual(DOCUMENT_STORE_LIMITS.servedSearchRoundsMaxCount);
  });

  it('ends where nothing is left, its page short or empty', async () => {
    const { search, state, shown, asked } = world();
    state.hidden = new Set([row('x'), row('y')]);
    expect(shown(await search([row('x'), row('y')], 2))).toEqual([]);
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it('judges all that it answers by its last reading, and finds what has come to be served since', async () => {
    const { search, state, shown } = world();
    const [before, after] = [row('x', 1), row('x', 2)];
    state.hidden = new Set([after, row('y')]);
    state.onAsked = () => {
      state.hidden = new Set([before, row('y')]);
      state.edition = 2;
    };
    const found = await search([after, before, row('y'), 'a'], 3);
    expect(shown(found)).toEqual([after, 'a']);
    expect(found).toMatchObject({ value: { edition: 2 } });
  });

  it('answers what it has once its time is over, or another round is refused', async () => {
    const { search, state, shown } = world();
    state.hidden = new Set([row('x')]);
    expect(shown(await search([row('x'), 'a', 'b'], 2, (round) => (round === 1 ? ok(null) : refuse('overloaded', 'busy'))))).toEqual(['a']);
    const late = await search([row('x'), 'a', 'b'], 2, () => {
      state.nowMs = 2_000;
      return ok(null);
    });
    expect(shown(late)).toEqual(['a']);
  });
});

it('[DC92] an index is of an edition from when a search first met a row of a document, and not before', async () => {
  const { served, search, state } = world();
  expect(await served.editionOf(manifest)).toEqual(ok(null));
  await search(['a'], 1);
  expect(await served.editionOf(manifest)).toEqual(ok(null));
  await search([row('x')], 1);
  state.edition = 7;
  expect(await served.editionOf(manifest)).toEqual(ok(7));
});
