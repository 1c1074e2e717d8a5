import type { Outcome } from '../../contract/outcome.ts';
import { refuse } from '../../contract/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { AskingHook, CompiledHook, SpanHook } from './compiled-hook.ts';
import { looksAt } from './compiled-hook.ts';
import type { HookRecord } from './guardrail-policy.ts';
import { Masks } from './masks.ts';
import { textsOf, withTexts } from './message-texts.ts';

/** What another server or model says of texts. Undefined: it did not answer. */
export type Ask = (hook: AskingHook['hook'], side: HookRecord['side'], texts: readonly string[]) => Promise<'pass' | 'block' | undefined>;

interface GuardParts {
  readonly hooks: readonly CompiledHook[];
  readonly ask: Ask;
  readonly clock: Clock;
}

/** How much of an answer has to be known before any of it may be passed on. */
export type AnswerNeed = 'nothing' | 'window' | 'whole';

/** The guardrails of one request: its masks are those of its answer. */
export class Guard {
  readonly #parts: GuardParts;
  readonly #masks = new Masks();
  readonly #records: HookRecord[] = [];

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  /** What the hooks have done so far. */
  get records(): readonly HookRecord[] {
    return this.#records;
  }

  /** Spans are found in a window of a stream; the other hooks judge a whole answer. [U114] */
  get answerNeed(): AnswerNeed {
    const hooks = this.#parts.hooks.filter((hook) => looksAt(hook, 'answer'));
    if (hooks.some(({ check }) => check.kind !== 'spans')) return 'whole';
    return hooks.length > 0 || this.#masks.restores ? 'window' : 'nothing';
  }

  /** The body as it may go out, or `guardrail_blocked`. */
  request<T>(body: T): Promise<Outcome<T>> {
    return this.#judged(body, 'request');
  }

  /** A whole answer as it may be passed on, with what was masked in the request put back. */
  async answer<T>(body: T): Promise<Outcome<T>> {
    const judged = await this.#judged(body, 'answer');
    return judged.ok ? ok(withTexts(judged.value, (text) => this.#masks.restored(text))) : judged;
  }

  /** The hooks that look at a stream as it passes. */
  streamHooks(): readonly (CompiledHook & { readonly check: SpanHook })[] {
    return this.#parts.hooks.filter(
      (hook): hook is CompiledHook & { check: SpanHook } => looksAt(hook, 'answer') && hook.check.kind === 'spans',
    );
  }

  /** A piece of a stream's text in which the spans were found. */
  passed(text: string, spans: ReturnType<SpanHook['find']>): string {
    return this.#masks.restored(spans.length === 0 ? text : this.#masks.masked(text, spans, false));
  }

  note(record: HookRecord): void {
    this.#records.push(record);
  }

  async #judged<T>(body: T, side: HookRecord['side']): Promise<Outcome<T>> {
    let judged = body;
    for (const hook of this.#parts.hooks) {
      if (!looksAt(hook, side)) continue;
      const startedMs = this.#parts.clock.nowMs();
      const { outcome, count, body: changed } = await this.#judge(hook, judged, side);
      const elapsedMs = this.#parts.clock.nowMs() - startedMs;
      this.note({ policy: hook.policy, hook: hook.name, side, outcome, count, elapsedMs });
      if (outcome === 'blocked') return blocked(hook, side);
      judged = changed;
    }
    return ok(judged);
  }

  async #judge<T>(hook: CompiledHook, body: T, side: HookRecord['side']): Promise<Judgement<T>> {
    const { check } = hook;
    switch (check.kind) {
      case 'spans': {
        let count = 0;
        const changed = withTexts(body, (text) => {
          const spans = check.find(text);
          count += spans.length;
          return check.action === 'mask' && spans.length > 0 ? this.#masks.masked(text, spans, check.restores && side === 'request') : text;
        });
        return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body: changed };
      }
      case 'whole': {
        const count = textsOf(body).filter((text) => !check.accepts(text)).length;
        return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body };
      }
      case 'asking': {
        const verdict = await this.#parts.ask(check.hook, side, textsOf(body));
        return { ...verdictOf(check.hook, verdict), body };
      }
    }
  }
}

interface Judgement<T> {
  readonly outcome: HookRecord['outcome'];
  readonly count: number;
  readonly body: T;
}

const PAST = { block: 'blocked', mask: 'masked', flag: 'flagged' } as const;

function verdictOf(hook: AskingHook['hook'], verdict: 'pass' | 'block' | undefined): Omit<Judgement<unknown>, 'body'> {
  if (verdict === 'pass') return { outcome: 'passed', count: 0 };
  if (verdict === 'block') return { outcome: hook.kind === 'classifier' ? PAST[hook.action] : 'blocked', count: 1 };
  // A model that does not answer is no reason to let anything pass that its policy blocks.
  const blocks = hook.kind === 'webhook' ? hook.onFailure === 'block' : hook.action === 'block';
  return { outcome: blocks ? 'blocked' : 'failed', count: 0 };
}

/** Names the policy and the hook, never what was found. [U113] */
export const blocked = ({ policy, name }: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side']) =>
  refuse('guardrail_blocked', `the guardrail "${policy}" blocks this ${side}: its hook "${name}" found what it looks for`);
