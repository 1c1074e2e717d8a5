import * as z from 'zod';

import { embeddingEndpoints } from '../../src/contract/embeddings.ts';
import type { Refusal } from '../../src/contract/errors.ts';
import { ERRORS, messageOf, paramOf } from '../../src/contract/errors.ts';
import { surrogateFault } from '../../src/contract/json-text.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse, refuseBeyond } from '../../src/contract/outcome.ts';
import { parse } from '../../src/contract/parse.ts';
import type { EmbeddingModel, TokenisedText, Tokeniser } from '../../src/inference/embedding-model.ts';
import { checkWords, firstUnknownId, tokenBatch } from '../../src/inference/token-batch.ts';
import { truncate } from '../../src/inference/unit-vectors.ts';
import type { RawJson } from '../../src/kernel/exact-json.ts';
import { float32Json, jsonText } from '../../src/kernel/float32-text.ts';
import { rawLines } from '../../src/kernel/raw-lines.ts';
import { ok } from '../../src/kernel/result.ts';

/** A model ready to use. */
export interface LoadedModel {
  readonly tokeniser: Tokeniser;
  readonly model: EmbeddingModel;
}

/** Answers the lines of a batch, in order; several calls may be under way at once. */
export interface LineAnswerer {
  /** Calls that are worth having under way. */
  readonly callsMax: number;
  /** The answer to `lines[i]` has the id `${id}_${first + i}`. */
  answer(lines: readonly Line[], id: string, first: number, form: AnswerForm): Promise<readonly LineAnswer[]>;
}

/** How a line that fails is answered: `job`: by its error alone; `openai`: by the HTTP answer that it would have got. */
export type AnswerForm = 'job' | 'openai';

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

type Request = z.output<(typeof embeddingEndpoints)['createEmbeddings']['body']['schema']>;

/** Answers one line of a batch as `POST /v1/embeddings` would, in the shape of OpenAI's batch output. A bad line is answered with its error. */
export async function answerLine(line: Line, id: string, loaded: LoadedModel, form: AnswerForm = 'job'): Promise<LineAnswer> {
  const { customId, request } = readRequest(line, loaded.model.manifest.id);
  const answered = request.ok ? await embed(request.value, loaded) : request;
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

function readRequest(line: Line, model: string): { customId: string | null; request: Outcome<Request> } {
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

function ofModel(request: Outcome<Request>, model: string): Outcome<Request> {
  if (!request.ok || request.value.model === model) return request;
  return refuse('model_not_found', `the job runs ${model}, not ${request.value.model}`, ['body', 'model']);
}

async function embed(request: Request, { tokeniser, model }: LoadedModel): Promise<Outcome<{ body: object; tokens: number }>> {
  const { dimensions: modelDimensions, vocabularySize } = model.manifest;
  const dimensions = request.dimensions ?? modelDimensions;
  if (dimensions > modelDimensions) {
    return refuseBeyond({ path: 'dimensions', limit: { bound: modelDimensions }, value: dimensions, what: `is ${dimensions}` });
  }
  const texts = tokensOf(request.input, tokeniser);
  const short = checkWords(
    model.manifest,
    texts.map(({ words }) => words),
  );
  if (!short.ok) return short;
  const batch = tokenBatch(texts.map(({ ids }) => ids));
  if (firstUnknownId(batch.ids, vocabularySize) !== -1)
    return refuse('invalid_value', `a token id is not below the vocabulary size ${vocabularySize}`, 'input');
  const full = await model.embed(batch);
  const vectors = dimensions === modelDimensions ? full : truncate(full, modelDimensions, dimensions);
  const data = texts.map((_, index) => ({
    object: 'embedding',
    index,
    embedding: written(vectors.subarray(index * dimensions, (index + 1) * dimensions), request.encoding_format),
  }));
  const tokens = texts.reduce((sum, { words }) => sum + words, 0);
  return ok({ tokens, body: { object: 'list', data, model: model.manifest.id, usage: { prompt_tokens: tokens, total_tokens: tokens } } });
}

function tokensOf(input: Request['input'], tokeniser: Tokeniser): TokenisedText[] {
  if (typeof input === 'string') return [tokeniser.tokenise(input)];
  const [first] = input;
  if (typeof first === 'number') return [asTokenised(input as number[])];
  return (input as string[] | number[][]).map((item) => (typeof item === 'string' ? tokeniser.tokenise(item) : asTokenised(item)));
}

const asTokenised = (ids: readonly number[]): TokenisedText => ({ ids: Int32Array.from(ids), words: ids.length });

function written(vector: Float32Array, format: Request['encoding_format']): RawJson | string {
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
