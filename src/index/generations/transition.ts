import type { CutCounts } from '../../contract/embeddings/truncation.ts';
import { bothCut, NOTHING_CUT } from '../../contract/embeddings/truncation.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GenerationEvent, Generations, Phase, Shadow } from './generation-state.ts';

/**
 * The generations after an event, reported by the run that read `version`. Refuses with `stale_fence` a version that is no longer the
 * newest, and with `state_conflict` an event that does not follow from the present phase. Every step may be repeated before it is reported.
 */
export function transition(known: Generations, version: number, event: GenerationEvent): Outcome<Generations> {
  const { shadow } = known;
  if (shadow === null) return refuse('state_conflict', 'the index has one generation only: create another first');
  if (version !== known.version) return refuse('stale_fence', 'the generations have changed meanwhile');
  if (event.kind !== 'claimed' && !FROM[event.kind].includes(shadow.phase)) return conflict(shadow.phase, event.kind);
  if (event.kind === 'drained') return ok(exchanged(known, shadow));
  if (event.kind === 'activation' && event.generation !== shadow.manifest.id) {
    return refuse('state_conflict', 'the generation is not the one that is ready to serve', 'generation');
  }
  return ok({ serving: known.serving, version: version + 1, shadow: { ...shadow, ...changesBy(event, shadow) } });
}

type Kind = GenerationEvent['kind'];

/** The phases in which each event is possible; a run may claim the work in any. */
const FROM: Readonly<Record<Exclude<Kind, 'claimed'>, readonly Phase[]>> = {
  opened: ['opening'],
  cleared: ['clearing'],
  copied: ['filling'],
  compared: ['comparing', 'following'],
  followed: ['filling', 'comparing', 'following', 'draining'],
  lost: ['clearing', 'filling', 'comparing', 'following'],
  activation: ['following'],
  sealed: ['sealing'],
  drained: ['draining'],
  'given-up': ['sealing', 'draining'],
  unsealed: ['unsealing'],
  closed: ['closing'],
  switched: ['switching'],
  erasure: ['opening', 'clearing', 'filling', 'comparing', 'following', 'erasing'],
};

type PlainKind = 'claimed' | 'cleared' | 'lost' | 'sealed' | 'drained' | 'unsealed' | 'switched' | 'erasure';
type PlainEvent = Extract<GenerationEvent, { kind: PlainKind }>;

/** For events without data. What `drained` does is `exchanged`. */
const STEPS: Readonly<Record<PlainKind, Partial<Shadow>>> = {
  claimed: {},
  drained: {},
  cleared: { phase: 'filling', filled: null, copied: 0, cut: NOTHING_CUT },
  // The followed positions are lost: everything is copied again, after clearing.
  lost: { phase: 'opening', feed: null, filled: null, comparison: null },
  sealed: { phase: 'draining' },
  unsealed: { phase: 'following' },
  switched: { phase: 'following', comparison: null },
  erasure: { phase: 'erasing' },
};

const isPlain = (event: GenerationEvent): event is PlainEvent => event.kind in STEPS;

function changesBy(event: GenerationEvent, { phase, copied, tokens, cut }: Shadow): Partial<Shadow> {
  if (isPlain(event)) return STEPS[event.kind];
  switch (event.kind) {
    case 'opened':
      return { phase: 'clearing', feed: event.feed };
    case 'copied': {
      const grown = { filled: event.filled, copied: copied + event.count, tokens: tokens + event.tokens, ...grownCut(cut, event.cut) };
      return { ...grown, phase: event.isWhole ? 'comparing' : phase };
    }
    case 'compared':
      return { phase: 'following', comparison: event.comparison };
    case 'followed':
      return {
        feed: event.feed,
        receipts: event.receipts,
        copied: copied + event.count,
        tokens: tokens + event.tokens,
        ...grownCut(cut, event.cut),
      };
    case 'activation':
      return { phase: 'sealing', fault: null, dropsMissing: event.dropsMissing };
    case 'given-up':
      return { phase: 'unsealing', fault: event.fault };
    case 'closed':
      // The other way round, now: of other objects.
      return { phase: 'switching', feed: event.feed, receipts: null };
  }
}

const grownCut = (before: CutCounts = NOTHING_CUT, more: CutCounts | undefined): Pick<Shadow, 'cut'> =>
  more === undefined ? {} : { cut: bothCut(before, more) };

/** The one moment at which another generation serves. */
function exchanged({ serving, version }: Generations, shadow: Shadow): Generations {
  return {
    version: version + 1,
    serving: shadow.manifest,
    shadow: { ...shadow, manifest: serving, phase: 'closing', hasServed: true },
  };
}

const conflict = (phase: Phase, kind: string) =>
  refuse('state_conflict', `the other generation is ${phase}: "${kind}" is not possible in this phase`);
