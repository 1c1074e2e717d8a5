import type { ImportLine, ImportProgress } from '../../../contract/vectors/bulk.ts';
import type { Refusal } from '../../../contract/api/errors.ts';
import { ERRORS, messageOf, paramOf, RefusedStream, refusalAt } from '../../../contract/api/errors.ts';
import { pathBelow } from '../../../contract/api/field-path.ts';
import type { CutCounts, Truncate } from '../../../contract/embeddings/truncation.ts';
import { addCuts, bothCut, isTruncating, NOTHING_CUT } from '../../../contract/embeddings/truncation.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { must } from '../../../kernel/assert.ts';
import { sha256Hex } from '../../../kernel/bytes.ts';
import { base32 } from '../../../kernel/ids.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { Rng } from '../../../kernel/rng.ts';
import { sleptUnlessEnded, unlessEnded } from '../../../contract/tenancy/authority-end.ts';
import type { Acting } from '../../tenancy/authority.ts';
import type { Budget } from '../../tenancy/budget.ts';
import type { PinnedIndex } from '../../indexes/index-ref.ts';
import { mayTouchIndex, pinnedTo } from '../../indexes/index-ref.ts';
import type { ManifestCache } from '../../indexes/manifest-cache.ts';
import { upsertDigest } from '../upserts.ts';
import type { VectorSpace } from '../vector-space.ts';
import { batchPaths } from '../vector-space.ts';
import type { Vectors } from '../vectors.ts';
import type { BulkTokens } from './bulk-tokens.ts';
import type { ImportBatch, LineFault, PlacedLine, Position } from './import-batch.ts';
import { batchesOf } from './import-batch.ts';
import { framesOf } from './import-frames.ts';
import { waitMsOf } from './wait.ts';
import { Composed } from '../../api/composed.ts';
import { checkOwnRows } from '../visible/own-rows.ts';

const IMPORT_ID_CHARS = 16;

interface ImportsParts {
  readonly vectors: Pick<Vectors, 'write'>;
  readonly manifests: ManifestCache;
  readonly space: Pick<VectorSpace, 'checkModel'>;
  readonly budget: Budget;
  readonly tokens: BulkTokens;
  readonly rng: Rng;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface ImportTerms extends Acting {
  readonly index: string;
  readonly token: string | undefined;
  readonly model: string | undefined;
  readonly truncate: Truncate | undefined;
  readonly idempotencyKey: string | undefined;
  /** What usage is booked under. */
  readonly route: string;
  /** Whether the body is frames of vectors, not lines of JSON. */
  readonly isFramed: boolean;
}

interface Import extends ImportTerms {
  readonly id: string;
  readonly pin: PinnedIndex;
}

/** What has been done so far. */
interface Done {
  readonly at: Position;
  /** Digest of all lines that were written, in their order: what is repeated is only the same behind the same. */
  readonly applied: string;
  readonly written: number;
  /** What of its texts was cut. */
  readonly cut: CutCounts;
  readonly lsn: number | null;
}

/** Writes streams of vectors into indexes, batch by batch through the same use case as an upsert. Rules: SPEC.md in this folder. */
export class Imports extends Composed<ImportsParts> {
  /**
   * Refuses a token that is none, an index that is not there and a model that does not belong into it; then nothing was read.
   * The generator writes as it is asked for more; what it yields last is `done` or `stopped`.
   */
  async open(terms: ImportTerms, body: AsyncIterable<Uint8Array>): Promise<Outcome<AsyncGenerator<ImportProgress, void>>> {
    const { manifests, space, tokens } = this.parts;
    const { principal } = terms;
    const resumed = terms.token === undefined ? undefined : await tokens.open('import', terms.token);
    if (resumed?.ok === false) return resumed;
    const found = await manifests.current(principal.tenantId, terms.index);
    if (!found.ok) return found;
    const manifest = found.value;
    const touched = mayTouchIndex(principal, manifest);
    if (!touched.ok) return touched;
    const checked = await space.checkModel(manifest, terms.model);
    if (!checked.ok) return checked;
    const pin = pinnedTo(manifest);
    if (resumed !== undefined && resumed.value.index !== pin.incarnation) {
      return refuse('invalid_value', 'belongs to another index; start the import again', 'token');
    }
    if (resumed !== undefined && resumed.value.key !== principal.keyId) {
      return refuse('invalid_value', 'was issued to another key; start the import again', 'token');
    }
    const { import: id, lines, bytes, applied } = resumed?.value ?? { ...START, import: await this.#newId(terms, pin) };
    const start = { at: { lines, bytes }, applied, written: 0, cut: NOTHING_CUT, lsn: null };
    return ok(this.#run({ ...terms, id, pin }, start, body));
  }

  async *#run(job: Import, start: Done, body: AsyncIterable<Uint8Array>): AsyncGenerator<ImportProgress, void> {
    let done = start;
    yield await this.#progress(job, 'running', done);
    const batches = job.isFramed ? framesOf(body, start.at) : batchesOf(body, start.at);
    for (let next = batches.next(); ;) {
      // [T57] Also while the sender rests.
      const read = await unlessEnded(job.authority.end, settled(next), err);
      if (!read.ok) return yield await this.#stopped(job, done, read.error);
      const batch = read.value;
      if (batch === undefined) return yield await this.#progress(job, 'done', done);
      // The next one is read and parsed while this one is written.
      next = batches.next();
      next.catch(() => undefined);
      const { fault, ...written } = await this.#writeBatch(job, batch, done);
      done = written;
      if (fault !== undefined) return yield await this.#stopped(job, done, fault.refusal, fault);
      yield await this.#progress(job, 'running', done);
    }
  }

  /** Writes as much of a batch as can be written, and returns the refusal of the rest. */
  async #writeBatch(job: Import, batch: ImportBatch, done: Done): Promise<Done & { readonly fault?: LineFault | Unplaced | undefined }> {
    const { fault } = batch;
    if (batch.lines.length === 0) return { ...done, at: batch.until, fault };
    const whole = await this.#write(job, batch.from, batch.lines, done);
    if (whole.ok) return { ...grown(done, whole.value), at: batch.until, fault };
    const culprit = culpritOf(whole.error, batch.lines);
    if (culprit === undefined) return { ...done, fault: { refusal: whole.error } };
    const { vector: _, ...place } = culprit.line;
    const refused = { at: place.before, fault: { refusal: culprit.refusal, ...place } };
    const sound = batch.isWhole ? [] : batch.lines.slice(0, batch.lines.indexOf(culprit.line));
    if (sound.length === 0) return { ...done, ...refused };
    const part = await this.#write(job, batch.from, sound, done);
    if (!part.ok) return { ...done, fault: { refusal: part.error } };
    return { ...grown(done, part.value), ...refused };
  }

  /** Tries again what was refused for a while; a repetition of what was written after all changes nothing. */
  async #write(job: Import, from: Position, lines: readonly PlacedLine[], { applied: before }: Done): Promise<Outcome<Part>> {
    const vectors = lines.map(({ vector }) => vectorOf(vector));
    const own = checkOwnRows(vectors, batchPaths);
    if (!own.ok) return own;
    const { model, truncate } = job;
    const body = { vectors, model, isTruncating: isTruncating(truncate) };
    const digest = await upsertDigest({ vectors, model, truncate });
    // [B15] With a digest in it of all lines up to here: corrected ones, or another file, are another request, not one that contradicts the first.
    const applied = (await sha256Hex(`${before}:${digest}`)).slice(0, 32);
    const repetition = { idempotencyKey: `${job.id}:${from.lines}:${applied}`, digest };
    for (let [tries, waitedMs] = [0, 0]; ;) {
      const outcome = await this.#writeOnce(job, body, repetition);
      if (outcome.ok) return ok({ ...outcome.value, applied });
      const waitMs = waitMsOf(outcome.error, tries);
      if (waitMs === undefined || waitedMs + waitMs > VECTOR_LIMITS.importWaitMaxMs) return outcome;
      tries += 1;
      waitedMs += waitMs;
      const ended = await sleptUnlessEnded(job.authority.end, this.parts.sleep(waitMs));
      if (ended !== undefined) return err(ended);
    }
  }

  async #writeOnce(
    { principal, authority, pin, route }: Import,
    body: Parameters<Vectors['write']>[2],
    repetition: Parameters<Vectors['write']>[3],
  ): Promise<Outcome<Omit<Part, 'applied'>>> {
    const { budget, vectors } = this.parts;
    const reserved = await budget.reserve(principal, { vectors_written: body.vectors.length });
    if (!reserved.ok) return reserved;
    const caller = {
      principal,
      authority,
      reserve: (quantities: { readonly embedding_tokens: number }) => reserved.value.extend(quantities),
    };
    const written = await vectors.write(caller, pin, body, repetition);
    if (!written.ok) {
      reserved.value.settle({}, { route });
      return written;
    }
    const { count, lsn, tokens, cachedTokens, cut, manifest, usageId } = written.value;
    const used = { vectors_written: count, embedding_tokens: tokens - cachedTokens, embedding_cached_tokens: cachedTokens };
    const label = { route, usageId: must(usageId, 'every batch can be repeated') };
    reserved.value.settle(used, { ...label, ...(manifest.embedding === null ? {} : { model: manifest.embedding.model }) });
    return ok({ count, lsn, cut: addCuts(NOTHING_CUT, cut) });
  }

  /** Named by the `Idempotency-Key`, if there is one: all repetitions are then one import. */
  async #newId({ idempotencyKey, principal }: ImportTerms, { incarnation }: PinnedIndex): Promise<string> {
    const bytes = this.parts.rng.bytes(IMPORT_ID_CHARS);
    if (idempotencyKey === undefined) return `imp_${base32(bytes)}`;
    // A digest of the key and of this very index: an import into another one under the same `Idempotency-Key` is another import.
    return `imp_${(await sha256Hex(`${principal.tenantId}:${incarnation}:${principal.keyId}:${idempotencyKey}`)).slice(0, 2 * IMPORT_ID_CHARS)}`;
  }

  async #stopped(job: Import, done: Done, refusal: Refusal, fault?: LineFault | Unplaced): Promise<ImportProgress> {
    const placed = fault !== undefined && 'before' in fault ? fault : undefined;
    const { code, retryAfterMs } = refusal;
    const message = messageOf(refusal);
    const line = placed?.line ?? null;
    return {
      ...(await this.#progress(job, 'stopped', done)),
      ...(placed?.behind === undefined ? {} : { skip_token: await this.#token(job, { ...done, at: placed.behind }) }),
      error: {
        code,
        message: line === null ? message : `line ${line}: ${message}`,
        param: paramOf(refusal),
        line,
        ...(ERRORS[code].retryable && retryAfterMs !== undefined ? { retry_after_ms: retryAfterMs } : {}),
      },
    };
  }

  async #progress(job: Import, status: ImportProgress['status'], done: Done): Promise<ImportProgress> {
    const { at, written, cut, lsn } = done;
    const truncated = isTruncating(job.truncate) ? { truncated: cut } : {};
    return { object: 'index.import', status, import: job.id, ...at, written, ...truncated, lsn, token: await this.#token(job, done) };
  }

  #token({ id, pin, principal }: Import, { at, applied }: Done): Promise<string> {
    return this.parts.tokens.seal('import', { import: id, index: pin.incarnation, key: principal.keyId, ...at, applied });
  }
}

interface Part {
  readonly count: number;
  readonly lsn: number;
  readonly cut: CutCounts;
  readonly applied: string;
}

/** A refusal that no line is to blame for. */
interface Unplaced {
  readonly refusal: Refusal;
}

const grown = (done: Done, { count, lsn, cut, applied }: Part) => ({
  written: done.written + count,
  cut: bothCut(done.cut, cut),
  lsn,
  applied,
});

const vectorOf = ({ id, values, text, namespace, metadata, fields }: ImportLine) => ({
  id,
  namespace,
  ...(values === undefined ? {} : { values }),
  ...(text === undefined ? {} : { text }),
  ...(metadata === undefined || metadata === null ? {} : { metadata }),
  ...(fields === undefined ? {} : { fields }),
});

/** The next batch, undefined at the end; refused when the body broke off. */
async function settled(next: Promise<IteratorResult<ImportBatch, void>>): Promise<Outcome<ImportBatch | undefined>> {
  try {
    const { done, value } = await next;
    return ok(done === true ? undefined : value);
  } catch (error) {
    if (error instanceof RefusedStream) return err(error.refusal);
    return refuse('invalid_value', 'the body ended early, or its chunks are malformed');
  }
}

/** The line that a refusal of a batch names, and the refusal with its path in the line. */
function culpritOf(error: Refusal, lines: readonly PlacedLine[]): { line: PlacedLine; refusal: Refusal } | undefined {
  const [at, ...field] = pathBelow(error.path, ['vectors']) ?? [];
  const line = typeof at === 'number' ? lines[at] : undefined;
  return line === undefined ? undefined : { line, refusal: refusalAt(error, field) };
}

const START = { lines: 0, bytes: 0, applied: '' };
