import { API_LIMITS } from '../../contract/api/api-limits.ts';
import type { Timer } from '../../kernel/timer.ts';
import { inTime } from '../../kernel/timer.ts';
import type { UseAnswer, UseAsk } from '../../tenancy/quota/shared-use.ts';
import type { Slice } from '../../tenancy/quota/window.ts';
import type { Admission, Admitted, UpstreamAdmission } from '../../upstreams/serving/admission.ts';
import { UNLIMITED } from '../../upstreams/serving/admission.ts';
import { lostAtMs } from '../../upstreams/serving/places.ts';
import type { Target } from '../../upstreams/target.ts';

/** What counts the uses of one upstream: see `UpstreamUseObject`. */
export interface UpstreamUses {
  begin(ask: UseAsk): Promise<UseAnswer>;
  end(id: string, unused: Slice | undefined): Promise<void>;
}

interface LimitsParts {
  readonly uses: (upstreamId: string) => UpstreamUses;
  readonly newId: () => string;
  readonly timer: Timer;
  /** Keeps what is sent at the end of a call going when its request is over. */
  readonly background: (work: Promise<unknown>) => void;
}

/** While what counts cannot be reached nothing is sent to the upstream: its limits come first. */
const UNREACHED: Admitted = { kind: 'full', of: 'requests', retryAfterMs: 1_000 };

/** Keeps the limits of upstreams over all isolates, by one call before and one after each use; upstreams without limits cost none. [U61] */
export class SharedUpstreamLimits implements UpstreamAdmission {
  readonly #parts: LimitsParts;

  constructor(parts: LimitsParts) {
    this.#parts = parts;
  }

  async admit(target: Target, tokensMax: number): Promise<Admitted> {
    const { limits, upstreamId } = target;
    const { newId, uses, timer } = this.#parts;
    if (Object.values(limits).every((limit) => limit === undefined)) return UNLIMITED;
    const id = newId();
    const tokens = limits.tokensPerMinute === undefined ? 0 : tokensMax;
    const begun = uses(upstreamId).begin({ id, tokens, limits, lifeMs: lostAtMs(target, 0) });
    const answer = await inTime(
      begun.catch(() => undefined),
      API_LIMITS.controlTimeoutMs,
      timer,
    );
    if (answer === undefined) {
      // It may have been granted all the same.
      this.#end(upstreamId, id, undefined);
      return UNREACHED;
    }
    if (answer.kind !== 'granted') return answer;
    return { kind: 'admitted', admission: this.#admission(upstreamId, id, answer.slice, tokens) };
  }

  #admission(upstreamId: string, id: string, { startsMs }: Slice, tokens: number): Admission {
    return {
      end: (tokensUsed = tokens) => {
        const unused = Math.max(0, tokens - tokensUsed);
        this.#end(upstreamId, id, unused === 0 ? undefined : { units: { tokens: unused }, startsMs });
      },
    };
  }

  #end(upstreamId: string, id: string, unused: Slice | undefined): void {
    const { background, uses } = this.#parts;
    // A permit whose end does not arrive is free when its life is over.
    background(
      uses(upstreamId)
        .end(id, unused)
        .catch(() => undefined),
    );
  }
}
