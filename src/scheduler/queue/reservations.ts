import type { CellDecision } from '../machine/decision.ts';
import type { UndoLog } from '../model/undo-log.ts';
import type { Reservation } from './reservation.ts';

/** The reservation of each resource class. */
export class Reservations {
  readonly #undo: UndoLog;
  readonly #decide: (decision: CellDecision) => void;
  readonly #byResource = new Map<string, Reservation>();

  constructor(undo: UndoLog, decide: (decision: CellDecision) => void) {
    this.#undo = undo;
    this.#decide = decide;
  }

  get all(): Iterable<Reservation> {
    return this.#byResource.values();
  }

  of(resource: string): Reservation | undefined {
    return this.#byResource.get(resource);
  }

  load(reservations: readonly Reservation[]): void {
    for (const reservation of reservations) this.#put(reservation.resource, reservation);
  }

  set(resource: string, reservation: Reservation | undefined): void {
    const before = this.#byResource.get(resource);
    if (before === reservation) return;
    this.#put(resource, reservation);
    this.#undo.note(() => this.#put(resource, before));
    this.#decide({ kind: 'save_reservation', resource, reservation: reservation ?? null });
  }

  #put(resource: string, reservation: Reservation | undefined): void {
    if (reservation === undefined) this.#byResource.delete(resource);
    else this.#byResource.set(resource, reservation);
  }
}
