import type { Outcome } from '../../contract/api/outcome.ts';
import { messageOf } from '../../contract/api/errors.ts';
import type { UpstreamAnswer } from '../../contract/api/upstream-answer.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { parseExactJson } from '../../kernel/exact-json.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import type { HookRecord } from '../../upstreams/guardrails/guardrail-policy.ts';
import type { GuardedPiece } from '../../upstreams/guardrails/guarded-stream.ts';
import { isMedia } from '../../upstreams/media/media-kinds.ts';
import { judgedMedia } from '../../upstreams/media/judged-media.ts';
import type { Surface } from '../../upstreams/protocol/surfaces.ts';
import { SURFACES } from '../../upstreams/protocol/surfaces.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { objectAt, parsedObject, textAt } from '../../upstreams/protocol/json.ts';
import { errorEvent } from '../../upstreams/protocol/surface-errors.ts';
import type { CompletionGuard, Moderation } from './completion.ts';
import type { Completed, CompletionCall } from './completion-call.ts';
import type { Cancellation } from '../../upstreams/transport.ts';
import type { AnswerPieces } from './answer-pieces.ts';
import type { GuardCalls, Guardrails } from '../guardrails/guardrails.ts';
import { costingMore } from './kept-stream.ts';

type Served = Result<Completed, Undispatched>;

/** Calls under guardrails: judged before anything is reserved or sent, and their answers before they are passed on. [U118] */
export class GuardedCompletions implements CompletionGuard {
  readonly #guardrails: Pick<Guardrails, 'open'>;

  constructor(guardrails: Pick<Guardrails, 'open'>) {
    this.#guardrails = guardrails;
  }

  async complete(...[policy, { call, nowMs }, moderation, serve]: Parameters<CompletionGuard['complete']>): Promise<Served> {
    const guard = stoppedBy(call.cancellation, await this.#guardrails.open(policy, (hook, texts) => moderation.judge(policy, hook, texts)));
    const charge = (records: readonly HookRecord[]) => charged(records, call, moderation);
    const hooksNano = (): number => call.added.nanoAt(nowMs);
    let isPassedOn = false;
    try {
      const written = JSON.stringify(call.body);
      const asked = await guard.requestText(written).catch(() => undefined);
      if (asked === undefined) return err({ refusal: UNREACHABLE.text.error, attempts: [] });
      const { body: judgedBody, answerNeed, restores, records: first } = asked;
      const body = judgedBody.ok
        ? ok(judgedBody.value === written ? call.body : (parseExactJson(judgedBody.value) as JsonObject))
        : judgedBody;
      const records = [...first];
      call.onGuarded({ body: body.ok ? body.value : undefined, records, restores });
      const paid = await charge(first);
      // A hook that cannot be paid for may have blocked for want of a verdict.
      if (!paid.ok) return err({ refusal: paid.error, attempts: [] });
      if (!body.ok) return err({ refusal: body.error, attempts: [] });
      const served = await serve(body.value, (text) => guard.shown(text), hooksNano());
      if (answerNeed === 'nothing') return served;
      if (!served.ok) return err(await judgedRefusal(served.error, guard, records, charge));
      if (saysNothing(call.surface)) return served;
      if (served.value.answer.kind === 'stream') {
        isPassedOn = true;
        return ok(
          guardedStream(served.value, served.value.answer, guard, call, records, { charge, hooksNano, callOff: () => moderation.over() }),
        );
      }
      return ok({ ...served.value, answer: await judgedWhole(served.value.answer, call.surface, guard, records, charge) });
    } finally {
      if (!isPassedOn) {
        await moderation.over();
        guard.close();
      }
    }
  }
}

/** Vectors and scores say nothing; what is spoken is what was asked, which hooks have read. */
const saysNothing = (surface: Surface): boolean => surface === 'speech' || (SURFACES[surface].dialect === 'plain' && surface !== 'rerank');

type Charge = StreamParts['charge'];
type AnswerOf<Kind> = Extract<Completed['answer'], { readonly kind: Kind }>;

/** An answer as hooks let it pass. */
async function judgedWhole(
  answer: AnswerOf<'whole'>,
  surface: Surface,
  guard: GuardCalls,
  records: HookRecord[],
  charge: Charge,
): Promise<AnswerOf<'whole'>> {
  const shown = isMedia(surface) ? judgedMedia(answer.text, answer.contentType !== undefined) : undefined;
  const { text, records: later } = await guard.answer(shown?.text ?? answer.text).catch(() => UNREACHABLE);
  records.push(...later);
  const paid = await charge(later);
  const passed = paid.ok ? text : paid;
  return passed.ok ? { ...answer, text: shown?.restored(passed.value) ?? passed.value } : { ...answer, text: '', blocked: passed.error };
}

/** A stream that hooks judge as it comes. The call is over when what is passed on is, which may be later than its upstream's end. */
function guardedStream(
  served: Completed,
  answer: AnswerOf<'stream'>,
  guard: GuardCalls,
  call: CompletionCall,
  records: HookRecord[],
  parts: Omit<StreamParts, 'onOver'>,
): Completed {
  let onOver: () => void = UNSET;
  const over = new Promise<void>((resolve) => {
    onOver = resolve;
  });
  const stream = new GuardedPieces(answer.stream, guard, call, records, { ...parts, onOver: () => onOver() });
  const ended = answer.ended.then((end) => over.then(() => end));
  return { ...served, answer: { ...answer, stream, ended } };
}

/** Gives up what hooks ask outside once the call is called off. */
function stoppedBy(cancellation: Cancellation, guard: GuardCalls): GuardCalls {
  const leave = cancellation.onCancel(() => guard.stop());
  const close = (): void => {
    leave();
    guard.close();
  };
  return { ...guard, close };
}

interface StreamParts {
  readonly charge: (records: readonly HookRecord[]) => Promise<Outcome<void>>;
  /** What hooks have cost until now. */
  readonly hooksNano: () => number;
  /** Calls off what hooks ask of models. */
  readonly callOff: () => Promise<void>;
  readonly onOver: () => void;
}

/** A stream under guardrails. Where they block, or cannot be reached, it ends with an error, and the upstream's with it. */
class GuardedPieces implements AnswerPieces {
  readonly #inner: AnswerPieces;
  readonly #guard: GuardCalls;
  readonly #call: CompletionCall;
  readonly #records: HookRecord[];
  readonly #parts: StreamParts;
  #isJudging = false;
  /** What the stream says that hooks have cost. */
  readonly #saidNano: number;
  #hasEnded = false;

  constructor(inner: AnswerPieces, guard: GuardCalls, call: CompletionCall, records: HookRecord[], parts: StreamParts) {
    this.#parts = parts;
    this.#saidNano = parts.hooksNano();
    this.#inner = inner;
    this.#guard = guard;
    this.#call = call;
    this.#records = records;
  }

  async next(): Promise<Uint8Array | undefined> {
    while (!this.#hasEnded) {
      const piece = await this.#inner.next();
      if (this.#hasEnded) break;
      this.#isJudging = true;
      const { send, isBlocked } = await this.#judged(piece);
      this.#isJudging = false;
      if (this.#hasEnded) await this.#close();
      else if (isBlocked || piece === undefined) this.cancel();
      if (send.length > 0) return send;
    }
    return undefined;
  }

  cancel(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#inner.cancel();
    // What hooks read is charged, also where the caller leaves meanwhile: the call is over when they are. [U185]
    if (this.#isJudging) void this.#parts.callOff();
    else void this.#close();
  }

  async #close(): Promise<void> {
    await this.#parts.callOff();
    this.#guard.close();
    this.#parts.onOver();
  }

  async #judged(piece: Uint8Array | undefined): Promise<GuardedPiece> {
    const { surface, requestId } = this.#call;
    const { dialect } = SURFACES[surface];
    try {
      const { records, ...passed } = await (piece === undefined ? this.#guard.end() : this.#guard.push(dialect, requestId, piece));
      this.#records.push(...records);
      const { charge, hooksNano } = this.#parts;
      const paid = await charge(records);
      if (!paid.ok) return { send: utf8(errorEvent(dialect, paid.error, requestId)), isBlocked: true };
      return { ...passed, send: costingMore(passed.send, hooksNano() - this.#saidNano) };
    } catch {
      return { send: utf8(errorEvent(dialect, UNREACHABLE.text.error, requestId)), isBlocked: true };
    }
  }
}

/**
 * Ends what hooks have asked of models, and reserves the tokens that classifiers have read; a call that cannot pay for its hooks is refused before the
 * model is asked. [U119] [U177]
 */
async function charged(records: readonly HookRecord[], { reserve, added }: CompletionCall, moderation: Moderation): Promise<Outcome<void>> {
  await moderation.over();
  if (moderation.unpaid !== undefined) return err(moderation.unpaid);
  const tokens = records.reduce((sum, { tokens: read = 0 }) => sum + read, 0);
  if (tokens === 0) return ok(undefined);
  const reserved = await reserve({ embedding_tokens: tokens });
  if (reserved.ok) added.classified(tokens);
  return reserved;
}

/** What an upstream says of why it has not answered is judged as its answer would be. [U200] */
async function judgedRefusal(
  unserved: Undispatched,
  guard: GuardCalls,
  records: HookRecord[],
  charge: (records: readonly HookRecord[]) => Promise<Outcome<void>>,
): Promise<Undispatched> {
  const { code, upstream } = unserved.refusal;
  if (upstream === undefined && code !== 'upstream_failed' && code !== 'upstream_rejected') return unserved;
  const { text, records: later } = await guard
    .answer(JSON.stringify({ error: { message: messageOf(unserved.refusal) } }))
    .catch(() => UNREACHABLE);
  records.push(...later);
  const paid = await charge(later);
  const said = messageOf(unserved.refusal);
  const message = paid.ok && text.ok ? (textAt(objectAt(parsedObject(text.value), 'error'), 'message') ?? '') : undefined;
  if (message === said) return unserved;
  // Where hooks have something against the message, its fields may say the same. The status stays, with when to come back.
  const { type: _, code: __, param: ___, ...bare } = upstream ?? {};
  const kept = upstream === undefined ? {} : { upstream: bare as UpstreamAnswer };
  return {
    ...unserved,
    refusal: { ...unserved.refusal, message: message ?? 'the upstream has not answered, and why is not for the caller', ...kept },
  };
}

/** What was answered is paid for nonetheless. */
const UNREACHABLE = { text: refuse('unavailable', 'the guardrails of the route cannot be reached: repeat the call'), records: [] };

const UNSET = (): void => undefined;
