import { payerOf } from '../model/job-spec.ts';
import type { JobRecord } from './job-record.ts';
import type { PrepaySettings } from './cell-settings.ts';
import type { CellDecision, PayerHold } from './records.ts';
import type { UndoLog } from '../model/undo-log.ts';

interface Ports {
  readonly undo: UndoLog;
  readonly decide: (decision: CellDecision) => void;
  readonly nowMs: () => number;
  /** Looks at all that wait again at that time. */
  readonly wakeAt: (atMs: number) => void;
}

/** A job, as far as holds go. */
interface Payable {
  readonly payer: string;
  readonly classKey: string;
}

export const payableOf = ({ spec, classKey }: Pick<JobRecord, 'spec' | 'classKey'>): Payable => ({ payer: payerOf(spec), classKey });

/** Payers that could pay for less have a hold of their own for each class of jobs that they could not pay for. */
const keyOf = ({ payer, classKey }: Payable): string => `${payer}\n${classKey}`;

const payerIn = (key: string): string => key.slice(0, key.includes('\n') ? key.indexOf('\n') : undefined);

/**
 * The payers who were refused a grant. No job of theirs is placed for a while; then one is, and only when that one gets a grant are the
 * others: so a payer without money takes one placement at a time, and rarely, from others. Where the payer has something left, that holds for jobs
 * like the one that it does not suffice for; others may need less.
 */
export class PayerHolds {
  readonly #settings: PrepaySettings | undefined;
  readonly #ports: Ports;
  readonly #byKey = new Map<string, PayerHold>();

  constructor(settings: PrepaySettings | undefined, ports: Ports) {
    this.#settings = settings;
    this.#ports = ports;
  }

  load(payers: readonly { readonly payer: string; readonly hold: PayerHold }[]): void {
    for (const { payer, hold } of payers) this.#byKey.set(payer, hold);
  }

  /** Payers who were refused. */
  get held(): readonly string[] {
    return [...new Set(Array.from(this.#byKey.keys(), payerIn))];
  }

  /** Why no job like this one is placed, and until when; undefined when nothing keeps it. */
  of(job: Payable): PayerHold | undefined {
    if (this.#byKey.size === 0) return undefined;
    const holds = [job.payer, keyOf(job)].flatMap((key) => this.#byKey.get(key) ?? []);
    return holds.filter(({ untilMs }) => untilMs > this.#ports.nowMs()).toSorted((a, b) => b.untilMs - a.untilMs)[0];
  }

  /** A job of the payer is placed: of one who was refused before, no other until that one has its answer. */
  probe(job: Payable): void {
    for (const key of [job.payer, keyOf(job)]) {
      const hold = this.#byKey.get(key);
      if (hold !== undefined && this.#settings !== undefined) this.#hold(key, this.#settings.waitMs, { ...hold, isProbed: true });
    }
  }

  /** The payer was refused, or there was no answer in time. `leftNano`: what it has left, which does not suffice for jobs like this one. */
  refuse(job: Payable, leftNano: number | null = null): void {
    if (this.#settings === undefined) return;
    const key = leftNano === null || leftNano <= 0 ? job.payer : keyOf(job);
    const before = this.#byKey.get(key);
    if (before?.isProbed === false && before.untilMs > this.#ports.nowMs()) return;
    const refusals = (before?.refusals ?? 0) + 1;
    const { retryMs, retryMaxMs } = this.#settings;
    this.#hold(key, Math.min(retryMaxMs, retryMs * 2 ** Math.min(refusals - 1, 20)), {
      refusals,
      isProbed: false,
      ...(leftNano === null ? {} : { leftNano }),
    });
  }

  /** The payer got a grant for a job like this one, to begin or to go on. Answers whether jobs were held. */
  granted(job: Payable, isFirst: boolean): boolean {
    // That one goes on says nothing of whether another may begin.
    return [job.payer, ...(isFirst ? [keyOf(job)] : [])].map((key) => this.#drop(key)).includes(true);
  }

  /** The payer may have more than before. Answers whether jobs were held. */
  release(payer: string): boolean {
    return this.#keysOf(payer)
      .map((key) => this.#drop(key))
      .includes(true);
  }

  /** Something was returned to the payer: what it could not pay for is tried again, one at a time. Answers whether jobs were held. */
  retry(payer: string): boolean {
    const held = this.#keysOf(payer).filter((key) => this.#byKey.get(key)?.isProbed === false);
    for (const key of held) {
      const hold = this.#byKey.get(key);
      if (hold !== undefined) this.#set(key, { ...hold, untilMs: this.#ports.nowMs(), refusals: 0 });
    }
    return held.length > 0;
  }

  #keysOf(payer: string): readonly string[] {
    return [...this.#byKey.keys()].filter((key) => payerIn(key) === payer);
  }

  #drop(key: string): boolean {
    if (!this.#byKey.has(key)) return false;
    this.#set(key, null);
    return true;
  }

  #hold(key: string, forMs: number, hold: Omit<PayerHold, 'untilMs'>): void {
    const untilMs = this.#ports.nowMs() + forMs;
    this.#set(key, { ...hold, untilMs });
    this.#ports.wakeAt(untilMs);
  }

  #set(key: string, hold: PayerHold | null): void {
    const before = this.#byKey.get(key) ?? null;
    this.#put(key, hold);
    this.#ports.undo.note(() => this.#put(key, before));
    this.#ports.decide({ kind: 'save_payer', payer: key, hold });
  }

  #put(key: string, hold: PayerHold | null): void {
    if (hold === null) this.#byKey.delete(key);
    else this.#byKey.set(key, hold);
  }
}
