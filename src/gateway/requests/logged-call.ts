import type { ReuseName } from '../../contract/routes/answer-reuse.ts';
import { REUSE_KINDS } from '../../contract/routes/answer-reuse.ts';
import type { ErrorCode } from '../../contract/api/errors.ts';
import { countedStatus, ERRORS } from '../../contract/api/errors.ts';
import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';
import type { TenantPrincipal } from '../../contract/api/principal.ts';
import { joinedBytes } from '../../kernel/bytes.ts';
import type { Clock } from '../../kernel/clock.ts';
import { attemptedTarget } from '../../upstreams/dispatch.ts';
import type { AttemptRecord } from '../../upstreams/dispatch.ts';
import type { BesideCharge, LogBodies, LogEntry } from '../../upstreams/log/log-entry.ts';
import type { Savings } from '../../upstreams/money/savings.ts';
import { savedByCache, savingsOf } from '../../upstreams/money/savings.ts';
import type { ModelCharge, Settlement } from '../../upstreams/money/settlement.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { textsAt } from '../../upstreams/protocol/json.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import { targetName } from '../../upstreams/target.ts';
import type { ReuseReport } from '../completions/completion-call.ts';
import type { GuardReport } from '../guardrails/guardrails.ts';
import type { RequestLogging } from './request-logging.ts';

/** A call of an upstream's model, as it was admitted. */
export interface LoggedCallFacts {
  readonly surface: Surface;
  readonly requestId: string;
  readonly principal: TenantPrincipal;
  readonly body: JsonObject;
  readonly requestBytes: number;
  /** Whether Sluice makes the call itself, and its answer is for no caller. */
  readonly isShadow?: boolean;
}

/** What served a call, or why nothing did. */
interface CallOutcome {
  readonly status: number;
  readonly code?: string;
  readonly target?: Target;
  readonly plan?: Plan;
  readonly attempts: readonly AttemptRecord[];
  /** What other models were charged for the same call. */
  readonly besides?: readonly ModelCharge[];
  readonly cache?: LogEntry['cache'];
  /** The answer came from the cache: what it was charged when it was made. */
  readonly savedNano?: number;
  /** What became of an answer that was made for another question. */
  readonly reuse?: ReuseReport;
}

/** A stream that broke off is logged with the status that it would have had: it counts as an error wherever requests are summed. [U192] */
export const brokenBy = (code: ErrorCode): Pick<CallOutcome, 'status' | 'code'> => ({ status: ERRORS[code].status, code });

interface LoggedCallParts {
  readonly logging: Pick<RequestLogging, 'wantsBodies' | 'note'>;
  readonly clock: Clock;
}

/** Gathers what the log keeps of one call while it is made; it is noted once, when the call is settled. */
export class LoggedCall {
  readonly #parts: LoggedCallParts;
  readonly #facts: LoggedCallFacts;
  readonly #startedMs: number;
  readonly #pieces: Uint8Array[] | undefined;
  #answerBytes = 0;
  #firstMs: number | undefined;
  #endMs: number | undefined;
  #outcome: CallOutcome = { status: 500, code: 'internal_error', attempts: [] };
  #settlement: Settlement | undefined;
  #guard: GuardReport | undefined;
  #prompt: string | undefined;

  constructor(facts: LoggedCallFacts, parts: LoggedCallParts) {
    this.#facts = facts;
    this.#parts = parts;
    this.#startedMs = parts.clock.nowMs();
    this.#pieces = parts.logging.wantsBodies(facts.principal.tenantId, facts.requestId) ? [] : undefined;
  }

  /** The call has the messages of this prompt, `name@version`; undefined: it names none. */
  prompted(prompt: string | undefined): void {
    this.#prompt = prompt;
  }

  /** What is kept is what guardrails let out: nothing of what they block, and no answer into which they put back what was masked. [U118] */
  guarded(report: GuardReport): void {
    this.#guard = report;
  }

  /** A piece of the answer, as it was sent. */
  answered(piece: Uint8Array): void {
    this.#firstMs ??= this.#parts.clock.nowMs();
    // Once a body is longer than the log looks through, it keeps its size alone.
    if (this.#pieces !== undefined && this.#answerBytes <= REQUEST_LOG_LIMITS.requestLogBodyParsedBytesMax) this.#pieces.push(piece);
    this.#answerBytes += piece.length;
  }

  /** `settlement`: absent where no upstream has answered. */
  ended(outcome: CallOutcome, settlement?: Settlement): void {
    this.#endMs = this.#parts.clock.nowMs();
    this.#outcome = outcome;
    this.#settlement = settlement;
  }

  /** The ledger has been charged so much for the call. */
  settled(costNano: number): void {
    const { surface, requestId, principal, body, requestBytes } = this.#facts;
    const { status, code, plan, attempts, cache = 'bypass' } = this.#outcome;
    const { inputTokens = 0, cachedTokens = 0, outputTokens = 0, usage = 'none' } = this.#settlement ?? {};
    const endMs = this.#endMs ?? this.#parts.clock.nowMs();
    const savings = savingsIn(this.#outcome, this.#settlement);
    const entry: LogEntry = {
      id: requestId,
      tenantId: principal.tenantId,
      projectId: principal.projectId,
      keyId: principal.keyId,
      atMs: this.#startedMs,
      surface,
      model: String(body['model']),
      route: plan?.route === undefined ? null : `${plan.route.name}@${plan.route.version}`,
      target: targetOf(this.#outcome),
      attempts,
      status,
      code: code ?? null,
      isStream: body['stream'] === true,
      usage,
      inputTokens: inputTokens + cachedTokens,
      cachedTokens,
      outputTokens,
      costNano,
      ...this.#attribution(),
      ...(savings === undefined ? {} : { savings }),
      firstTokenMs: this.#firstMs === undefined ? null : this.#firstMs - this.#startedMs,
      totalMs: endMs - this.#startedMs,
      cache,
      reuse: reuseIn(this.#outcome),
      metadata: metadataIn(this.#sent()),
      requestBytes,
      answerBytes: this.#answerBytes,
      prompt: this.#prompt,
      ...(this.#guard === undefined ? {} : { guardrails: this.#guard.records }),
    };
    this.#parts.logging.note(entry, this.#bodies());
  }

  /** Whose cost it is. */
  #attribution(): Pick<LogEntry, 'besides' | 'isShadow'> {
    const { besides = [] } = this.#outcome;
    return {
      ...(besides.length === 0 ? {} : { besides: besides.map(besideCharge) }),
      ...(this.#facts.isShadow === true ? { isShadow: true } : {}),
    };
  }

  /** The request as it went out; undefined: guardrails have blocked it. */
  #sent(): JsonObject | undefined {
    return this.#guard === undefined ? this.#facts.body : this.#guard.body;
  }

  #bodies(): LogBodies | undefined {
    if (this.#pieces === undefined) return undefined;
    const sent = this.#sent();
    return {
      request: sent === undefined ? '' : JSON.stringify(sent),
      // Sound is no text, and is not kept.
      answer: this.#guard?.restores === true || this.#facts.surface === 'speech' ? '' : decoder.decode(joinedBytes(this.#pieces)),
    };
  }
}

/** What served, as `upstream/model`, else what was asked last, else, in an outage, what would have been asked. */
function targetOf({ target, plan, attempts, status, code }: CallOutcome): string | null {
  if (target !== undefined) return targetName(target);
  const last = attempts.at(-1);
  if (last !== undefined) return attemptedTarget(last);
  const first = countedStatus(status, code) >= 500 ? plan?.groups.flat()[0] : undefined;
  return first === undefined ? null : targetName(first);
}

/** Nothing is saved by a call that nothing answered. */
function savingsIn(outcome: CallOutcome, settlement: Settlement | undefined): Savings | undefined {
  const { status, target, plan, savedNano, besides = [], reuse } = outcome;
  const besidesNano = besides.reduce((sum, { settlement: { nano } }) => sum + nano, 0);
  if (status >= 400 || target === undefined || plan === undefined || settlement === undefined) return undefined;
  const { spentNano = 0, besidesNano: ofReuse = 0 } = reuse ?? {};
  const saved =
    savedNano === undefined
      ? savingsOf(plan, target.model, settlement, besidesNano - ofReuse)
      : savedByCache(savedNano, reuseIn(outcome) === 'exact');
  return { ...saved, reuseNano: saved.reuseNano - spentNano };
}

const besideCharge = ({ target, settlement: { inputTokens, cachedTokens, outputTokens, nano } }: ModelCharge): BesideCharge => ({
  target: targetName(target),
  inputTokens: inputTokens + cachedTokens,
  cachedTokens,
  outputTokens,
  costNano: nano,
});

/** How the caller's answer was reused. */
function reuseIn({ cache, reuse }: CallOutcome): ReuseName {
  const given = REUSE_KINDS.find((kind) => kind === reuse?.outcome);
  return given ?? (cache === 'hit' ? 'exact' : 'none');
}

const decoder = new TextDecoder();

/** Short texts that callers attach to find a request by: what is more, or no text, is left out. */
function metadataIn(body: JsonObject | undefined): Record<string, string> {
  const pairs = Object.entries(textsAt(body, 'metadata')).slice(0, REQUEST_LOG_LIMITS.requestMetadataMaxCount);
  return Object.fromEntries(
    pairs.map(([name, value]) => [name.slice(0, API_LIMITS.nameCharsMax), value.slice(0, REQUEST_LOG_LIMITS.requestMetadataValueCharsMax)]),
  );
}
