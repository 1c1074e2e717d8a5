import * as z from 'zod';

import { embeddingEndpoints } from '../../src/contract/embeddings/embeddings.ts';
import type { Refusal } from '../../src/contract/api/errors.ts';
import { ERRORS, messageOf, paramOf } from '../../src/contract/api/errors.ts';
import { surrogateFault } from '../../src/contract/api/json-text.ts';
import type { Outcome } from '../../src/contract/api/outcome.ts';
import { refuse } from '../../src/contract/api/outcome.ts';
import { cutTextsOf, truncatedReply } from '../../src/contract/embeddings/truncation.ts';
import { refuseBeyond } from '../../src/contract/limits/limit-refusal.ts';
import { parse } from '../../src/contract/api/parse.ts';
import { batchRows, withNumbers } from '../../src/cache/vector-rows.ts';
import type { EmbeddingOutput } from '../../src/inference/embedding-output.ts';
import { outputFor } from '../../src/inference/embedding-output.ts';
import { sparseVector } from '../../src/inference/served/sparse-rows.ts';
import { truncate } from '../../src/inference/unit-vectors.ts';
import type { RawJson } from '../../src/kernel/exact-json.ts';
import { float32Json, jsonText } from '../../src/kernel/float32-text.ts';
import { rawLines } from '../../src/kernel/raw-lines.ts';
import { ok } from '../../src/kernel/result.ts';
import type { EmbeddingRequest, LineModel, LineVectors } from './line-model.ts';
import { tokenTexts } from './token-texts.ts';

/** Answers the lines of a batch, in order; several calls may be under way at once. */
export interface LineAnswerer {
  /** Calls that are worth having under way. */
  readonly callsMax: number;
  /** The answer to `lines[i]` has the id `${id}_${first + i}`. */
  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm): Promise<readonly LineAnswer[]>;
}

/**
 * How a line that fails is answered: `job`: by its error alone; `openai`: by the HTTP answer that it would have got; `replica`: so, too, and
 * one that does not fail says besides what the gateway has to know (`sluice`).
 */
export type AnswerForm = 'job' | 'openai' | 'replica';

export type Line = string | typeof TOO_LONG;

/** One line of output, and what it took. */
export interface LineAnswer {
  readonly json: string;
  readonly tokens: number;
  readonly failed: boolean;
}

const batchLine = z.object({
  custom_id: z.string().max(256),
  method: z.literal('POST'),
  url: z.literal('/v1/embeddings'),
  body: z.record(z.string(), z.unknown()),
});
const simpleLine = z.strictObject({ id: z.string().max(256), text: z.string() });

/** Answers one line of a batch as `POST /v1/embeddings` would, in the shape of OpenAI's batch output. A bad line is answered with its error. */
export async function answerLine(line: Line, id: string, model: LineModel, form: AnswerForm = 'job'): Promise<LineAnswer> {
  const { customId, request } = readRequest(line, model.name);
  const answered = request.ok ? await embed(request.value, model, form) : request;
  if (!answered.ok) return { json: jsonText({ id, custom_id: customId, ...failureOf(answered.error, id, form) }), tokens: 0, failed: true };
  const response = { status_code: 200, request_id: id, body: answered.value.body };
  return { json: jsonText({ id, custom_id: customId, response, error: null }), tokens: answered.value.tokens, failed: false };
}

function failureOf(error: Refusal, id: string, form: AnswerForm): object {
  const { code } = error;
  const wire = { code, message: messageOf(error), param: paramOf(error) };
  if (form === 'job') return { response: null, error: wire };
  const { status, type } = ERRORS[code];
  return { response: { status_code: status, request_id: id, body: { error: { ...wire, type } } }, error: null };
}

function readRequest(line: Line, model: string): { customId: string | null; request: Outcome<EmbeddingRequest> } {
  if (line === TOO_LONG) {
    return { customId: null, request: refuseBeyond({ limit: 'jobLineBytesMax', what: 'the line has too many bytes' }) };
  }
  const value = parseJson(line);
  if (typeof value !== 'object' || value === null) {
    return { customId: null, request: refuse('malformed_json', 'the line is not a JSON object') };
  }
  const fault = surrogateFault(line, value);
  if (fault !== undefined) return { customId: customIdOf(value), request: { ok: false, error: fault } };
  if ('custom_id' in value) {
    const parsed = parse(batchLine, value);
    const request = parsed.ok
      ? ofModel(parse(embeddingEndpoints.createEmbeddings.body.schema, { model, ...parsed.value.body }), model)
      : parsed;
    return { customId: customIdOf(value), request };
  }
  const parsed = parse(simpleLine, value);
  const request = parsed.ok ? parse(embeddingEndpoints.createEmbeddings.body.schema, { model, input: parsed.value.text }) : parsed;
  return { customId: customIdOf(value), request };
}

/** What the line calls itself, so that its answer can be matched with it even when it is refused. */
function customIdOf(line: object): string | null {
  const { custom_id: customId, id = null }: { custom_id?: unknown; id?: unknown } = line;
  const given = customId === undefined ? id : customId;
  return typeof given === 'string' ? given : null;
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function ofModel(request: Outcome<EmbeddingRequest>, model: string): Outcome<EmbeddingRequest> {
  if (!request.ok || request.value.model === model) return request;
  return refuse('model_not_found', `the job runs ${model}, not ${request.value.model}`, ['body', 'model']);
}

async function embed(request: EmbeddingRequest, model: LineModel, form: AnswerForm): Promise<Outcome<{ body: object; tokens: number }>> {
  const dimensions = request.dimensions ?? model.dimensions;
  if (dimensions > model.dimensions) {
    return refuseBeyond({ path: 'dimensions', limit: { bound: model.dimensions }, value: dimensions, what: `is ${dimensions}` });
  }
  const output = outputFor(model.id, model.makes, request.return_multivector === true ? 'tokens' : request.output);
  if (!output.ok) return output;
  if (output.value === 'sparse' && request.dimensions !== undefined)
    return refuse('invalid_value', `goes with dense and token vectors; ${model.id} makes sparse ones`, 'dimensions');
  const input = await tokenTexts.inputOf(request);
  if (!input.ok) return input;
  const embedded = await model.embed({ ...request, input: input.value }, output.value);
  if (!embedded.ok) return embedded;
  const { tokens: counts, cutTokens } = embedded.value;
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const data = writtenRows(embedded.value, { output: output.value, full: model.dimensions, dimensions, format: request.encoding_format });
  const counted = { tokens: [...counts], cut_tokens: [...cutTokens] };
  const sluice = form === 'replica' ? { sluice: { ...counted, version: model.version, contract_hash: model.contractHash } } : {};
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  const truncated = truncatedReply(request.truncate, cutTextsOf(cutTokens));
  return ok({ tokens, body: { object: 'list', data, model: model.id, usage, ...truncated, ...sluice } });
}

interface RowForm {
  readonly output: EmbeddingOutput;
  /** Numbers of the model's own vectors. */
  readonly full: number;
  readonly dimensions: number;
  readonly format: EmbeddingRequest['encoding_format'];
}

/** The rows of an answer, as `POST /v1/embeddings` has them. */
function writtenRows({ vectors, lengths, tokens }: LineVectors, { output, full, dimensions, format }: RowForm): object[] {
  const rows = batchRows(withNumbers(tokens.map(Object), lengths), vectors);
  const vectorsOf = (row: Float32Array<ArrayBuffer>) => {
    const cut = dimensions === full ? row : truncate(row, full, dimensions);
    return Array.from({ length: cut.length / dimensions }, (_, at) =>
      written(cut.subarray(at * dimensions, (at + 1) * dimensions), format),
    );
  };
  const embeddingOf = (row: Float32Array<ArrayBuffer>) => {
    if (output !== 'sparse') return output === 'tokens' ? vectorsOf(row) : vectorsOf(row)[0];
    const { indices, values } = sparseVector(row);
    return { indices, values: float32Json(values) };
  };
  return rows.map((row, index) => ({ object: 'embedding', index, embedding: embeddingOf(row) }));
}

function written(vector: Float32Array, format: EmbeddingRequest['encoding_format']): RawJson | string {
  if (format === 'base64') return Buffer.from(vector.slice().buffer).toString('base64');
  return float32Json(vector);
}

/** A line too long to be held. */
export const TOO_LONG = Symbol('a line longer than allowed');

const decoder = new TextDecoder();

/** The lines of a byte stream, without what spacing they begin or end with; blank ones are left out, and longer ones than allowed `TOO_LONG`. */
export async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string | typeof TOO_LONG> {
  for await (const { content } of rawLines(chunks, bytesMax)) {
    const line = content === undefined ? TOO_LONG : decoder.decode(content).trim();
    if (line !== '') yield line;
  }
}
