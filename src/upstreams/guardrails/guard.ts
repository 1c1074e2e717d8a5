import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { GUARDRAIL_LIMITS } from '../../contract/guardrails/guardrail-limits.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { SteppedWork } from '../../kernel/stepped-work.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { pathText } from '../../contract/api/field-path.ts';
import type { Place } from './body-strings.ts';
import { changedStrings, notedStrings, withStrings } from './body-strings.ts';
import { saidIn, textsOf } from './body-texts.ts';
import type { AskedHook, CompiledHook, SpanHook, WholeCheck } from './compiled-hook.ts';
import { looksAt } from './compiled-hook.ts';
import type { SaidSpan } from './escaped-text.ts';
import { JsonCursor, spansIn } from './escaped-text.ts';
import { kindOf } from './field-kinds.ts';
import type { HookRecord } from './guardrail-policy.ts';
import type { MaskTerms } from './masks.ts';
import { Masks } from './masks.ts';
import { soundIn, tokensIn } from './unreadable.ts';

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

  /** Whether hooks change or stop what they look at: what repeats a text where they cannot see it whole is withheld then. [U203] */
  stops(side: HookRecord['side']): boolean {
    return this.#parts.hooks.some((hook) => looksAt(hook, side) && (!('action' in hook.check) || hook.check.action !== 'flag'));
  }

  /** The body as it may go out, or `guardrail_blocked`. */
  async request<T>(body: T): Promise<Outcome<T>> {
    if (this.#parts.hooks.some(({ check }) => check.kind === 'spans' && check.action === 'mask')) this.#masks.reserve(body);
    const isRead = this.#parts.hooks.some((hook) => looksAt(hook, 'request'));
    const unreadable = (isRead ? tokensIn(body) : undefined) ?? (this.stops('answer') ? soundIn(body) : undefined);
    if (unreadable !== undefined) return refuse('guardrail_blocked', unreadable.why, unreadable.path);
    return this.#judged(this.#withoutTokens(body, 'request'), 'request', this.#parts.hooks);
  }

  /** A whole answer as it may be passed on, with what was masked in the request put back. */
  async answer<T>(body: T): Promise<Outcome<T>> {
    const judged = await this.#judged(this.#withoutTokens(body, 'answer'), 'answer', this.#parts.hooks);
    if (!judged.ok || !this.restores) return judged;
    const change = (text: string, { kind }: Place): string => (kind === 'fixed' ? text : this.restored(text, kind === 'json'));
    return ok(changedStrings(judged.value, { side: 'answer', tokens: 'left' }, change));
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
      const spans = await this.find(check, shown, false);
      if (spans === undefined || (spans.length > 0 && check.action === 'block')) return undefined;
      if (check.action === 'mask') shown = await this.masked(shown, spans);
      if (shown === undefined) return undefined;
    }
    return shown;
  }

  /** What a hook finds in a text. Undefined, as of `masked`: the hooks have done all that they may do for one call. [U198] */
  find({ find }: SpanHook['check'], text: string, isJson: boolean): Promise<SaidSpan[] | undefined> {
    return spansIn(text, (read) => find(read, this.#parts.work), isJson);
  }

  masked(text: string, spans: readonly SaidSpan[], terms: MaskTerms = { restores: false }): Promise<string | undefined> {
    return this.#parts.work.run(this.#masks.masked(text, spans, terms, this.#parts.work));
  }

  /** Why a hook lets nothing pass: by what it found, or because it was not to look any further. `at`: where it cannot mask what it found. */
  refused(hook: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side'], at?: FieldPath) {
    if (this.#parts.work.isExhausted) return this.exhausted(side);
    return at === undefined ? blocked(hook, side) : unmaskable(hook, side, at);
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

  restored(text: string, isJson: boolean): string {
    return this.#masks.restored(text, isJson);
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
      const { body: changed, at, ...found } = await this.#judge(hook, judged, side);
      const elapsedMs = this.#parts.clock.nowMs() - startedMs;
      this.#records.push({ policy: hook.policy, hook: hook.name, side, ...found, elapsedMs });
      if (found.outcome === 'blocked') return this.refused(hook, side, at);
      judged = changed;
    }
    return ok(judged);
  }

  async #judge<T>(hook: CompiledHook, body: T, side: HookRecord['side']): Promise<Judgement<T>> {
    const { check } = hook;
    switch (check.kind) {
      case 'spans':
        return this.#judgeSpans(check, body, side);
      case 'whole':
        return this.#accepted(body, check);
      case 'asking': {
        const found = await this.#parts.ask(check.hook, side, textsOf(body, side));
        return { ...verdictOf(check.hook, found), body };
      }
    }
  }

  #withoutTokens<T>(body: T, side: HookRecord['side']): T {
    return this.stops(side) ? changedStrings(body, { side, tokens: 'out' }, (text) => text) : body;
  }

  async #judgeSpans<T>(check: SpanHook['check'], body: T, side: HookRecord['side']): Promise<Judgement<T>> {
    const shown = { side, tokens: 'shown' } as const;
    const restores = check.restores && side === 'request';
    const texts: string[] = [];
    let count = 0;
    let unmaskableAt: number | undefined;
    for (const { text, kind } of notedStrings(body, shown, (said, place) => ({ text: said, kind: place.kind }))) {
      const spans = await this.find(check, text, kind === 'json');
      const isMasked = check.action === 'mask' && spans !== undefined && spans.length > 0;
      if (isMasked && kind === 'fixed') unmaskableAt ??= texts.length;
      const terms = { restores, cursor: kind === 'json' ? new JsonCursor() : undefined };
      const changed = isMasked && kind !== 'fixed' ? await this.masked(text, spans, terms) : text;
      if (spans === undefined || changed === undefined) return { outcome: 'blocked', count, body };
      count += spans.length;
      texts.push(changed);
    }
    if (unmaskableAt !== undefined) {
      const at = notedStrings(body, shown, (_, { path }) => [...path])[unmaskableAt];
      return { outcome: 'blocked', count, body, ...(at && { at }) };
    }
    return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body: count === 0 ? body : withStrings(body, shown, texts) };
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
  /** Where something was found that cannot be masked. */
  readonly at?: FieldPath;
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

/** Names the field, too: what it has can only be changed by who has written it. [U201] */
function unmaskable({ policy, name }: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side'], at: FieldPath) {
  if (side === 'request')
    return refuse(
      'guardrail_blocked',
      `has what the guardrails of ${policy} do not let pass: their hook "${name}" cannot mask it there`,
      at,
    );
  const field = pathText(known(at)) || 'a field';
  return refuse(
    'guardrail_blocked',
    `the guardrails of ${policy} block this answer: their hook "${name}" cannot mask what it finds in ${field}`,
  );
}

/** The names that are fields of a protocol: others could be what another hook looks for. */
function known(path: FieldPath): FieldPath {
  const unknown = path.findIndex((part) => typeof part === 'string' && kindOf(part) === undefined);
  return unknown < 0 ? path : path.slice(0, unknown);
}

/** More than is judged whole. */
export const tooLong = () => {
  const bytesMax = `${GUARDRAIL_LIMITS.guardrailHeldBytesMax} (guardrailHeldBytesMax)`;
  return refuse('guardrail_blocked', `the answer is longer than the ${bytesMax} bytes that guardrails judge whole`);
};
