import type { DebtFact, DebtSignal, FactKind } from '../contract/debt/debt-facts.ts';
import { DEBT_SIGNALS, FACT_KINDS } from '../contract/debt/debt-facts.ts';
import { groupBy } from '../kernel/grouped.ts';

/** The signal that a fact belongs to; of a census the one that it counts. */
export function signalOf({ kind, symbol }: Pick<DebtFact, 'kind' | 'symbol'>): DebtSignal | undefined {
  return FACT_KINDS[kind].signal ?? DEBT_SIGNALS.find((signal) => signal === symbol);
}

/** Whether a fact still holds at a time: what has expired is unknown (D2). */
export const isFresh = ({ collected_at, ttl_s }: Pick<DebtFact, 'collected_at' | 'ttl_s'>, nowS: number): boolean =>
  nowS < collected_at + ttl_s;

/** The subject of a census of all that a repository or deployment has. */
export const EVERYTHING = '.';

const keyOf = ({ kind, subject, symbol = '' }: DebtFact): string => JSON.stringify([kind, subject, symbol]);

/** The newest fresh fact about each subject and symbol. */
function newestOf(facts: readonly DebtFact[], nowS: number): ReadonlyMap<string, DebtFact> {
  const newest = new Map<string, DebtFact>();
  for (const fact of facts) {
    const key = keyOf(fact);
    if (isFresh(fact, nowS) && fact.collected_at >= (newest.get(key)?.collected_at ?? 0)) newest.set(key, fact);
  }
  return newest;
}

/** The fresh facts of a repository or deployment at one time. */
export class FactSet {
  readonly nowS: number;
  readonly #ofKind: ReadonlyMap<FactKind, readonly DebtFact[]>;
  /** Of each known signal the subjects of its censuses: `.`, which is everything, or components. */
  readonly #known = new Map<DebtSignal, Set<string>>();
  readonly #everKnown = new Set<DebtSignal>();

  /** Of several facts about the same the newest counts. Facts of a signal count only while a census of it is fresh. */
  constructor(facts: readonly DebtFact[], nowS: number) {
    this.nowS = nowS;
    for (const fact of facts) if (fact.kind === 'census') this.#addCensus(fact);
    const counted = [...newestOf(facts, nowS).values()].filter((fact) => {
      const signal = signalOf(fact);
      return signal !== undefined && this.#known.has(signal);
    });
    this.#ofKind = groupBy(counted, ({ kind }) => kind);
  }

  #addCensus(fact: DebtFact): void {
    const signal = signalOf(fact);
    if (signal === undefined) return;
    this.#everKnown.add(signal);
    if (isFresh(fact, this.nowS)) this.#known.set(signal, (this.#known.get(signal) ?? new Set()).add(fact.subject));
  }

  /** Whether a signal was measured, of everything or of a component: then having no fact means that there is nothing to find. */
  isKnown(signal: DebtSignal, component = EVERYTHING): boolean {
    const subjects = this.#known.get(signal);
    return subjects !== undefined && (subjects.has(EVERYTHING) || subjects.has(component));
  }

  isKnownAnywhere(signal: DebtSignal): boolean {
    return this.#known.has(signal);
  }

  /** Whether there is a census of the signal, though it may have expired. */
  wasEverKnown(signal: DebtSignal): boolean {
    return this.#everKnown.has(signal);
  }

  /** The fresh facts of a kind, one for each subject and symbol. */
  of(kind: FactKind): readonly DebtFact[] {
    return this.#ofKind.get(kind) ?? [];
  }
}
