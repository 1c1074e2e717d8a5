import type { DispatchRequest, Dispatched, Undispatched } from '../../../src/upstreams/dispatch.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { UpstreamAdmission } from '../../../src/upstreams/serving/admission.ts';
import type { Plan, Target } from '../../../src/upstreams/target.ts';
import type { Cancellation, FaultKind, Opened, TransportFault } from '../../../src/upstreams/transport.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { VirtualTime } from './virtual-time.ts';

/** What an upstream does with one call. Absent: it answers 200 at once, with one piece. */
export interface Script {
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly headMs?: number;
  /** Instead of a head, after `headMs`. */
  readonly fault?: FaultKind;
  /** Before each piece. */
  readonly pieceMs?: number;
  readonly pieces?: number;
  /** The body breaks off instead of its piece of this number. */
  readonly breaksAt?: number;
  /** The transport forgets to answer when it is cancelled. */
  readonly isDeaf?: boolean;
  readonly text?: string;
}

/** One call as its upstream saw it. */
export interface SeenCall {
  readonly upstream: string;
  readonly request: number;
  readonly startedAtMs: number;
  endedAtMs?: number;
  isCancelled: boolean;
}

export interface Served {
  readonly request: number;
  readonly result: { readonly ok: true; readonly value: Dispatched } | { readonly ok: false; readonly error: Undispatched };
  /** Pieces that were passed on. */
  readonly pieces: number;
  /** How the body ended. */
  readonly end?: 'whole' | 'cancelled' | TransportFault;
  readonly startedAtMs: number;
  /** When the first piece was passed on, or the refusal. */
  readonly answeredAtMs: number;
}

export const targetOf = (upstream: string, over: Partial<Target> = {}): Target => ({
  upstreamId: upstream,
  upstream,
  protocol: 'openai',
  baseUrl: 'https://example.test/v1',
  weight: 1,
  limits: {},
  timeouts: { connectMs: 1_000, firstTokenMs: 5_000, idleMs: 5_000, totalMs: 60_000 },
  model: {
    name: 'm',
    upstreamName: 'm',
    serves: ['chat'],
    contextTokens: 8_192,
    outputTokensMax: 1_024,
    bytesPerToken: 4,
    prices: { inputNano: 0, outputNano: 0, requestNano: 0 },
  },
  ...over,
});

export const planOf = (...groups: readonly (readonly Target[])[]): Plan => ({ groups, reason: 'model' });

export interface Sent {
  readonly owner?: string;
  readonly priority?: number;
  readonly tokensMax?: number;
  readonly prefixKey?: string;
  readonly deadlineMs?: number;
  readonly mayHedge?: boolean;
  readonly cancellation?: Cancellation;
  /** What it turns out to have taken. */
  readonly tokensUsed?: number;
  readonly accepts?: NonNullable<DispatchRequest['accepts']>;
}

/** Upstreams that do as they are scripted, a dispatcher before them, and time that passes while all wait. */
export class UpstreamWorld {
  readonly time: VirtualTime;
  readonly random: Seeded;
  readonly dispatcher: BalancedDispatcher;
  readonly seen: SeenCall[] = [];
  readonly outstanding = new Map<string, number>();
  readonly peak = new Map<string, number>();
  script: (upstream: string, call: number) => Script = () => ({});
  /** Before a call is counted. */
  onOpen: (request: number, upstream: string) => void = () => undefined;
  #requests = 0;

  constructor(seed = 1, admission?: UpstreamAdmission, time = new VirtualTime()) {
    this.time = time;
    this.random = new Seeded(seed);
    const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, () => Math.floor(this.random.next() * 256)) };
    this.dispatcher = new BalancedDispatcher({
      clock: this.time,
      timer: this.time,
      rng,
      ...(admission === undefined ? {} : { admission }),
    });
  }

  get nowMs(): number {
    return this.time.nowMs();
  }

  /** How many calls each upstream saw. */
  get calls(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { upstream } of this.seen) counts[upstream] = (counts[upstream] ?? 0) + 1;
    return counts;
  }

  /** Dispatches a request and reads its answer to the end. */
  async send(plan: Plan, sent: Sent = {}): Promise<Served> {
    const request = this.#requests++;
    const startedAtMs = this.nowMs;
    const cancellation = sent.cancellation ?? new CancelSource();
    const result = await this.dispatcher.dispatch(plan, (target, cancel) => this.#open(request, target, cancel), {
      tokensMax: 100,
      priority: 0,
      mayHedge: false,
      ...sent,
      cancellation,
    });
    const answeredAtMs = this.nowMs;
    const base = { request, result, startedAtMs, answeredAtMs };
    if (!result.ok) return { ...base, pieces: 0 };
    let pieces = 0;
    for (;;) {
      const piece = await result.value.opened.body.read();
      if (piece === undefined) {
        result.value.finish('whole', sent.tokensUsed);
        return { ...base, pieces, end: 'whole' };
      }
      if ('kind' in piece) {
        const end = piece.fault === 'cancelled' ? 'cancelled' : piece;
        result.value.finish(end);
        return { ...base, pieces, end };
      }
      pieces += 1;
    }
  }

  /** When the last call of a request was sent. */
  openedAtMs(request: number): number {
    return this.seen.findLast((call) => call.request === request)?.startedAtMs ?? NaN;
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.time.run(work);
  }

  /** Sends one request after another. */
  async sendEach(count: number, plan: Plan, sent: Sent = {}): Promise<Served[]> {
    const served: Served[] = [];
    for (let at = 0; at < count; at += 1) served.push(await this.send(plan, sent));
    return served;
  }

  async #open(request: number, target: Target, cancellation: Cancellation): Promise<Opened | TransportFault> {
    const { upstream } = target;
    this.onOpen(request, upstream);
    const script = this.script(upstream, this.seen.length);
    const call: SeenCall = { upstream, request, startedAtMs: this.nowMs, isCancelled: false };
    this.seen.push(call);
    this.#count(upstream, 1);
    const end = (isCancelled: boolean) => {
      if (call.endedAtMs !== undefined) return;
      call.endedAtMs = this.nowMs;
      call.isCancelled = isCancelled;
      this.#count(upstream, -1);
    };
    cancellation.onCancel(() => end(true));
    if (!(await this.#wait(script.headMs ?? 0, cancellation, script.isDeaf))) return { kind: 'fault', fault: 'cancelled' };
    if (script.fault !== undefined) {
      end(false);
      return { kind: 'fault', fault: script.fault };
    }
    let piece = 0;
    const read = async (): Promise<Uint8Array | undefined | TransportFault> => {
      if (cancellation.isCancelled) return { kind: 'fault', fault: 'cancelled' };
      if (piece >= (script.pieces ?? 1)) {
        end(false);
        return undefined;
      }
      if (!(await this.#wait(script.pieceMs ?? 0, cancellation, script.isDeaf))) return { kind: 'fault', fault: 'cancelled' };
      if (piece === script.breaksAt) {
        end(false);
        return { kind: 'fault', fault: 'broken' };
      }
      piece += 1;
      return new TextEncoder().encode(script.text ?? 'piece');
    };
    const { status = 200, retryAfterMs } = script;
    const body = { read, cancel: () => end(true) };
    return { kind: 'opened', status, contentType: '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }), body };
  }

  #count(upstream: string, by: number): void {
    const count = (this.outstanding.get(upstream) ?? 0) + by;
    this.outstanding.set(upstream, count);
    this.peak.set(upstream, Math.max(this.peak.get(upstream) ?? 0, count));
  }

  /** False: cancelled before. */
  async #wait(ms: number, cancellation: Cancellation, isDeaf = false): Promise<boolean> {
    if (ms === 0) return !cancellation.isCancelled;
    let leave = (): void => undefined;
    const cancelled = new Promise<boolean>((resolve) => {
      if (!isDeaf) leave = cancellation.onCancel(() => resolve(false));
    });
    const slept = await Promise.race([cancelled, this.time.sleep(ms).then(() => true)]);
    leave();
    return slept;
  }
}
