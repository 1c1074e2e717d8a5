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

/**
 * The payers who were refused a grant. No job of theirs is placed for a while; then one is, and only when that one gets a grant are the
 * others: so a payer without money takes one placement at a time, and rarely, from others.
 */
export class PayerHolds {
  readonly #settings: PrepaySettings | undefined;
  readonly #ports: Ports;
  readonly #byPayer = new Map<string, PayerHold>();

  constructor(settings: PrepaySettings | undefined, ports: Ports) {
    this.#settings = settings;
    this.#ports = ports;
  }

  load(payers: readonly { readonly payer: string; readonly hold: PayerHold }[]): void {
    for (const { payer, hold } of payers) this.#byPayer.set(payer, hold);
  }

  /** Payers who were refused. */
  get held(): readonly string[] {
    return [...this.#byPayer.keys()];
  }

  /** Until when no job of the payer is placed; undefined when nothing keeps them. */
  heldUntilMs(payer: string): number | undefined {
    const untilMs = this.#byPayer.get(payer)?.untilMs;
    return untilMs === undefined || untilMs <= this.#ports.nowMs() ? undefined : untilMs;
  }

  /** A job of the payer is placed: of one who was refused before, no other until that one has its answer. */
  probe(payer: string): void {
    const hold = this.#byPayer.get(payer);
    if (hold !== undefined && this.#settings !== undefined) this.#hold(payer, this.#settings.waitMs, hold.refusals, true);
  }

  /** The payer was refused, or there was no answer in time. */
  refuse(payer: string): void {
    if (this.#settings === undefined) return;
    const before = this.#byPayer.get(payer);
    if (before?.isProbed === false && before.untilMs > this.#ports.nowMs()) return;
    const refusals = (before?.refusals ?? 0) + 1;
    const { retryMs, retryMaxMs } = this.#settings;
    this.#hold(payer, Math.min(retryMaxMs, retryMs * 2 ** Math.min(refusals - 1, 20)), refusals, false);
  }

  /** The payer got a grant, or may have one. Answers whether jobs were held. */
  release(payer: string): boolean {
    if (!this.#byPayer.has(payer)) return false;
    this.#set(payer, null);
    return true;
  }

  #hold(payer: string, forMs: number, refusals: number, isProbed: boolean): void {
    const untilMs = this.#ports.nowMs() + forMs;
    this.#set(payer, { untilMs, refusals, isProbed });
    this.#ports.wakeAt(untilMs);
  }

  #set(payer: string, hold: PayerHold | null): void {
    const before = this.#byPayer.get(payer) ?? null;
    this.#put(payer, hold);
    this.#ports.undo.note(() => this.#put(payer, before));
    this.#ports.decide({ kind: 'save_payer', payer, hold });
  }

  #put(payer: string, hold: PayerHold | null): void {
    if (hold === null) this.#byPayer.delete(payer);
    else this.#byPayer.set(payer, hold);
  }
}
