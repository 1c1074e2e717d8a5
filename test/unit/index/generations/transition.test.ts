import { describe, expect, it } from 'vitest';

import { CLIENT, INDEX_OBJECT, admit, followerWith } from '../../../../src/ann/access-mode.ts';
import type { GenerationEvent, Generations, Phase, Shadow } from '../../../../src/index/generations/generation-state.ts';
import { transition } from '../../../../src/index/generations/transition.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import type { IndexId } from '../../../../src/kernel/ids.ts';

const manifest = (id: string): IndexManifest => ({ id: id as IndexId }) as IndexManifest;

const PHASES: readonly Phase[] = [
  'opening',
  'clearing',
  'filling',
  'comparing',
  'following',
  'sealing',
  'draining',
  'unsealing',
  'closing',
  'switching',
  'erasing',
];

const at = (phase: Phase, changes: Partial<Shadow> = {}): Generations => ({
  version: 7,
  serving: manifest('ix_old'),
  shadow: {
    manifest: manifest('ix_new'),
    phase,
    hasServed: false,
    owner: {} as Shadow['owner'],
    feed: { 0: { lsn: 1, row: 1 } },
    filled: null,
    copied: 3,
    tokens: 5,
    comparison: null,
    fault: null,
    dropsMissing: false,
    ...changes,
  },
});

const FEED = { 0: { lsn: 9, row: 9 } };
const EVENTS: Record<Exclude<GenerationEvent['kind'], 'claimed'>, { event: GenerationEvent; from: readonly Phase[]; to: Phase }> = {
  opened: { event: { kind: 'opened', feed: FEED }, from: ['opening'], to: 'clearing' },
  cleared: { event: { kind: 'cleared' }, from: ['clearing'], to: 'filling' },
  copied: {
    event: { kind: 'copied', filled: { namespace: 'n', id: 'a' }, count: 2, tokens: 4, isWhole: true },
    from: ['filling'],
    to: 'comparing',
  },
  compared: {
    event: { kind: 'compared', comparison: { samples: 1, overlapAt10: 1, ndcgAt10: 1 } },
    from: ['comparing', 'following'],
    to: 'following',
  },
  followed: {
    event: { kind: 'followed', feed: FEED, receipts: { shard: 4 }, count: 1, tokens: 1 },
    from: ['filling', 'comparing', 'following', 'draining'],
    to: 'following',
  },
  lost: { event: { kind: 'lost' }, from: ['clearing', 'filling', 'comparing', 'following'], to: 'opening' },
  activation: { event: { kind: 'activation', generation: 'ix_new' as IndexId, dropsMissing: true }, from: ['following'], to: 'sealing' },
  sealed: { event: { kind: 'sealed' }, from: ['sealing'], to: 'draining' },
  drained: { event: { kind: 'drained' }, from: ['draining'], to: 'closing' },
  'given-up': { event: { kind: 'given-up', fault: 'why' }, from: ['sealing', 'draining'], to: 'unsealing' },
  unsealed: { event: { kind: 'unsealed' }, from: ['unsealing'], to: 'following' },
  closed: { event: { kind: 'closed', feed: FEED }, from: ['closing'], to: 'switching' },
  switched: { event: { kind: 'switched' }, from: ['switching'], to: 'following' },
  erasure: {
    event: { kind: 'erasure' },
    from: ['opening', 'clearing', 'filling', 'comparing', 'following', 'erasing'],
    to: 'erasing',
  },
};

describe('the generations of an index', () => {
  it.each(Object.entries(EVENTS))('[B31] accept "%s" only in the phases that it belongs to', (_, { event, from, to }) => {
    for (const phase of PHASES) {
      const next = transition(at(phase), 7, event);
      if (!from.includes(phase)) expect(next).toMatchObject({ error: { code: 'state_conflict' } });
      else expect(next).toMatchObject({ value: { version: 8, shadow: { phase: event.kind === 'followed' ? phase : to } } });
    }
  });

  it('[B31] are not changed by a run with an older version; each run claims them', () => {
    for (const { event } of Object.values(EVENTS)) {
      expect(transition(at('following'), 6, event)).toMatchObject({ error: { code: 'stale_fence' } });
    }
    expect(transition(at('draining'), 7, { kind: 'claimed' })).toEqual({ ok: true, value: { ...at('draining'), version: 8 } });
    expect(transition({ ...at('filling'), shadow: null }, 7, { kind: 'claimed' })).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('[B33][B34] are switched in exactly one step', () => {
    const drained = transition(at('draining'), 7, { kind: 'drained' });
    expect(drained).toMatchObject({
      value: {
        serving: { id: 'ix_new' },
        shadow: { manifest: { id: 'ix_old' }, phase: 'closing', hasServed: true, feed: { 0: { lsn: 1 } } },
      },
    });
    for (const phase of PHASES) {
      for (const { event } of Object.values(EVENTS)) {
        const next = transition(at(phase), 7, event);
        if (next.ok && !(phase === 'draining' && event.kind === 'drained')) expect(next.value.serving.id).toBe('ix_old');
      }
    }
    const wrong = { kind: 'activation', generation: 'ix_other' as IndexId, dropsMissing: false } as const;
    expect(transition(at('following'), 7, wrong)).toMatchObject({ error: { code: 'state_conflict' } });
  });

  it('[B45] record how far receipts were copied, and start again in the other direction', () => {
    const followed = transition(at('draining'), 7, EVENTS.followed.event);
    expect(followed).toMatchObject({ value: { shadow: { receipts: { shard: 4 } } } });
    const known = { receipts: { shard: 4 } };
    expect(transition(at('closing', known), 7, EVENTS.closed.event)).toMatchObject({ value: { shadow: { receipts: null } } });
    expect(transition(at('following', known), 7, EVENTS.lost.event)).toMatchObject({ value: { shadow: known } });
  });

  it('[B32] count copied vectors, and start again if changes were lost', () => {
    const copied = transition(at('filling'), 7, { ...EVENTS.copied.event, isWhole: false } as GenerationEvent);
    expect(copied).toMatchObject({ value: { shadow: { phase: 'filling', copied: 5, tokens: 9, filled: { id: 'a' } } } });
    expect(transition(at('filling'), 7, { kind: 'lost' })).toMatchObject({ value: { shadow: { feed: null, filled: null } } });
  });
});

describe('the access mode of a shard', () => {
  it('[B33] admits only its callers, and while closed only followers of the newest run', () => {
    const calls = [
      [CLIENT, false],
      [CLIENT, true],
      [followerWith(5), false],
      [followerWith(5), true],
      [followerWith(4), true],
      [followerWith(6), true],
      [INDEX_OBJECT, false],
      [INDEX_OBJECT, true],
    ] as const;
    const verdicts = (mode: 'open' | 'sealed' | 'closed') =>
      calls.map(([caller, isWrite]) => {
        const admitted = admit({ mode, fencingToken: 5 }, caller, isWrite);
        return admitted.ok ? 'in' : admitted.error.code;
      });
    expect(verdicts('open')).toEqual(['in', 'in', 'in', 'stale_fence', 'stale_fence', 'stale_fence', 'in', 'in']);
    expect(verdicts('sealed')).toEqual(['in', 'index_moving', 'in', 'stale_fence', 'stale_fence', 'stale_fence', 'in', 'in']);
    expect(verdicts('closed')).toEqual(['index_moving', 'index_moving', 'in', 'in', 'stale_fence', 'in', 'in', 'in']);
  });
});
