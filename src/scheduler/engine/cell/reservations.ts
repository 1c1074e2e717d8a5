import type { CellDecision, Reservation } from './records.ts';
import type { UndoLog } from '../model/undo-log.ts';

/** The reservations of all trees, one for each resource class. */
export class Reservations {
  readonly #undo: UndoLog;
  readonly #decide: (decision: CellDecision) => void;
  /** In the order of their keys, not in which they came: a rebuilt cell must go through them as this one does. */
  #byKey = new Map<string, Reservation>();
  #changeCount = 0;

  constructor(undo: UndoLog, decide: (decision: CellDecision) => void) {
    this.#undo = undo;
    this.#decide = decide;
  }

  /** How often any has changed. */
  get changeCount(): number {
    return this.#changeCount;
  }

  get all(): Iterable<Reservation> {
    return this.#byKey.values();
  }

  of(root: string, resource: string): Reservation | undefined {
    return this.#byKey.get(keyOf({ root, resource }));
  }

  load(reservations: readonly Reservation[]): void {
    for (const reservation of reservations) this.#put(keyOf(reservation), reservation);
  }

  set(reservation: Reservation): void {
    this.#change(keyOf(reservation), reservation);
    this.#decide({ kind: 'save_reservation', reservation });
  }

  remove({ root, resource }: Pick<Reservation, 'root' | 'resource'>): void {
    this.#change(keyOf({ root, resource }), undefined);
    this.#decide({ kind: 'forget_reservation', root, resource });
  }

  #change(key: string, reservation: Reservation | undefined): void {
    const before = this.#byKey.get(key);
    this.#put(key, reservation);
    this.#undo.note(() => this.#put(key, before));
  }

  #put(key: string, reservation: Reservation | undefined): void {
    this.#changeCount += 1;
    if (reservation === undefined) this.#byKey.delete(key);
    else if (this.#byKey.has(key)) this.#byKey.set(key, reservation);
    else this.#byKey = new Map([...this.#byKey, [key, reservation] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const keyOf = ({ root, resource }: Pick<Reservation, 'root' | 'resource'>): string => `${resource} ${root}`;
