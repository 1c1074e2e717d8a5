import type { CacheBounds } from '../../cache/eviction.ts';
import { accepts } from '../../cache/cache-directives.ts';
import type { CacheDirectives } from '../../cache/cache-directives.ts';
import { LruCache } from '../../cache/lru-cache.ts';
import type { FillStamp } from '../../cache/purge-predicate.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { ErrorCode, Refusal } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { SHARED_WORK_BOUNDS, sharedRefusal } from '../../contract/api/shared-work.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Flight, Joined, NotShared, SharedWorkBounds } from '../../kernel/shared-work.ts';
import { SharedWork } from '../../kernel/shared-work.ts';
import type { WakeUps } from '../../kernel/wake-ups.ts';
import type { CacheReport, Forwarding, VectorSource } from './cache-report.ts';
import type { HeldEntry, Holding } from './cache-holdings.ts';
import { CacheHoldings } from './cache-holdings.ts';
import type { CurrentView } from './purge-views.ts';

/** What a request asks of the cache. */
export interface AnswerTerms {
  /** How long what is made now may answer. */
  readonly ttlMs: number;
  readonly directives: CacheDirectives;
  readonly tags: readonly string[];
}

export interface Question {
  readonly tenantId: TenantId;
  /** Names what is asked, its kind first: `query:` and a digest. So kinds never meet, and purges of texts take none. */
  readonly digest: string;
  /** What the answer also depends on: the state of an index, the contract of a model. */
  readonly basis: string;
  /** The model by which purges find the answer. */
  readonly model: string;
  readonly modelVersion: string;
  /** Further names of what may make it, by which purges find it while it is made. */
  readonly otherModels?: readonly string[];
  /** The caller wants a fresh answer, which is not shared with others. */
  readonly isUnshared: boolean;
  readonly terms: AnswerTerms;
  readonly view: CurrentView;
}

/** What a kind of answers promises, so that they may be given again. */
export interface AnswerContract<A> extends CacheBounds {
  /** One answer must not push out all others. */
  readonly entryBytesMax: number;
  readonly bytesOf: (answer: A) => number;
  /** The basis that it was made on, which may be newer than the one that was asked on. */
  readonly basisOf: (answer: A) => string;
  /** The names of what made it, besides the question's model; absent: those of the question. */
  readonly otherModelsOf?: (answer: A) => readonly string[];
  /** The form for callers that joined another's flight: it took them no tokens. */
  readonly repeated: (answer: A) => A;
}

export interface Answered<A> {
  readonly answer: A;
  readonly report: CacheReport;
}

interface AnswerCacheParts<A> {
  readonly contract: AnswerContract<A>;
  readonly clock: Clock;
  readonly wakeUps: WakeUps;
  /** Of the making of an answer, and of requests that wait for it. Absent: those of most work that is shared. */
  readonly bounds?: SharedWorkBounds;
  /** What tenants hold in several caches that count as one. Absent: in this one. */
  readonly holdings?: CacheHoldings;
}

interface Entry<A> extends FillStamp, HeldEntry {
  readonly answer: A;
  readonly storedAtMs: number;
  readonly tags: readonly string[];
}

/**
 * Answers of one kind that an isolate gives again: for the same tenant, question and basis, under the terms of each request and the purges
 * of its tenant. SPEC: src/cache/SPEC.md.
 */
export class AnswerCache<A> {
  readonly #parts: AnswerCacheParts<A>;
  readonly #entries: LruCache<Entry<A>>;
  readonly #flights: SharedWork<Outcome<A>>;
  readonly #holdings: CacheHoldings;

  constructor(parts: AnswerCacheParts<A>) {
    this.#parts = parts;
    this.#holdings = parts.holdings ?? new CacheHoldings();
    this.#entries = new LruCache(parts.contract, { onRemoved: (entry, why) => this.#holdings.remove(entry, why) });
    this.#flights = new SharedWork({ bounds: SHARED_WORK_BOUNDS, ...parts });
  }

  /** Entries and bytes of all tenants together. */
  get held(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries.size, bytes: this.#entries.bytes };
  }

  /** What the cache holds of one tenant's answers. Reports evictions once. */
  read(tenantId: TenantId): Holding {
    return this.#holdings.read(tenantId);
  }

  /**
   * Refuses with `not_cached` when the request wants nothing made, and as `make` does. `waitMs`: how long it may wait for the answer of
   * another request; then it is refused with `deadline_exceeded`.
   */
  async answer(question: Question, make: () => Promise<Outcome<A>>, waitMs = Infinity): Promise<Outcome<Answered<A>>> {
    const { terms, basis } = question;
    const forwarded = forwardingOf(question);
    const flightKey = [keyOf(question, basis), ...terms.tags.toSorted()].join('\n');
    const waitMaxMs = Math.min(waitMs, this.#flights.waitBudget().leftMs);
    const waitBudget = { leftMs: waitMaxMs };
    for (;;) {
      const held = forwarded === 'miss' ? this.#find(question) : undefined;
      if (held !== undefined) return ok(held);
      if (terms.directives.onlyIfCached) return NOT_CACHED;
      const flight = forwarded === 'miss' ? this.#joinable(question, flightKey) : undefined;
      if (flight === undefined) return this.#lead(question, flightKey, forwarded, make);
      const joined = await this.#flights.join(flight, waitBudget);
      if (joined.kind === 'abandoned' || isOutOfTime(joined)) continue;
      if (joined.kind === 'failed') throw joined.thrown;
      if (joined.kind !== 'done') return err(unshared(joined.kind, waitMaxMs));
      const shared = joined.value;
      // A refusal for the leader does not apply to this caller.
      if (!shared.ok && OWN_REFUSALS.has(shared.error.code)) return this.#lead(question, flightKey, forwarded, make);
      if (!shared.ok) return shared;
      return ok({ answer: this.#parts.contract.repeated(shared.value), report: reportOf('joined', { forwarded }) });
    }
  }

  /** What is held and may answer now. */
  peek(question: Question): Answered<A> | undefined {
    return forwardingOf(question) === 'miss' ? this.#find(question) : undefined;
  }

  /** Keeps an answer that was made together with others, if the question permits. */
  add(question: Question, answer: A): Answered<A> {
    this.#store(question, answer);
    return { answer, report: this.#madeReport(question, forwardingOf(question), answer) };
  }

  /** How a question is reported that is not held, and whose answer is added when it is there. */
  missReport(question: Question): CacheReport {
    const stored = question.terms.directives.store && !question.isUnshared;
    return reportOf('computed', { forwarded: forwardingOf(question), ...(stored ? { stored, ttlMs: question.terms.ttlMs } : {}) });
  }

  #find(question: Question): Answered<A> | undefined {
    const { terms, view } = question;
    const nowMs = this.#parts.clock.nowMs();
    const found = this.#entries.getStale(keyOf(question, question.basis), nowMs);
    if (found === undefined) return undefined;
    const { value: entry, expiresAtMs } = found;
    const otherModels = this.#parts.contract.otherModelsOf?.(entry.answer) ?? question.otherModels ?? [];
    const verdict = view.log.verdictOf({ ...question, ...entry, otherModels });
    if (verdict.kind === 'purged' || !terms.tags.every((tag) => entry.tags.includes(tag))) return undefined;
    const leftMs = expiresAtMs - nowMs;
    const ttlMs = verdict.kind === 'soft-purged' ? Math.min(leftMs, verdict.sinceMs - view.logTimeMs) : leftMs;
    const ageMs = Math.max(0, nowMs - entry.storedAtMs);
    if (!accepts(terms.directives, ageMs, ttlMs)) return undefined;
    return { answer: entry.answer, report: reportOf('memory', { agesMs: [ageMs], ttlMs }) };
  }

  /** The same under way, unless it began before a purge that takes its answer. */
  #joinable(question: Question, flightKey: string): Flight<Outcome<A>> | undefined {
    const flight = this.#flights.find(flightKey)?.flight;
    if (flight === undefined) return undefined;
    const stamp = { position: flight.mark, knownMs: -Infinity };
    return question.view.log.verdictOf({ ...question, ...stamp, tags: question.terms.tags }).kind === 'valid' ? flight : undefined;
  }

  async #lead(
    question: Question,
    flightKey: string,
    forwarded: Forwarding,
    make: () => Promise<Outcome<A>>,
  ): Promise<Outcome<Answered<A>>> {
    const { stamp } = question.view;
    const made = await this.#flights.lead([flightKey], () => this.#makeAndStore(question, make), stamp.position);
    return made.ok ? ok({ answer: made.value, report: this.#madeReport(question, forwarded, made.value) }) : made;
  }

  async #makeAndStore(question: Question, make: () => Promise<Outcome<A>>): Promise<Outcome<A>> {
    const made = await make();
    if (made.ok) this.#store(question, made.value);
    return made;
  }

  #madeReport(question: Question, forwarded: Forwarding, answer: A): CacheReport {
    const kept = this.#keeps(question, answer) ? { stored: true, ttlMs: question.terms.ttlMs } : {};
    return reportOf('computed', { forwarded, ...kept });
  }

  #store(question: Question, answer: A): void {
    if (!this.#keeps(question, answer)) return;
    const { contract, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const { ttlMs, tags } = question.terms;
    const key = keyOf(question, contract.basisOf(answer));
    const { stamp } = question.view;
    const known = this.#entries.getStale(key, nowMs)?.value;
    if (known !== undefined && known.position > stamp.position) return;
    const bytes = contract.bytesOf(answer);
    const held = this.#holdings.add(question.tenantId, bytes);
    this.#entries.set(key, { answer: contract.repeated(answer), storedAtMs: nowMs, tags, ...stamp, ...held }, bytes, nowMs + ttlMs);
  }

  #keeps({ terms, isUnshared }: Question, answer: A): boolean {
    const { bytesOf, entryBytesMax } = this.#parts.contract;
    return terms.directives.store && !isUnshared && bytesOf(answer) <= entryBytesMax;
  }
}

export const NOT_CACHED = refuse('not_cached', 'the answer is not cached, and `only-if-cached` forbids computing it');

/** A request that waits has a deadline, unlike others that wait. */
const unshared = (reason: NotShared, waitMaxMs: number): Refusal =>
  reason === 'late'
    ? refusal(
        'deadline_exceeded',
        `the answer, which another request makes, was not there within ${Math.round(waitMaxMs)} ms, as long as this one may wait`,
      )
    : sharedRefusal(reason, 'the answer, which another request makes,');

/** The leader has left, or had less time than others: one of those that wait leads now. */
const isOutOfTime = (joined: Joined<Outcome<unknown>>): boolean =>
  joined.kind === 'done' && !joined.value.ok && joined.value.error.code === 'deadline_exceeded';

/** Refusals that are about what the caller may spend. */
const OWN_REFUSALS: ReadonlySet<ErrorCode> = new Set(['rate_limit_exceeded', 'insufficient_quota', 'limit_exceeded']);

const keyOf = ({ tenantId, digest }: Question, basis: string): string => `${tenantId}:${digest}:${basis}`;

/** Why the cache may not answer; `miss` when it may. */
function forwardingOf({ view, isUnshared, terms }: Question): 'bypass' | 'request' | 'miss' {
  if (!view.complete || isUnshared) return 'bypass';
  return terms.directives.bypass ? 'request' : 'miss';
}

function reportOf(
  source: VectorSource,
  reported: { forwarded?: Forwarding; agesMs?: readonly number[]; ttlMs?: number; stored?: boolean },
): CacheReport {
  const { forwarded, agesMs = [], ttlMs, stored = false } = reported;
  return { sources: [source], agesMs, ttlMs, forwarded, shared: { asked: 0, found: 0 }, stored: { memory: stored, shared: false } };
}
