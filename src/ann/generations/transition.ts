import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import { ok } from '../../kernel/result.ts';
import type { GenerationEvent, Generations, Phase, Shadow } from './generation-state.ts';

/**
 * The generations after an event, told by whoever read `version`. Refuses with `stale_fence` a version that is no longer the newest,
 * and with `state_conflict` what does not go on from the present phase. Every step may be done again before it is told.
 */
export function transition(known: Generations, version: number, event: GenerationEvent): Outcome<Generations> {
  const { shadow } = known;
  if (shadow === null) return refuse('state_conflict', 'the index has one generation only: create another first');
  if (version !== known.version) return refuse('stale_fence', 'the generations have changed meanwhile');
  const next = (changes: Partial<Shadow>): Outcome<Generations> =>
    ok({ serving: known.serving, version: version + 1, shadow: { ...shadow, ...changes } });
  const from = (phases: readonly Phase[], changes: Partial<Shadow>): Outcome<Generations> =>
    phases.includes(shadow.phase) ? next(changes) : conflict(shadow.phase, event.kind);
  switch (event.kind) {
    case 'claimed':
      return next({});
    case 'opened':
      return from(['opening'], { phase: 'clearing', feed: event.feed });
    case 'cleared':
      return from(['clearing'], { phase: 'filling', filled: null, copied: 0 });
    case 'copied': {
      const { filled, count, tokens, isWhole } = event;
      const grown = { filled, copied: shadow.copied + count, tokens: shadow.tokens + tokens };
      return from(['filling'], { ...grown, phase: isWhole ? 'comparing' : 'filling' });
    }
    case 'compared':
      return from(['comparing', 'following'], { phase: 'following', comparison: event.comparison });
    case 'followed': {
      const { feed, count, tokens } = event;
      return from(FOLLOWING, { feed, copied: shadow.copied + count, tokens: shadow.tokens + tokens });
    }
    case 'lost':
      // What was followed is not known any more: everything is copied anew, over a clean sheet.
      return from(['clearing', 'filling', 'comparing', 'following'], { phase: 'opening', feed: null, filled: null, comparison: null });
    case 'activation':
      if (event.generation !== shadow.manifest.id)
        return refuse('state_conflict', 'the generation is not the one that waits', 'generation');
      return from(['following'], { phase: 'sealing', fault: null, dropsMissing: event.dropsMissing });
    case 'sealed':
      return from(['sealing'], { phase: 'draining' });
    case 'given-up':
      return from(['sealing', 'draining'], { phase: 'unsealing', fault: event.fault });
    case 'unsealed':
      return from(['unsealing'], { phase: 'following' });
    case 'drained':
      return shadow.phase === 'draining' ? ok(exchanged(known, shadow)) : conflict(shadow.phase, event.kind);
    case 'closed':
      return from(['closing'], { phase: 'switching', feed: event.feed });
    case 'switched':
      return from(['switching'], { phase: 'following', comparison: null });
    case 'erasure':
      return from(ERASABLE, { phase: 'erasing' });
  }
}

const FOLLOWING: readonly Phase[] = ['filling', 'comparing', 'following', 'draining'];
const ERASABLE: readonly Phase[] = ['opening', 'clearing', 'filling', 'comparing', 'following', 'erasing'];

/** The one moment at which another generation serves. */
function exchanged({ serving, version }: Generations, shadow: Shadow): Generations {
  return {
    version: version + 1,
    serving: shadow.manifest,
    shadow: { ...shadow, manifest: serving, phase: 'closing', hasServed: true },
  };
}

const conflict = (phase: Phase, kind: string) =>
  refuse('state_conflict', `the other generation is ${phase}, from where "${kind}" does not go on`);
