import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { SHARED_WORK_BOUNDS } from '../../contract/api/shared-work.ts';
import { TENANCY_LIMITS } from '../../contract/tenancy/tenancy-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { OrganisationId } from '../../kernel/ids.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import { inTime } from '../../kernel/timer.ts';
import type { Timer } from '../../kernel/timer.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { AuthorityWatcher } from '../../tenancy/authority-watchers.ts';

interface WatchesParts {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly wakeUps: WakeUps;
  readonly isolate: string;
  /** See `OrganisationService.watch`. Rejects where the organisation cannot be reached. */
  readonly ask: (organisation: OrganisationId, watcher: AuthorityWatcher, waitMs: number) => Promise<number>;
  /** Something has changed for the keys or tenants of the organisation. */
  readonly onChange: (organisation: OrganisationId) => void;
}

/** A call that has lasted for so long that it is watched, as data. */
export interface LongCall {
  readonly organisation: OrganisationId;
  /** At which its right was last found in force. */
  version: number;
  lookedAtMs: number;
}

/** What an isolate knows of an organisation with long calls. */
interface Watched {
  /** The newest version that is known. */
  version: number;
  /** What the organisation was last told that all calls have settled at. */
  settled: number;
  /** When what waits at the organisation was last seen alive. */
  beatAtMs: number;
  /** After a question that failed; until then no other is asked. */
  retryAtMs: number;
  readonly calls: Set<LongCall>;
}

/** A question whose leader has not been seen for so long died with its request. */
const LEADER_LOST_MS = 2 * TENANCY_LIMITS.authorityLookMs;
/** So much longer than it may wait there, a question is on its way. */
const MARGIN_MS = API_LIMITS.controlTimeoutMs;

/**
 * The organisations of an isolate's long calls. For each, one question waits at the organisation's object until something changes, whatever the
 * number of calls: whichever call looks next asks it, and all look at what has come of it (DESIGN rule 11). [T120]
 */
export class AuthorityWatches {
  readonly #parts: WatchesParts;
  readonly #organisations = new Map<OrganisationId, Watched>();
  readonly #questions: SharedWork<number>;

  constructor(parts: WatchesParts) {
    this.#parts = parts;
    const bounds = { ...SHARED_WORK_BOUNDS, leaderMaxMs: TENANCY_LIMITS.authorityWatchMs + 2 * MARGIN_MS };
    this.#questions = new SharedWork({ ...parts, bounds });
  }

  /** `version`: at which the right of the call was found in force. */
  join(organisation: OrganisationId, version: number): LongCall {
    const nowMs = this.#parts.clock.nowMs();
    const known = this.#organisations.get(organisation);
    const watched = known ?? { version, settled: version, beatAtMs: nowMs, retryAtMs: 0, calls: new Set() };
    this.#organisations.set(organisation, watched);
    const call: LongCall = { organisation, version, lookedAtMs: nowMs };
    watched.calls.add(call);
    this.#raise(organisation, watched, version);
    return call;
  }

  leave(call: LongCall): void {
    const { organisation } = call;
    const watched = this.#organisations.get(organisation);
    if (watched?.calls.delete(call) !== true || watched.calls.size > 0) return;
    if (this.#questions.find(organisation) === undefined) this.#organisations.delete(organisation);
    if (watched.settled < watched.version) this.#parts.wakeUps.keepAlive(this.#takeLeave(organisation, watched));
  }

  /** Whether a call's right, found in force at its version, is so still, as far as is known. Asks the organisation, if no other call does. */
  isLasting(call: LongCall): boolean {
    const { organisation } = call;
    const watched = this.#organisations.get(organisation);
    if (watched === undefined) return false;
    call.lookedAtMs = this.#parts.clock.nowMs();
    const isWatching = this.#isAsking(organisation, watched);
    if (!isWatching && call.lookedAtMs >= watched.retryAtMs) void this.#ask(organisation, watched);
    return isWatching && call.version >= watched.version;
  }

  #isAsking(organisation: OrganisationId, { beatAtMs }: Watched): boolean {
    if (this.#questions.find(organisation) === undefined) return false;
    if (Math.abs(this.#parts.clock.nowMs() - beatAtMs) <= LEADER_LOST_MS) return true;
    this.#questions.drop(organisation);
    return false;
  }

  async #ask(organisation: OrganisationId, watched: Watched): Promise<void> {
    const { clock } = this.#parts;
    watched.beatAtMs = clock.nowMs();
    try {
      await this.#questions.lead([organisation], () => this.#answered(organisation, watched));
    } catch {
      watched.retryAtMs = clock.nowMs() + TENANCY_LIMITS.authorityLookMs;
    }
  }

  /** The version that the organisation answers. What is to be done then is done here: the request that asks may be over. */
  async #answered(organisation: OrganisationId, watched: Watched): Promise<number> {
    const { timer, ask, isolate } = this.#parts;
    const known = watched.version;
    watched.settled = this.#settledAt(watched);
    const waitMs = watched.settled < known ? TENANCY_LIMITS.authorityWatchBehindMs : TENANCY_LIMITS.authorityWatchMs;
    const still = this.#beating(watched);
    try {
      const version = await inTime(ask(organisation, { isolate, known, settled: watched.settled }, waitMs), waitMs + MARGIN_MS, timer);
      if (version === undefined) throw new Error('the organisation did not answer');
      this.#raise(organisation, watched, version);
      this.#settledAt(watched);
      if (watched.calls.size === 0) {
        // All ended while the question waited. A call that joined anew since has another record.
        if (this.#organisations.get(organisation) === watched) this.#organisations.delete(organisation);
        if (watched.settled < watched.version) await this.#takeLeave(organisation, watched);
      }
      return version;
    } finally {
      still();
    }
  }

  /** Shows that the request that asks is alive. Answers how to end that. */
  #beating(watched: Watched): () => void {
    const { timer, clock } = this.#parts;
    let callOff: (() => void) | undefined;
    const beat = (): void => {
      watched.beatAtMs = clock.nowMs();
      callOff = timer.after(TENANCY_LIMITS.authorityLookMs, beat);
    };
    beat();
    return () => callOff?.();
  }

  /** At which all calls are known to be in force. Those that have not looked for long died with their requests. */
  #settledAt({ calls, version }: Watched): number {
    const nowMs = this.#parts.clock.nowMs();
    for (const call of calls) if (Math.abs(nowMs - call.lookedAtMs) >= TENANCY_LIMITS.authorityCallLostMs) calls.delete(call);
    return Math.min(version, ...[...calls].map((call) => call.version));
  }

  #raise(organisation: OrganisationId, watched: Watched, version: number): void {
    if (version <= watched.version) return;
    watched.version = version;
    this.#parts.onChange(organisation);
  }

  /** Tells the organisation that no call of this isolate is left: it waits for that after a change. It never rejects. */
  async #takeLeave(organisation: OrganisationId, watched: Watched): Promise<void> {
    const { ask, isolate } = this.#parts;
    watched.settled = watched.version;
    await ask(organisation, { isolate, known: watched.version, settled: null }, 0).catch(() => undefined);
  }
}
