import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { AskedHook, CompiledHook, SpanHook, WholeCheck } from './compiled-hook.ts';
import { looksAt } from './compiled-hook.ts';
import type { Span } from './find-pii.ts';
import type { HookRecord } from './guardrail-policy.ts';
import { Masks } from './masks.ts';
import { saidIn, textsOf, withTexts } from './message-texts.ts';

/** What a hook that is asked objects to. */
export interface Finding {
  /** How many texts, or pieces of texts. */
  readonly count: number;
  /** That a model has read. */
  readonly tokens?: number;
}

/** What another server, or a model, says of texts. Undefined: it gave no verdict in time. */
export type Ask = (hook: AskedHook, side: HookRecord['side'], texts: readonly string[]) => Promise<Finding | undefined>;

interface GuardParts {
  readonly hooks: readonly CompiledHook[];
  readonly ask: Ask;
  readonly clock: Clock;
  /** All that the hooks do for one call. */
  readonly work: SteppedWork;
}

/** How much of an answer has to be known before any of it may be passed on. */
export type AnswerNeed = 'nothing' | 'window' | 'whole';

/** The guardrails of one request: its masks are those of its answer. */
export class Guard {
  readonly #parts: GuardParts;
  readonly #masks = new Masks();
  #records: HookRecord[] = [];

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  /** What the hooks have done since this was last asked. */
  takeRecords(): readonly HookRecord[] {
    const taken = this.#records;
    this.#records = [];
    return taken;
  }

  /** Spans are found in a window of a stream; the other hooks judge a whole answer. [U114] */
  get answerNeed(): AnswerNeed {
    const hooks = this.#parts.hooks.filter((hook) => looksAt(hook, 'answer'));
    if (hooks.some(({ check }) => check.kind !== 'spans')) return 'whole';
    return hooks.length > 0 || this.restores ? 'window' : 'nothing';
  }

  /** Whether something was masked that is put back into the answer. */
  get restores(): boolean {
    return this.#masks.restores;
  }

  /** The body as it may go out, or `guardrail_blocked`. */
  request<T>(body: T): Promise<Outcome<T>> {
    return this.#judged(body, 'request', this.#parts.hooks);
  }

  /** A whole answer as it may be passed on, with what was masked in the request put back. */
  async answer<T>(body: T): Promise<Outcome<T>> {
    const judged = await this.#judged(body, 'answer', this.#parts.hooks);
    return judged.ok ? ok(withTexts(judged.value, (text) => this.restored(text))) : judged;
  }

  /** Judges texts that came in pieces and are whole now by the hooks that no piece can be judged by. */
  texts(texts: readonly { readonly text: string; readonly isSaid: boolean }[]): Promise<Outcome<unknown>> {
    const hooks = this.#parts.hooks.filter(({ check }) => check.kind !== 'spans');
    return this.#judged(
      texts.map(({ text, isSaid }) => (isSaid ? { text } : { arguments: text })),
      'answer',
      hooks,
    );
  }

  /** The hooks that look at a stream as it passes. */
  streamHooks(): readonly SpanHook[] {
    return this.#parts.hooks.filter((hook): hook is SpanHook => looksAt(hook, 'answer') && hook.check.kind === 'spans');
  }

  /**
   * A text of the answer as another model may read it: masked as it is for the caller, with nothing put back. Undefined: a hook blocks it. The answer
   * itself is judged, and noted, before it is passed on. [U176]
   */
  async shown(text: string): Promise<string | undefined> {
    let shown: string | undefined = text;
    for (const { check } of this.streamHooks()) {
      const spans = await this.find(check, shown);
      if (spans === undefined || (spans.length > 0 && check.action === 'block')) return undefined;
      if (check.action === 'mask') shown = await this.masked(shown, spans);
      if (shown === undefined) return undefined;
    }
    return shown;
  }

  /** What a hook finds in a text. Undefined, as of `masked`: the hooks have done all that they may do for one call. [U198] */
  find({ find }: SpanHook['check'], text: string): Promise<Span[] | undefined> {
    return find(text, this.#parts.work);
  }

  masked(text: string, spans: readonly Span[], restores = false): Promise<string | undefined> {
    return this.#parts.work.run(this.#masks.masked(text, spans, restores, this.#parts.work));
  }

  /** Why a hook lets nothing pass: by what it found, or because it was not to look any further. */
  refused(hook: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side']) {
    return this.#parts.work.isExhausted ? this.exhausted(side) : blocked(hook, side);
  }

  /** What would take the hooks longer is not judged, so it is not passed on. [U198] */
  exhausted(side: HookRecord['side']) {
    const unitsMax = `${GUARDRAIL_LIMITS.guardrailUnitsMax} (guardrailUnitsMax)`;
    const policy = this.#parts.hooks[0]?.policy ?? '';
    return refuse(
      'guardrail_blocked',
      `the guardrails of ${policy} do not judge this ${side}: they take more than the ${unitsMax} steps of a call`,
    );
  }

  /** Counts units that were done for the call. False: nothing more may be. */
  async spend(units: number): Promise<boolean> {
    return !this.#parts.work.spend(units) || (await this.#parts.work.turn());
  }

  /** The same of units that the length of what comes bounds. */
  async pass(units: number): Promise<boolean> {
    return !this.#parts.work.pass(units) || (await this.#parts.work.turn());
  }

  restored(text: string): string {
    return this.#masks.restored(text);
  }

  /** What a hook found in a stream, once that has ended. */
  note({ policy, name, check }: SpanHook, count: number): void {
    const outcome = count === 0 ? 'passed' : PAST[check.action];
    this.#records.push({ policy, hook: name, side: 'answer', outcome, count, elapsedMs: 0 });
  }

  async #judged<T>(body: T, side: HookRecord['side'], hooks: readonly CompiledHook[]): Promise<Outcome<T>> {
    let judged = body;
    for (const hook of hooks) {
      if (!looksAt(hook, side)) continue;
      const startedMs = this.#parts.clock.nowMs();
      const { body: changed, ...found } = await this.#judge(hook, judged, side);
      const elapsedMs = this.#parts.clock.nowMs() - startedMs;
      this.#records.push({ policy: hook.policy, hook: hook.name, side, ...found, elapsedMs });
      if (found.outcome === 'blocked') return this.refused(hook, side);
      judged = changed;
    }
    return ok(judged);
  }

  async #judge<T>(hook: CompiledHook, body: T, side: HookRecord['side']): Promise<Judgement<T>> {
    const { check } = hook;
    switch (check.kind) {
      case 'spans':
        return this.#spansIn(body, check, check.restores && side === 'request');
      case 'whole':
        return this.#accepted(body, check);
      case 'asking': {
        const found = await this.#parts.ask(check.hook, side, textsOf(body));
        return { ...verdictOf(check.hook, found), body };
      }
    }
  }

  async #spansIn<T>(body: T, check: SpanHook['check'], restores: boolean): Promise<Judgement<T>> {
    const texts: string[] = [];
    let count = 0;
    for (const text of textsOf(body)) {
      const spans = await this.find(check, text);
      const isChanged = check.action === 'mask' && spans !== undefined && spans.length > 0;
      const changed = isChanged ? await this.masked(text, spans, restores) : text;
      if (spans === undefined || changed === undefined) return { outcome: 'blocked', count, body };
      count += spans.length;
      texts.push(changed);
    }
    let at = 0;
    const changed = withTexts(body, () => must(texts[at++], 'a text is changed once'));
    return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body: changed };
  }

  async #accepted<T>(body: T, check: WholeCheck): Promise<Judgement<T>> {
    let count = 0;
    for (const text of saidIn(body)) {
      const isAccepted = await check.accepts(text, this.#parts.work);
      if (isAccepted === undefined) return { outcome: 'blocked', count, body };
      if (!isAccepted) count += 1;
    }
    return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body };
  }
}

interface Judgement<T> {
  readonly outcome: HookRecord['outcome'];
  readonly count: number;
  readonly tokens?: number;
  readonly body: T;
}

const PAST = { block: 'blocked', mask: 'masked', flag: 'flagged' } as const;

/** [U117] [U119] No verdict is the policy's to judge. */
function verdictOf(hook: AskedHook, found: Finding | undefined): Omit<Judgement<unknown>, 'body'> {
  if (found === undefined) return { outcome: hook.on_failure === 'block' ? 'blocked' : 'failed', count: 0 };
  const action = hook.kind === 'classifier' ? hook.action : 'block';
  return { ...found, outcome: found.count === 0 ? 'passed' : PAST[action] };
}

/** Names the policy and the hook, never what was found. [U113] */
const blocked = ({ policy, name }: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side']) =>
  refuse('guardrail_blocked', `the guardrails of ${policy} block this ${side}: their hook "${name}" does not let it pass`);

/** More than is judged whole. */
export const tooLong = () => {
  const bytesMax = `${GUARDRAIL_LIMITS.guardrailHeldBytesMax} (guardrailHeldBytesMax)`;
  return refuse('guardrail_blocked', `the answer is longer than the ${bytesMax} bytes that guardrails judge whole`);
};
