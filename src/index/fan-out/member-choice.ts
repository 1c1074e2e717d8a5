import { VECTOR_LIMITS } from '../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { ABSENCES } from './fan-out.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

interface Experience {
  underWay: number;
  latencyMs: number;
  atMs: number;
}

/** Which of several objects to ask that can answer as well: the one where an answer is expected soonest, by what they did lately. */
export class MemberChoice {
  // In the order of their last use: the first was not used for longest.
  readonly #known = new Map<string, Experience>();
  #turn = 0;

  /** By name, the one to ask first. Unknown ones are tried; equal ones take turns. */
  ranked(names: readonly string[], nowMs: number): string[] {
    this.#turn += 1;
    const turned = names.map((_, i) => names[(i + this.#turn) % names.length] ?? '');
    const expected = new Map(turned.map((name) => [name, this.#expectedMs(name, nowMs)]));
    return turned.sort((a, b) => (expected.get(a) ?? 0) - (expected.get(b) ?? 0));
  }

  /** Follows a call: waits for it and answers what it does. */
  async observe<T>(name: string, clock: { nowMs(): number }, call: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const startedMs = clock.nowMs();
    const experience = this.#of(name, startedMs);
    experience.underWay += 1;
    let refusedMs = 0;
    try {
      const outcome = await call();
      // A refusal comes sooner than any answer, which must not draw more calls.
      if (!outcome.ok && ABSENCES.has(outcome.error.code)) refusedMs = outcome.error.retryAfterMs ?? VECTOR_LIMITS.refusedReadMs;
      return outcome;
    } finally {
      const endedMs = clock.nowMs();
      const tookMs = Math.max(refusedMs, endedMs - startedMs);
      const kept = experience.latencyMs === 0 ? 0 : 0.8 * fresh(experience, endedMs);
      experience.latencyMs = kept * experience.latencyMs + (1 - kept) * tookMs;
      experience.underWay -= 1;
      experience.atMs = endedMs;
    }
  }

  #expectedMs(name: string, nowMs: number): number {
    const known = this.#known.get(name);
    // What was slow once is tried again some day.
    return known === undefined ? 0 : known.latencyMs * (known.underWay + 1) * fresh(known, nowMs);
  }

  #of(name: string, nowMs: number): Experience {
    const experience = this.#known.get(name) ?? { underWay: 0, latencyMs: 0, atMs: nowMs };
    this.#known.delete(name);
    this.#known.set(name, experience);
    dropOldest(this.#known, VECTOR_LIMITS.membersKnownMaxCount);
    return experience;
  }
}

const fresh = ({ atMs }: Experience, nowMs: number): number => 0.5 ** (Math.max(0, nowMs - atMs) / VECTOR_LIMITS.latencyWindowMs);
