import { must } from '../../kernel/assert.ts';
import { keyHash } from '../../kernel/fast-hash.ts';
import type { Target } from '../target.ts';
import { targetId } from '../target.ts';
import type { TargetState } from './target-state.ts';

/** A target that holds a prefix is preferred until it has so many times its share of the outstanding work ... */
const SHARE_MAX = 1.25;
/** ... or as long as it has so few calls that balancing them gains nothing. */
const CALLS_MIN = 4;

export interface Choosable {
  readonly target: Target;
  readonly state: TargetState;
}

/**
 * The target that a request goes to, of those that could serve it now. [U55] Requests with a prefix go where the prefix went before, by
 * weighted rendezvous hashing with bounded load: when a target goes or comes, only its own prefixes move. Others go to the less loaded of
 * two targets drawn by weight. `random`: uniform in [0, 1).
 */
export function chooseTarget<T extends Choosable>(
  from: readonly T[],
  request: { readonly tokensMax: number; readonly prefixKey?: string },
  random: () => number,
  nowMs: number,
): T {
  const first = must(from[0], 'there is a target to choose');
  if (from.length === 1) return first;
  const { prefixKey } = request;
  const tokensMax = Math.max(1, request.tokensMax);
  const held = prefixKey === undefined ? undefined : holderOf(from, prefixKey, tokensMax);
  if (held !== undefined) return held;
  const one = drawn(from, random);
  const other = drawn(
    from.filter((choosable) => choosable !== one),
    random,
  );
  const cost = ({ state, target }: T): number => state.cost(tokensMax, target.weight, nowMs);
  return cost(other) < cost(one) ? other : one;
}

function holderOf<T extends Choosable>(from: readonly T[], prefixKey: string, tokensMax: number): T | undefined {
  const weights = from.reduce((sum, { target }) => sum + target.weight, 0);
  const outstanding = from.reduce((sum, { state }) => sum + state.outstandingTokens, tokensMax);
  const ranked = from
    .map((choosable) => ({ choosable, score: scoreOf(choosable.target, prefixKey) }))
    .toSorted((a, b) => b.score - a.score);
  return ranked.find(({ choosable: { state, target } }) => {
    const share = (outstanding * target.weight) / weights;
    return state.outstandingCalls < CALLS_MIN || state.outstandingTokens <= SHARE_MAX * share;
  })?.choosable;
}

/** Weighted rendezvous: a target is first for a share of all keys that is its share of the weights. */
function scoreOf(target: Target, prefixKey: string): number {
  const uniform = (keyHash(`${prefixKey}\n${targetId(target)}`) + 0.5) / 2 ** 32;
  return -target.weight / Math.log(uniform);
}

function drawn<T extends Choosable>(from: readonly T[], random: () => number): T {
  const weights = from.reduce((sum, { target }) => sum + target.weight, 0);
  let left = random() * weights;
  for (const choosable of from) {
    left -= choosable.target.weight;
    if (left < 0) return choosable;
  }
  return must(from.at(-1), 'there is a target to draw');
}
