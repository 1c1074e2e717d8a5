import type { JobRecord } from './job-record.ts';
import type { Booking, CellDecision } from './records.ts';
import type { UndoLog } from '../model/undo-log.ts';

/** The bookings of nodes: which queue has which nodes for itself, and when. */
export class Bookings {
  readonly #undo: UndoLog;
  readonly #decide: (decision: CellDecision) => void;
  /** In the order of their ids, not in which they came: a rebuilt cell must go through them as this one does. */
  #byId = new Map<string, Booking>();
  /** Supposed away, while it is found out what would be without them. */
  #isIgnored = false;
  /** Whether nodes may be there that bookings lack. A cell that was just built does not know, and looks. */
  #mayFill = true;

  constructor(undo: UndoLog, decide: (decision: CellDecision) => void) {
    this.#undo = undo;
    this.#decide = decide;
  }

  get all(): Iterable<Booking> {
    return this.#byId.values();
  }

  get isEmpty(): boolean {
    return this.#byId.size === 0 || this.#isIgnored;
  }

  find(id: string): Booking | undefined {
    return this.#byId.get(id);
  }

  load(bookings: readonly Booking[]): void {
    for (const booking of bookings) this.#put(booking.id, booking);
  }

  save(booking: Booking): void {
    this.#change(booking.id, booking);
    this.#decide({ kind: 'save_booking', booking });
  }

  remove(id: string): void {
    if (!this.#byId.has(id)) return;
    this.nodesChanged();
    this.#change(id, undefined);
    this.#decide({ kind: 'forget_booking', id });
  }

  /** Nodes have come or gone. */
  nodesChanged(): void {
    this.#setMayFill(true);
  }

  /** Whether nodes have come or gone since this was last asked. */
  takeChange(): boolean {
    const mayFill = this.#mayFill;
    this.#setMayFill(false);
    return mayFill;
  }

  #setMayFill(mayFill: boolean): void {
    const before = this.#mayFill;
    this.#mayFill = mayFill;
    this.#undo.note(() => (this.#mayFill = before));
  }

  /** When one next begins or ends; Infinity when none does. */
  nextDueMs(): number {
    let dueMs = Infinity;
    for (const { hasBegun, fromMs, untilMs } of this.#byId.values()) dueMs = Math.min(dueMs, hasBegun ? untilMs : fromMs);
    return dueMs;
  }

  /** By node: the bookings of other queues because of which a job may not be started there now. [J194] [J195] */
  against(job: JobRecord, nowMs: number): ReadonlyMap<string, Booking> {
    if (this.isEmpty) return NOTHING_BOOKED;
    const booked = new Map<string, Booking>();
    for (const booking of this.#byId.values()) {
      if (booking.queue === job.spec.queue || !standsInTheWay(booking, job, nowMs)) continue;
      // Of several, the one that ends last.
      for (const id of booking.nodeIds) if ((booked.get(id)?.untilMs ?? 0) < booking.untilMs) booked.set(id, booking);
    }
    return booked;
  }

  /** The nodes that a queue has for itself now. */
  nodesOf(queue: string): ReadonlySet<string> {
    if (this.isEmpty) return NO_NODES;
    return new Set([...this.#byId.values()].flatMap((one) => (one.queue === queue && one.hasBegun ? one.nodeIds : [])));
  }

  /** The nodes that are booked now or later. */
  nodesBooked(): ReadonlySet<string> {
    return new Set([...this.#byId.values()].flatMap(({ nodeIds }) => nodeIds));
  }

  /** What would be if nothing were booked. */
  ignoring<T>(look: () => T): T {
    const before = this.#isIgnored;
    this.#isIgnored = true;
    try {
      return look();
    } finally {
      this.#isIgnored = before;
    }
  }

  #change(id: string, booking: Booking | undefined): void {
    const before = this.#byId.get(id);
    this.#put(id, booking);
    this.#undo.note(() => this.#put(id, before));
  }

  #put(id: string, booking: Booking | undefined): void {
    if (booking === undefined) this.#byId.delete(id);
    else if (this.#byId.has(id)) this.#byId.set(id, booking);
    else this.#byId = new Map([...this.#byId, [id, booking] as const].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const NOTHING_BOOKED: ReadonlyMap<string, Booking> = new Map();
const NO_NODES: ReadonlySet<string> = new Set();

/**
 * One that has begun does; one that is to come, if the job says that it may take longer than until then, or could not be evicted. A job that
 * says nothing of its duration is started, and evicted with notice if it is not over by then.
 */
function standsInTheWay({ hasBegun, fromMs, untilMs }: Booking, { spec }: JobRecord, nowMs: number): boolean {
  if (nowMs >= untilMs) return false;
  if (hasBegun || nowMs >= fromMs) return true;
  const { durationMaxMs } = spec.limits;
  return durationMaxMs === null ? !spec.preemptible : nowMs + durationMaxMs > fromMs;
}
