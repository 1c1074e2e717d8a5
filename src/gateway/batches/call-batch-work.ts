import { CALL_BATCH_LIMITS } from '../../contract/jobs/call-batch-limits.ts';
import { messageOf } from '../../contract/api/errors.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { FileId } from '../../kernel/ids.ts';
import type { BatchLine, CallBatch, LineAnswer } from '../../upstreams/batches/call-batch.ts';
import type { ReadLine } from '../../upstreams/batches/batch-lines.ts';
import { readBatchLines } from '../../upstreams/batches/batch-lines.ts';
import type { AnsweredLine, SqliteCallBatches } from '../../upstreams/store/sqlite-call-batches.ts';
import { Composed } from '../api/composed.ts';

interface CallBatchParts {
  readonly store: SqliteCallBatches;
  /** Whether the tenant may be worked for now: it may be suspended, or erased. */
  readonly mayWork: (batch: CallBatch) => Promise<boolean>;
  readonly input: (batch: CallBatch) => Promise<Outcome<AsyncIterable<Uint8Array>>>;
  /** Makes the call of a line as the owner of the batch. Never rejects. */
  readonly call: (batch: CallBatch, line: BatchLine) => Promise<LineAnswer>;
  /** Writes a file once: what is there under the id stays. */
  readonly write: (batch: CallBatch, id: FileId, lines: Iterable<string>) => Promise<Outcome<unknown>>;
  readonly clock: Clock;
}

const CHUNK_LINES = 200;
const EXPIRED = { code: 'batch_expired', message: 'the request was not called before the batch expired' };
const CANCELLED = { code: 'batch_cancelled', message: 'the request was not called before the batch was cancelled' };

/** Does what batches of calls have to do, slice by slice. All that it needs to go on after an interruption is stored. [J273] */
export class CallBatchWork extends Composed<CallBatchParts> {
  /** Works for about `callBatchSliceMs`; resolves to the pause before the next slice, in ms. Null: there is nothing to do. */
  async advance(): Promise<number | null> {
    const { store, clock, mayWork } = this.parts;
    const endMs = clock.nowMs() + CALL_BATCH_LIMITS.callBatchSliceMs;
    const pausesMs: (number | null)[] = [];
    const open: string[] = [];
    for (const { id } of store.underWay()) store.recover(id);
    for (const batch of store.underWay()) {
      if (!(await mayWork(batch))) {
        pausesMs.push(CALL_BATCH_LIMITS.callBatchRetryMs);
        continue;
      }
      if (batch.status === 'validating') await this.#validate(batch);
      open.push(batch.id);
    }
    await this.#callLines(open, endMs);
    for (const id of open) pausesMs.push(await this.#finish(id));
    const left = pausesMs.filter((pauseMs) => pauseMs !== null);
    return left.length === 0 ? null : Math.min(...left);
  }

  /** [J271] */
  async #validate(batch: CallBatch): Promise<void> {
    const { store, input, clock } = this.parts;
    const opened = await input(batch);
    if (!opened.ok)
      return this.#fail(batch, [{ code: opened.error.code, line: null, message: messageOf(opened.error), param: 'input_file_id' }]);
    store.clearLines(batch.id);
    let [held, added, model]: [ReadLine[], number, string | undefined] = [[], 0, undefined];
    const add = (): void => {
      store.addLines(batch.id, added + 1, held);
      added += held.length;
      held = [];
    };
    const { total, faults } = await readBatchLines(opened.value, batch.endpoint, (line) => {
      model ??= line.model;
      if (held.push(line) >= CHUNK_LINES) add();
    });
    if (faults.length > 0) return this.#fail(batch, faults);
    add();
    const isOpen = store.find(batch.id)?.status === 'validating';
    if (isOpen) store.change(batch.id, { status: 'in_progress', inProgressAtMs: clock.nowMs(), total, model: model ?? '' });
  }

  #fail({ id }: CallBatch, faults: NonNullable<CallBatch['faults']>): void {
    this.parts.store.change(id, { status: 'failed', faults, endedAtMs: this.parts.clock.nowMs() });
  }

  /** Several at once, in turn of all batches, until the slice is over, or none may be called now. */
  async #callLines(ids: readonly string[], endMs: number): Promise<void> {
    let turn = 0;
    const next = (): readonly [id: string, line: BatchLine] | undefined => {
      for (let tried = 0; tried < ids.length; tried += 1) {
        const id = ids[turn % ids.length] ?? '';
        turn += 1;
        const line = this.#next(id, endMs);
        if (line !== undefined) return [id, line];
      }
      return undefined;
    };
    const one = async (): Promise<void> => {
      for (let call = next(); call !== undefined; call = next()) await this.#callLine(...call);
    };
    await Promise.all(Array.from({ length: CALL_BATCH_LIMITS.callBatchParallelMax }, one));
  }

  /** A batch that is cancelled or expires meanwhile begins no call. */
  #next(id: string, endMs: number): BatchLine | undefined {
    const { store, clock } = this.parts;
    const batch = store.find(id);
    const nowMs = clock.nowMs();
    if (batch?.status !== 'in_progress' || nowMs >= endMs || nowMs >= batch.expiresAtMs) return undefined;
    return store.begin(id, nowMs);
  }

  async #callLine(id: string, line: BatchLine): Promise<void> {
    const { store, call, clock } = this.parts;
    const batch = store.find(id);
    if (batch === undefined) return;
    const answer = await call(batch, line);
    // The tenant may have been erased meanwhile.
    if (store.find(id) === undefined) return;
    if (answer.isForNow && line.tries + 1 < CALL_BATCH_LIMITS.callBatchTriesMaxCount) {
      store.putOff(id, line.number, clock.nowMs() + CALL_BATCH_LIMITS.callBatchPauseMs * 2 ** line.tries);
    } else store.answer(id, line.number, boundedAnswer(answer));
  }

  /** [J274] Ends the batch once all lines are answered, or none is to be called any more. */
  async #finish(id: string): Promise<number | null> {
    const { store, clock } = this.parts;
    const nowMs = clock.nowMs();
    const batch = store.find(id);
    if (batch === undefined || batch.status === 'failed') return null;
    const ends = endOf(batch, nowMs);
    if (ends !== undefined) store.giveUp(id, ends.unanswered);
    const nextMs = store.nextMs(id);
    if (nextMs !== undefined) return Math.max(0, nextMs - nowMs);
    const finalizing =
      ends === undefined ? store.change(id, { status: 'finalizing', finalizingAtMs: batch.finalizingAtMs ?? nowMs }) : batch;
    if (finalizing === undefined) return null;
    if (!(await this.#write(store.find(id) ?? finalizing))) return CALL_BATCH_LIMITS.callBatchRetryMs;
    store.change(id, { status: ends?.status ?? 'completed', endedAtMs: clock.nowMs() });
    return null;
  }

  /** Whether its files are written: each where there is a line for it. */
  async #write(batch: CallBatch): Promise<boolean> {
    const { id, outputFile, errorFile, completed, failed } = batch;
    for (const [file, count, isFailed] of [[outputFile, completed, false] as const, [errorFile, failed, true] as const]) {
      const written = count === 0 ? undefined : await this.parts.write(batch, file, this.#linesOf(id, isFailed));
      if (written?.ok === false) return false;
    }
    return true;
  }

  *#linesOf(id: string, isFailed: boolean): Generator<string, void> {
    for (let after = 0; ;) {
      const answers = this.parts.store.answers(id, isFailed, after, CHUNK_LINES / 10);
      for (const answer of answers) yield outputLine(id, answer);
      const last = answers.at(-1);
      if (last === undefined) return;
      after = last.number;
    }
  }
}

/** How a batch ends before all of its lines are answered; undefined: it goes on. */
function endOf({ status, expiresAtMs }: CallBatch, nowMs: number) {
  if (status === 'cancelling') return { status: 'cancelled', unanswered: CANCELLED } as const;
  return status === 'in_progress' && nowMs >= expiresAtMs ? ({ status: 'expired', unanswered: EXPIRED } as const) : undefined;
}

/** As OpenAI writes it. */
function outputLine(batch: string, { number, customId, status, requestId, answer }: AnsweredLine): string {
  const head = `{"id":${JSON.stringify(`${batch.replace(/^batch_/, 'batch_req_')}_${number}`)},"custom_id":${JSON.stringify(customId)}`;
  if (status === null) return `${head},"response":null,"error":${answer}}\n`;
  return `${head},"response":{"status_code":${status},"request_id":${JSON.stringify(requestId)},"body":${answer}},"error":null}\n`;
}

function boundedAnswer(answer: LineAnswer): LineAnswer {
  const charsMax = CALL_BATCH_LIMITS.callBatchAnswerCharsMax;
  if (answer.body.length <= charsMax) return answer;
  const error = { code: 'limit_exceeded', message: `the answer has more than ${charsMax} characters (callBatchAnswerCharsMax)` };
  return { ...answer, status: 400, body: JSON.stringify({ error: { ...error, type: 'invalid_request_error', param: null } }) };
}
