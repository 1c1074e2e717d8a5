import { inputDigest } from '../../cache/cache-key.ts';
import type { Sha256 } from '../../cache/cache-key.ts';
import { batchRows, withNumbers } from '../../cache/vector-rows.ts';
import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import { EMBEDDING_LIMITS } from '../../contract/embeddings/embedding-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { cutTextsOf } from '../../contract/embeddings/truncation.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { refusalAt } from '../../contract/api/errors.ts';
import { pathBelow } from '../../contract/api/field-path.ts';
import { cacheOwnerOf } from '../../contract/api/principal.ts';
import type { ModelManifest } from '../../inference/model-manifest.ts';
import type { RegisteredRoute, RoutedVersion } from '../../inference/registry/model-route.ts';
import { versionFor } from '../../inference/registry/model-route.ts';
import { shownChoice } from '../../inference/served/choose-runner.ts';
import type { InputType } from '../../inference/served/model-calls.ts';
import type { EmbeddingOutput } from '../../inference/embedding-output.ts';
import { makesVectors, outputFor, tooManyNumbers } from '../../inference/embedding-output.ts';
import { promptOf, textChunks, tokensBound } from '../../inference/served/text-chunks.ts';
import { truncate } from '../../inference/unit-vectors.ts';
import { err, ok } from '../../kernel/result.ts';
import { mayTouchModels } from '../tenancy/authority.ts';
import type { CacheReport } from '../caches/cache-report.ts';
import type { CountCache } from '../caches/cache-stats.ts';
import type { EmbeddedInputs, EmbedInputs } from './embed.ts';
import { checkContract } from './embed.ts';
import type { BatchAnswer, EmbeddingCache } from './embedding-cache.ts';
import { packRow, unpackCounts, unpackRows } from './packed-rows.ts';
import type { ModelRunners, Ran, RunTexts } from '../models/model-runners.ts';
import { Composed } from '../api/composed.ts';

interface RegisteredEmbedderParts {
  readonly runners: Pick<ModelRunners, 'embedTexts'>;
  readonly cache: EmbeddingCache;
  readonly sha256: Sha256;
  readonly count: CountCache;
}

/**
 * Embeds texts by registered models, which the inference Worker or a replica on a pool runs. How many tokens a text has is known only once it is embedded: a bound
 * is reserved before, and the rest where that was too little (M42). A cached row is a vector and, behind it, how many tokens its text has, and has lost (`packCounts`).
 */
export class RegisteredEmbedder extends Composed<RegisteredEmbedderParts> {
  /** Refuses as `Embedder.embedInputs`, and token ids, whose meaning is the model's own affair. */
  async embedInputs(request: EmbedInputs, route: RegisteredRoute, inputType: InputType | undefined): Promise<Outcome<EmbeddedInputs>> {
    const { principal, authority, inputs, directives, ttlMs, tags = [] } = request;
    const touched = mayTouchModels(principal, [route.model]);
    if (!touched.ok) return touched;
    const given = textsOf(inputs, route.model);
    if (!given.ok) return given;
    const texts = given.value;
    const digests = inputs.map((input) => inputDigest(this.parts.sha256, input));
    const version = versionFor(route, `${principal.tenantId}:${digests.join()}`);
    const isFit = (request.mustBeDense === true ? checkDense : checkTask)(route.model, version);
    if (!isFit.ok) return isFit;
    const pinned = checkContract(request, route.model, version.contractHash);
    if (!pinned.ok) return pinned;
    const form = formOf(route.model, version, request);
    if (!form.ok) return form;
    const { output, dimensions } = form.value;
    const { dimensions: full } = version.manifest;
    const bounds = texts.map((text) => tokensBound(version.manifest, text, inputType));
    const bound = sumOf(bounds);
    const reserved = await request.reserve({ embedding_tokens: bound });
    if (!reserved.ok) return reserved;

    const manifest = manifestOf(route, version);
    const { leftMs, model: name } = request;
    const longestTokens = bounds.reduce((most, one) => Math.max(most, one), 0);
    const isTruncating = request.isTruncating === true;
    const run = {
      principal,
      name,
      route,
      version,
      inputType,
      output,
      tokens: bound,
      longestTokens,
      isTruncating,
      leftMs,
      end: authority.end,
    };
    let ran: Ran | undefined;
    const answer = await this.parts.cache.answer({
      acting: { principal, authority },
      owner: cacheOwnerOf(principal),
      manifest: { ...manifest, dimensions: full + 1, contractHash: this.#cacheSpace(version, inputType, output) },
      isRagged: output !== 'dense',
      // [M184] The vectors of the tokens of one text take as much room as some hundred texts do.
      isKept: output !== 'tokens',
      digests,
      directives,
      ttlMs,
      tags,
      ...(isTruncating ? { sharing: 'end' } : {}),
      compute: async (rows) => {
        const computed = await this.#compute(run, texts, bounds, rows);
        if (computed.ok) ({ ran } = computed.value);
        return computed.ok ? ok(computed.value.packed) : computed;
      },
    });
    if (!answer.ok) return answer;
    return this.#counted({ request, run, texts, bounds, dimensions, manifest }, answer.value, ran);
  }

  /** What was answered, with what it counts: refuses what is too much of it, or cut though the request does not say so. */
  async #counted(
    { request, run, texts, bounds, dimensions, manifest }: Asked,
    answer: BatchAnswer,
    ran: Ran | undefined,
  ): Promise<Outcome<EmbeddedInputs>> {
    const { version, output, isTruncating, tokens: bound } = run;
    const { dimensions: full } = version.manifest;
    const { principal } = request;
    const { report, holding, rows } = answer;
    const numbers = rows.reduce((sum, { length }) => sum + length - 1, 0);
    if (numbers > EMBEDDING_LIMITS.embeddingNumbersMaxCount) return tooManyNumbers(numbers, output);
    const { vectors, packed } =
      output === 'dense' ? unpackRows(answer.vectors, full) : { vectors: NO_NUMBERS, packed: rows.map((row) => row.at(-1) ?? 0) };
    const counts = packed.map((one) => unpackCounts(one, version.manifest.tokensMax));
    const tokens = counts.map((one) => one.tokens);
    const cut = cutTextsOf(counts.map(({ cutTokens }) => cutTokens));
    const [firstCut] = cut;
    // [M157] It was computed for a call that allowed it, and answers such calls alone.
    if (!isTruncating && firstCut !== undefined) return this.#refusalOf(run, texts, bounds, firstCut.index);
    this.parts.count(principal, { cache: 'embeddings', model: manifest.id, sources: report.sources, agesMs: report.agesMs, holding });
    const total = sumOf(tokens);
    if (total > EMBEDDING_LIMITS.embeddingTokensMaxCount)
      return refuseBeyond({ path: 'input', limit: 'embeddingTokensMaxCount', value: total, what: `has ${total} tokens` });
    // [M42] Nothing is answered whose tokens were not reserved.
    const rest = total > bound ? await request.reserve({ embedding_tokens: total - bound }) : ok(undefined);
    if (!rest.ok) return rest;
    const shortened = (some: Float32Array<ArrayBuffer>) => (dimensions === full ? some : truncate(some, full, dimensions));
    return ok({
      output,
      vectors: shortened(vectors),
      rows: rows.map((row) => shortened(row.subarray(0, -1))),
      dimensions,
      tokens: total,
      cut,
      cachedTokens: cachedTokens(tokens, report),
      report,
      ...answeredBy(manifest, ran),
    });
  }

  /** Vectors of queries and passages are kept apart where the model makes others of them, and so are forms of vectors; a purge by text takes all. [M184] */
  #cacheSpace({ manifest, contractHash }: RoutedVersion, inputType: InputType | undefined, output: EmbeddingOutput): string {
    const prompt = promptOf(manifest, inputType);
    if (output !== 'dense') return this.parts.sha256(JSON.stringify([contractHash, prompt, output]));
    return prompt === '' ? contractHash : this.parts.sha256(`${contractHash}:${prompt}`);
  }

  async #compute(
    run: RunTexts,
    texts: readonly string[],
    bounds: readonly number[],
    rows: readonly number[],
  ): Promise<Outcome<{ readonly packed: readonly Float32Array<ArrayBuffer>[]; readonly ran: Ran | undefined }>> {
    const packed: Float32Array<ArrayBuffer>[] = [];
    let ran: Ran | undefined;
    let [first, numbers] = [0, 0];
    const chunks = textChunks(rows, bounds, run.version, chunkTokensMax(run)).map((chunk) => ({
      chunk,
      from: (first += chunk.length) - chunk.length,
    }));
    const embed = async ({ chunk, from }: { readonly chunk: readonly number[]; readonly from: number }): Promise<Outcome<null>> => {
      const embedded = await this.parts.runners.embedTexts(
        run,
        chunk.map((row) => texts[row] ?? ''),
      );
      if (!embedded.ok) {
        const [at, ...rest] = pathBelow(embedded.error.path, ['input']) ?? [];
        return typeof at === 'number' ? err(refusalAt(embedded.error, ['input', chunk[at] ?? 0, ...rest])) : embedded;
      }
      const { vectors, lengths, tokens, cutTokens } = embedded.value;
      ran = later(ran, embedded.value.ran);
      if (lengths !== undefined) numbers += vectors.length;
      if (numbers > EMBEDDING_LIMITS.embeddingNumbersMaxCount) return tooManyNumbers(numbers, run.output ?? 'dense');
      for (const [at, row] of batchRows(withNumbers(chunk.map(Object), lengths), vectors).entries())
        packed[from + at] = packRow(row, { tokens: tokens[at] ?? 0, cutTokens: cutTokens?.[at] ?? 0 }, run.version.manifest.tokensMax);
      return ok(null);
    };
    // Calls of isolates follow each other, so that those of other requests run in between; a replica has several cores.
    for (let at = 0; at < chunks.length;) {
      const count = ran?.choice.runner === 'pool' ? MODEL_LIMITS.replicaCallsAtOnceMax : 1;
      const done = await Promise.all(chunks.slice(at, at + count).map(embed));
      const failed = done.find((one) => !one.ok);
      if (failed !== undefined && !failed.ok) return failed;
      at += count;
    }
    return ok({ packed, ran });
  }

  /** Why a text is refused that is too long: as what runs the model says. */
  async #refusalOf(run: RunTexts, texts: readonly string[], bounds: readonly number[], row: number): Promise<Outcome<never>> {
    const computed = await this.#compute(run, texts, bounds, [row]);
    const { tokensMax } = run.version.manifest;
    const what = `has more than ${tokensMax} tokens`;
    return computed.ok ? refuseBeyond({ path: ['input', row], limit: { bound: tokensMax }, value: tokensMax + 1, what }) : computed;
  }
}

/** The form of a request's vectors, and how many numbers each has. Refuses what the model does not make by `output` or `dimensions`. */
function formOf(
  model: string,
  { manifest }: RoutedVersion,
  { output: asked, dimensions = manifest.dimensions }: Pick<EmbedInputs, 'output' | 'dimensions'>,
): Outcome<{ readonly output: EmbeddingOutput; readonly dimensions: number }> {
  const output = outputFor(model, manifest, asked);
  if (!output.ok) return output;
  if (output.value === 'sparse' && dimensions !== manifest.dimensions)
    return refuse('invalid_value', `goes with dense and token vectors; ${model} makes sparse ones`, 'dimensions');
  if (dimensions <= manifest.dimensions) return ok({ output: output.value, dimensions });
  return refuse('invalid_value', `is ${dimensions}; the vectors of ${model} have ${manifest.dimensions}`, 'dimensions');
}

/** A request, as it is run. */
interface Asked {
  readonly request: EmbedInputs;
  readonly run: RunTexts & Required<Pick<RunTexts, 'output'>>;
  readonly texts: readonly string[];
  readonly bounds: readonly number[];
  readonly dimensions: number;
  readonly manifest: ModelManifest;
}

const NO_NUMBERS = new Float32Array(0);

/** Refuses with `invalid_value` a model that makes no dense vectors: those of indexes, and of whatever else compares them, are. [M185] */
export function checkDense(model: string, version: RoutedVersion): Outcome<null> {
  if (version.manifest.task !== 'sparse-embedding') return checkTask(model, version);
  return refuse(
    'invalid_value',
    `${model} is a model for sparse-embedding: it makes no dense vectors, which indexes and this call need; POST /v1/embeddings answers its own`,
    'model',
  );
}

function textsOf(inputs: EmbedInputs['inputs'], model: string): Outcome<string[]> {
  const texts: string[] = [];
  for (const [i, input] of inputs.entries()) {
    if (input.kind !== 'text') return refuse('invalid_value', `has token ids; ${model} takes texts only`, ['input', i]);
    texts.push(input.text);
  }
  return ok(texts);
}

/** The later of two runs of one call, with all the time that both waited. */
function later(before: Ran | undefined, ran: Ran): Ran {
  const waitedMs = Math.max(before?.waitedMs ?? 0, ran.waitedMs ?? 0);
  return waitedMs > 0 ? { ...ran, waitedMs } : ran;
}

/** Refuses with `invalid_value` a model that makes no vectors. */
const checkTask = (model: string, { manifest: { task } }: RoutedVersion): Outcome<null> =>
  makesVectors(task) ? ok(null) : refuse('invalid_value', `${model} is a model for ${task}: it makes no vectors`, 'model');

/** A replica may run another version under the same contract. */
const answeredBy = (manifest: ModelManifest, ran: Ran | undefined): Pick<EmbeddedInputs, 'manifest' | 'ranBy'> =>
  ran === undefined ? { manifest } : { manifest: { ...manifest, version: ran.version }, ranBy: shownRun(ran) };

/** As `x-sluice-route` says it. */
const shownRun = ({ choice, waitedMs }: Ran): string =>
  waitedMs === undefined ? shownChoice(choice) : `${shownChoice(choice)}; waited_ms=${Math.round(waitedMs)}`;

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** Token vectors of a chunk are not many more numbers than dense vectors of one: the inference Worker answers them in one message. */
const chunkTokensMax = ({ output, version: { manifest } }: RunTexts): number =>
  output === 'tokens' ? EMBEDDING_LIMITS.embeddingNumbersMaxCount / 2 / manifest.dimensions : Infinity;

const cachedTokens = (tokens: readonly number[], { sources }: CacheReport): number =>
  sumOf(tokens.filter((_, row) => sources[row] !== 'computed'));

/** What caches and answers say of a registered version. Its texts are tokenised where it runs: it has no vocabulary here. */
const manifestOf = ({ model }: RegisteredRoute, { version, manifest, contractHash, createdAtMs }: RoutedVersion): ModelManifest => ({
  id: model,
  version: String(version),
  dimensions: manifest.dimensions,
  vocabularySize: 1,
  runner: 'onnx',
  tokensMax: manifest.tokensMax,
  contractHash,
  file: { path: manifest.graph, bytes: 1, sha256: contractHash },
  createdS: Math.floor(createdAtMs / 1000),
  ownedBy: manifest.team,
});
