import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import { ok } from '../../kernel/result.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { pathText } from '../../contract/api/field-path.ts';
import type { Place } from './body-strings.ts';
import { changedStrings, notedStrings, withStrings } from './body-strings.ts';
import { saidIn, textsOf } from './body-texts.ts';
import type { AskedHook, CompiledHook, SpanHook } from './compiled-hook.ts';
import { looksAt } from './compiled-hook.ts';
import type { SaidSpan } from './escaped-text.ts';
import { JsonCursor, spansIn } from './escaped-text.ts';
import { kindOf } from './field-kinds.ts';
import type { HookRecord } from './guardrail-policy.ts';
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
  shown(text: string): string | undefined {
    let shown = text;
    for (const { check } of this.streamHooks()) {
      const spans = spansIn(shown, check.find, false);
      if (spans.length > 0 && check.action === 'block') return undefined;
      if (check.action === 'mask') shown = this.masked(shown, spans);
    }
    return shown;
  }

  masked(text: string, spans: readonly SaidSpan[], cursor?: JsonCursor): string {
    return this.#masks.masked(text, spans, false, cursor);
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
      if (found.outcome === 'blocked') return at === undefined ? blocked(hook, side) : unmaskable(hook, side, at);
      judged = changed;
    }
    return ok(judged);
  }

  async #judge<T>(hook: CompiledHook, body: T, side: HookRecord['side']): Promise<Judgement<T>> {
    const { check } = hook;
    switch (check.kind) {
      case 'spans':
        return this.#judgeSpans(check, body, side);
      case 'whole': {
        const count = saidIn(body).filter((text) => !check.accepts(text)).length;
        return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body };
      }
      case 'asking': {
        const found = await this.#parts.ask(check.hook, side, textsOf(body, side));
        return { ...verdictOf(check.hook, found), body };
      }
    }
  }

  #withoutTokens<T>(body: T, side: HookRecord['side']): T {
    return this.stops(side) ? changedStrings(body, { side, tokens: 'out' }, (text) => text) : body;
  }

  #judgeSpans<T>(check: SpanHook['check'], body: T, side: HookRecord['side']): Judgement<T> {
    const shown = { side, tokens: 'shown' } as const;
    const texts: string[] = [];
    let count = 0;
    let unmaskableAt: number | undefined;
    for (const { text, kind } of notedStrings(body, shown, (said, place) => ({ text: said, kind: place.kind }))) {
      const spans = spansIn(text, check.find, kind === 'json');
      count += spans.length;
      const isMasked = spans.length > 0 && check.action === 'mask';
      if (isMasked && kind === 'fixed') unmaskableAt ??= texts.length;
      const cursor = kind === 'json' ? new JsonCursor() : undefined;
      texts.push(isMasked && kind !== 'fixed' ? this.#masks.masked(text, spans, check.restores && side === 'request', cursor) : text);
    }
    if (unmaskableAt !== undefined) {
      const at = notedStrings(body, shown, (_, { path }) => [...path])[unmaskableAt];
      return { outcome: 'blocked', count, body, ...(at && { at }) };
    }
    return { outcome: count === 0 ? 'passed' : PAST[check.action], count, body: count === 0 ? body : withStrings(body, shown, texts) };
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
export const blocked = ({ policy, name }: Pick<CompiledHook, 'policy' | 'name'>, side: HookRecord['side']) =>
  refuse('guardrail_blocked', `the guardrails of ${policy} block this ${side}: their hook "${name}" does not let it pass`);

/** Names the field, too: what it has can only be changed by who has written it. [U201] */
function unmaskable({ policy, name }: CompiledHook, side: HookRecord['side'], at: FieldPath) {
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
