import { refusal } from '../../contract/errors.ts';
import { ok } from '../../kernel/result.ts';
import type { AttemptRecord, Dispatched, Dispatcher, Undispatched } from '../../upstreams/dispatch.ts';
import type { Result } from '../../kernel/result.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { Cancellation, Opened, TransportFault } from '../../upstreams/transport.ts';
import type { DispatchRequest } from '../../upstreams/dispatch.ts';

/** Asks the first target of the plan, once. */
export class FirstTarget implements Dispatcher {
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async dispatch(
    plan: Plan,
    open: (target: Target, cancellation: Cancellation) => Promise<Opened | TransportFault>,
    { cancellation }: DispatchRequest,
  ): Promise<Result<Dispatched, Undispatched>> {
    const target = plan.groups[0]?.[0];
    if (target === undefined)
      return { ok: false, error: { refusal: refusal('upstream_unavailable', 'no upstream can be asked'), attempts: [] } };
    const startedMs = this.#nowMs();
    const opened = await open(target, cancellation);
    const attempt: AttemptRecord = {
      upstream: target.upstream,
      model: target.model.name,
      ...(opened.kind === 'opened' ? { status: opened.status } : { fault: opened.fault }),
      elapsedMs: this.#nowMs() - startedMs,
    };
    if (opened.kind === 'opened' && (opened.status < 400 || REJECTIONS.has(opened.status)))
      return ok({ target, opened, attempts: [attempt], finish: () => undefined });
    const what = opened.kind === 'opened' ? `answered ${opened.status}` : `did not answer: ${opened.fault}`;
    if (opened.kind === 'opened') opened.body.cancel();
    return { ok: false, error: { refusal: refusal('upstream_failed', `the upstream ${target.upstream} ${what}`), attempts: [attempt] } };
  }
}

const REJECTIONS = new Set([400, 404, 413, 422]);
