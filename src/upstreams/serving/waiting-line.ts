import { SHARED_WORK_LIMITS } from '../../contract/api/shared-work.ts';
import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';

/**
 * A waiter looks again when the line may have moved up to it, at 650 calls a second: so that the looks of a full line are some 5,000 a
 * second, and not 200 of each waiter.
 */
const LOOK_MS_PER_POSITION = 1.5;

/** A request that waits for a place, as data. */
export interface Waiter {
  /** Whose request it is. */
  readonly owner: string;
  readonly priority: number;
  readonly deadlineMs: number;
  readonly serial: number;
  /** The upstreams at which it would be served if they had a place. */
  accepts: ReadonlySet<string>;
  lookedAtMs: number;
  /** Its place in the line was given to a request of an owner that has fewer. */
  isPutOut: boolean;
}

/** The waiters of one owner and priority, the soonest deadline first, and as many turns among all owners, of which the first takes the first. */
interface OwnLine {
  readonly owner: string;
  readonly priority: number;
  readonly waiters: Waiter[];
  readonly turns: number[];
}

/**
 * The requests of an isolate that wait for places at upstreams: higher priority first, then owners in turn, and of one owner the sooner deadline,
 * then arrival. [U58] Turns are the start tags of fair queueing (Goyal, Vin, Cheng 1996).
 *
 * Nothing wakes a waiter: each looks by a timer of its own whether it is its turn (DESIGN rule 11), and most looks end after as many steps as there are
 * places. One that has not looked for long was lost with its request, and none waits behind it.
 */
export class WaitingLine {
  readonly #lines = new Map<string, OwnLine>();
  #length = 0;
  #serial = 0;

  get length(): number {
    return this.#length;
  }

  /** Undefined: the line is full, and no owner has two more in it than this one. */
  join(owner: string, priority: number, deadlineMs: number, nowMs: number): Waiter | undefined {
    if (this.#length >= UPSTREAM_LIMITS.upstreamWaitersMaxCount) this.#forgetLost(nowMs);
    if (this.#length >= UPSTREAM_LIMITS.upstreamWaitersMaxCount && !this.#putOutFor(owner)) return undefined;
    const serial = (this.#serial += 1);
    const waiter: Waiter = { owner, priority, deadlineMs, serial, accepts: new Set(), lookedAtMs: nowMs, isPutOut: false };
    const line = this.#lines.get(keyOf(waiter)) ?? { owner, priority, waiters: [], turns: [] };
    this.#lines.set(keyOf(waiter), line);
    line.turns.push(this.#nextTurn(line));
    const at = line.waiters.findIndex((other) => other.deadlineMs > deadlineMs);
    line.waiters.splice(at === -1 ? line.waiters.length : at, 0, waiter);
    this.#length += 1;
    return waiter;
  }

  leave(waiter: Waiter): void {
    const line = this.#lines.get(keyOf(waiter));
    const at = line?.waiters.indexOf(waiter) ?? -1;
    if (line === undefined || at === -1) return;
    line.waiters.splice(at, 1);
    line.turns.splice(at, 1);
    if (line.waiters.length === 0) this.#lines.delete(keyOf(waiter));
    this.#length -= 1;
  }

  /** Whether one of `free` places at an upstream is the waiter's: fewer than that wait before it. Undefined: a request that does not wait yet. */
  isTurnOf(waiter: Waiter | undefined, upstreamId: string, free: number, nowMs: number): boolean {
    if (free === Infinity) return true;
    const own = waiter === undefined ? undefined : this.#lines.get(keyOf(waiter));
    const at = waiter === undefined ? -1 : (own?.waiters.indexOf(waiter) ?? -1);
    const turn = own?.turns[at] ?? Infinity;
    let left = free;
    const count = (line: OwnLine, until: number): void => {
      for (let n = 0; n < until && left > 0; n += 1) {
        const other = line.waiters[n];
        if (other !== undefined && other.accepts.has(upstreamId) && !isLost(other, nowMs)) left -= 1;
      }
    };
    if (own !== undefined) count(own, at);
    for (const line of this.#lines.values()) {
      if (left <= 0) return false;
      if (line !== own) count(line, this.#before(line, waiter, turn));
    }
    return left > 0;
  }

  /** When the waiter looks again. */
  lookAfterMs(waiter: Waiter): number {
    const own = this.#lines.get(keyOf(waiter));
    const at = own?.waiters.indexOf(waiter) ?? 0;
    let before = at;
    for (const line of this.#lines.values()) if (line !== own) before += this.#before(line, waiter, own?.turns[at] ?? Infinity);
    return Math.max(SHARED_WORK_LIMITS.sharedWorkFirstLookMs, Math.ceil(LOOK_MS_PER_POSITION * before));
  }

  /** How many of another line are served before a waiter with that turn; all are before a request that does not wait yet. */
  #before(line: OwnLine, waiter: Waiter | undefined, turn: number): number {
    if (waiter === undefined || line.priority > waiter.priority) return line.waiters.length;
    if (line.priority < waiter.priority) return 0;
    const later = line.turns.findIndex((other) => other > turn);
    return later === -1 ? line.turns.length : later;
  }

  /** After the owner's own, and none before the head of those that wait. Turns differ, as those of equal ones are taken in order of arrival. */
  #nextTurn({ turns, priority }: OwnLine): number {
    let head = Infinity;
    for (const line of this.#lines.values()) if (line.priority === priority) head = Math.min(head, line.turns[0] ?? Infinity);
    const round = Math.max(head === Infinity ? 0 : Math.floor(head), Math.floor(turns.at(-1) ?? -1) + 1);
    return round + 1 - 1 / (1 + (this.#serial % SERIALS));
  }

  /** Makes room for one of an owner that has fewer than the one with the most: the last of that one goes. */
  #putOutFor(owner: string): boolean {
    const counts = new Map<string, number>();
    for (const line of this.#lines.values()) counts.set(line.owner, (counts.get(line.owner) ?? 0) + line.waiters.length);
    const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
    if ((counts.get(owner) ?? 0) + 1 >= count) return false;
    const lines = [...this.#lines.values()].filter((line) => line.owner === most);
    const last = lines.reduce((a, b) => (b.priority < a.priority ? b : a)).waiters.at(-1);
    if (last === undefined) return false;
    last.isPutOut = true;
    this.leave(last);
    return true;
  }

  #forgetLost(nowMs: number): void {
    const lost = [...this.#lines.values()].flatMap(({ waiters }) => waiters.filter((waiter) => isLost(waiter, nowMs)));
    for (const waiter of lost) this.leave(waiter);
  }
}

/** Far more requests than wait at the same time. */
const SERIALS = 2 ** 24;

const keyOf = ({ priority, owner }: Pick<Waiter, 'priority' | 'owner'>): string => `${priority} ${owner}`;

const isLost = ({ lookedAtMs }: Waiter, nowMs: number): boolean => nowMs - lookedAtMs >= UPSTREAM_LIMITS.upstreamWaiterLostMs;
