import { MODEL_LIMITS } from '../../contract/models/model-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { ok } from '../../kernel/result.ts';
import { checkGraph } from '../onnx/check-graph.ts';
import type { StatedReading } from '../folder/read-model-folder.ts';
import { isFolderConfig } from '../folder/folder-files.ts';
import { readModelFolder } from '../folder/read-model-folder.ts';
import { readSparseGraph } from '../folder/read-sparse-graph.ts';
import { makesVectors } from '../embedding-output.ts';
import { checkFiles, checkManifest } from './check-manifest.ts';
import { checkByteCount, checkBytes, checkInputs } from './check-tensors.ts';
import { servedContractHash } from './contract-hash.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { GraphFile } from './graph-file.ts';
import { readDetachedGraph, readGraphFile } from './graph-file.ts';
import type { LoadedModel } from './loaded-model.ts';
import { inspectModel, isReadDetached } from './load-model.ts';
import { checkLoadRoom } from './load-room.ts';
import { LoadedModels } from './loaded-models.ts';
import type { ModelHostParts } from './loaded-models.ts';
import { readServedFile } from './model-bucket.ts';
import {
  checkSize,
  checkTokeniserSize,
  graphLimit,
  memoryBytesOf,
  runsOnPoolsAlone,
  tokeniserMemoryBytes,
  weightBytesOf,
} from './model-size.ts';
import type { Classes, EmbeddedTexts, FolderReading, InputType, ModelCalls, Scores, TextOptions, Verified } from './model-calls.ts';
import { checkRunMs, textInputs, tokensAffordable } from './run-bounds.ts';
import type { ModelRef, ModelTask, ServedFile } from '../served-manifest.ts';
import type { NamedTensor } from '../tensor.ts';
import { readStaticPart } from './static-texts.ts';
import { hasRoomFor } from './start-encoder.ts';
import { SPECIAL_TOKENS } from './text-chunks.ts';
import type { TextCalls } from './text-model.ts';

/** The calls of registered models, by the models that an isolate holds. */
export class ModelHost implements ModelCalls {
  readonly #models: LoadedModels;
  readonly #parts: ModelHostParts;

  constructor(parts: ModelHostParts) {
    this.#parts = parts;
    this.#models = new LoadedModels(parts);
  }

  async readFolder(owner: string, files: readonly ServedFile[], stated: StatedReading = {}): Promise<Outcome<FolderReading>> {
    const checked = checkFiles(files);
    if (!checked.ok) return checked;
    const folder = new Map<string, Uint8Array | undefined>(files.map(({ path }) => [path, undefined]));
    for (const file of files.filter(({ path }) => isFolderConfig(path))) {
      const bytes = await readServedFile(this.#parts.bucket, owner, file, ['files', file.path]);
      if (!bytes.ok) return bytes;
      folder.set(file.path, bytes.value);
    }
    const reading = readModelFolder(folder, stated, ['files']);
    if (!reading.ok) return reading;
    const file = files.find(({ path }) => path === reading.value.graph)!;
    const at = ['files', file.path];
    // Weights outside of the graph are not read here: pools may run what an isolate has no room for.
    const ref = { manifest: { ...reading.value, externalData: [], files, contractHash: '' } };
    const { bucket, startEncoder } = this.#parts;
    const isWhole = !isReadDetached(ref, { bucket, startEncoder });
    const size = this.#checkSizes(ref, isWhole, file.bytes);
    if (!size.ok) return size;
    const weightsLimit = makesVectors(reading.value.task) ? 'modelBytesMax' : graphLimit(this.#parts.room);
    const place = { bucket, owner, file, at, timer: this.#parts.timer };
    const graph = await (isWhole ? readGraphFile(place) : readDetachedGraph(place));
    if (!graph.ok) return graph;
    const isDetached = graph.value.stored !== undefined;
    const facts = checkGraph(graph.value.graph, { path: file.path, files, at, weightsLimit, isDetached });
    if (!facts.ok) return facts;
    // A folder without configurations is a graph alone, unless that is a static model.
    const isAlone = reading.value.task === 'graph' && stated.task !== 'graph';
    const own = isAlone ? await this.#staticPart(graph.value, at) : ok(undefined);
    if (!own.ok) return own;
    const fitted = readSparseGraph(reading.value, { files: folder, outputs: facts.value.outputs, statedTask: stated.task, at: ['files'] });
    if (!fitted.ok) return fitted;
    const whole = { ...fitted.value, ...own.value, externalData: [...new Set(facts.value.external.values())].toSorted() };
    return ok({ reading: whole, contractHash: await servedContractHash(whole, files) });
  }

  /** Of a graph that is read as a whole, also whether there is room for it; of a detached one the tokeniser's alone. */
  #checkSizes(ref: Pick<ModelRef, 'manifest'>, isWhole: boolean, bytes: number): Outcome<void> {
    const { room, loadRoomBytes } = this.#parts;
    if (!isWhole) return checkTokeniserSize(ref);
    const size = checkSize(ref, 'texts', room);
    return size.ok ? checkLoadRoom(bytes, loadRoomBytes) : size;
  }

  async #staticPart(file: GraphFile, at: FieldPath): Promise<ReturnType<typeof readStaticPart>> {
    const bytes = await file.bytes();
    return bytes.ok ? readStaticPart(bytes.value, at) : bytes;
  }

  async verify(ref: ModelRef): Promise<Outcome<Verified>> {
    const checked = await checkManifest(ref.manifest);
    if (!checked.ok) return checked;
    if (await this.#isForPools(ref)) return this.#inspect(ref);
    const beganMs = this.#parts.clock.nowMs();
    return this.#use(ref, async (model) => {
      const loadMs = this.#parts.clock.nowMs() - beganMs;
      const found = foundOf(ref, model);
      if (!found.ok || found.value.runsOn === 'pool' || model.texts === undefined) return found.ok ? ok({ ...found.value, loadMs }) : found;
      const probed = await probe(model, ref);
      return probed.ok ? ok({ ...found.value, loadMs }) : probed;
    });
  }

  /** [M80] Whether a version is too large for an isolate, as what computes it keeps its weights. */
  async #isForPools(ref: ModelRef): Promise<boolean> {
    const { room } = this.#parts;
    if (!runsOnPoolsAlone(ref, 'runtime', room)) return false;
    if (runsOnPoolsAlone(ref, 'encoder', room)) return true;
    const inspected = await inspectModel(ref, this.#parts);
    // What is refused is refused again when it is loaded.
    return inspected.ok && (inspected.value.encoder === undefined || !hasRoomFor(ref, inspected.value.encoder, room));
  }

  /** [M80] What can be said of a version without its weights. */
  async #inspect(ref: ModelRef): Promise<Outcome<Verified>> {
    const beganMs = this.#parts.clock.nowMs();
    const { bucket, startEncoder } = this.#parts;
    const isWhole = !isReadDetached(ref, { bucket, startEncoder });
    const size = this.#checkSizes({ manifest: { ...ref.manifest, externalData: [] } }, isWhole, graphFileBytes(ref));
    if (!size.ok) return size;
    const inspected = await inspectModel(ref, this.#parts);
    const found = inspected.ok ? foundOf(ref, { ...inspected.value, encoderBytes: undefined }) : inspected;
    return found.ok ? ok({ ...found.value, runsOn: 'pool', loadMs: this.#parts.clock.nowMs() - beganMs }) : found;
  }

  embedTexts(
    ref: ModelRef,
    texts: readonly string[],
    inputType: InputType | undefined,
    options: TextOptions = {},
  ): Promise<Outcome<EmbeddedTexts>> {
    return this.#texts(ref, ['embedding', 'sparse-embedding'], (model) => model.embed(texts, inputType, options));
  }

  score(ref: ModelRef, query: string, documents: readonly string[], options: TextOptions = {}): Promise<Outcome<Scores>> {
    return this.#texts(ref, ['cross-encoder'], (model) => model.score(query, documents, options));
  }

  classify(ref: ModelRef, texts: readonly string[], options: TextOptions = {}): Promise<Outcome<Classes>> {
    return this.#texts(ref, ['classifier'], (model) => model.classify(texts, options));
  }

  infer(ref: ModelRef, inputs: readonly NamedTensor[], wanted?: readonly string[]): Promise<Outcome<readonly NamedTensor[]>> {
    const work = async ({ facts, bounds, runner }: LoadedModel): Promise<Outcome<readonly NamedTensor[]>> => {
      const checked = checkInputs(inputs, facts.inputs);
      if (!checked.ok) return checked;
      const names = facts.outputs.map(({ name }) => name);
      const unknown = wanted?.findIndex((name) => !names.includes(name)) ?? -1;
      if (unknown >= 0) return refuse('invalid_value', `is no output of the graph; it has ${names.join(', ')}`, ['outputs', unknown]);
      const foreseen = checkByteCount(
        bounds.outputBytes(
          inputs,
          (wanted ?? names).map((name) => names.indexOf(name)),
        ),
        'outputs',
      );
      if (!foreseen.ok) return foreseen;
      const answers = await runner.run(inputs, wanted ?? names);
      if (!answers.ok) return answers;
      const fits = checkBytes(answers.value, 'outputs');
      return fits.ok ? answers : fits;
    };
    return this.#use(ref, work, 'graph');
  }

  async #use<T>(ref: ModelRef, work: (model: LoadedModel) => Promise<Outcome<T>>, form: 'texts' | 'graph' = 'texts'): Promise<Outcome<T>> {
    const checked = await checkManifest(ref.manifest);
    if (!checked.ok) return checked;
    const size = checkSize(ref, form, this.#parts.room);
    return size.ok ? this.#models.use(ref, work, form) : size;
  }

  async #texts<T>(ref: ModelRef, tasks: readonly ModelTask[], work: (model: TextCalls) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (!tasks.includes(ref.manifest.task))
      return refuse('invalid_value', `is a model for ${ref.manifest.task}, and this call is for ${tasks[0]}`, 'model');
    return this.#use(ref, ({ texts }) =>
      texts === undefined ? Promise.resolve(refuse('invalid_value', 'takes no texts', 'model')) : work(texts),
    );
  }
}

/** Of the graph without the weights outside of it. */
const graphFileBytes = ({ manifest }: ModelRef): number => weightBytesOf({ manifest: { ...manifest, externalData: [] } });

/**
 * What a version takes, answers and costs. Refuses one whose largest input may take too long, if no pool can run it; one that embeds runs at the
 * edge as far as short texts do. [M59]
 */
function foundOf(ref: ModelRef, model: Pick<LoadedModel, 'facts' | 'bounds' | 'encoderBytes'>): Outcome<Omit<Verified, 'loadMs'>> {
  const { facts, bounds, encoderBytes } = model;
  const { inputs, outputs } = facts;
  const { task, tokensMax } = ref.manifest;
  const largest = task === 'graph' ? bounds.ofLeast(inputs) : bounds.of(textInputs(inputs, 1, tokensMax));
  const isOfTexts = task !== 'graph';
  const tokens = isOfTexts ? tokensAffordable(bounds, inputs, tokensMax) : 0;
  const affordable = checkRunMs(
    largest,
    isOfTexts ? { path: 'tokensMax', advice: `of at most ${tokens} tokens it serves` } : { path: 'graph' },
  );
  if (!affordable.ok && !makesVectors(task)) return affordable;
  const cost = { runMs: largest.ms, unruled: largest.unruled };
  const isOfEdge = affordable.ok || tokens >= MODEL_LIMITS.edgeTextTokensMin;
  const memoryBytes = encoderBytes === undefined ? memoryBytesOf(ref) : encoderBytes + tokeniserMemoryBytes(ref);
  const computedBy = encoderBytes === undefined ? 'runtime' : 'encoder';
  return ok({ runsOn: isOfEdge ? 'edge' : 'pool', computedBy, inputs, outputs, cost, memoryBytes });
}

/** Runs a version on a short text and on the longest that it runs here: what it then needs of the runtime's memory is there when it serves. [M80] */
async function probe({ texts, bounds, facts }: LoadedModel, { manifest }: ModelRef): Promise<Outcome<void>> {
  if (texts === undefined) return ok(undefined);
  const tokensMax = tokensAffordable(bounds, facts.inputs, manifest.tokensMax);
  const longest = 'a '.repeat(tokensMax === manifest.tokensMax ? tokensMax : Math.max(1, tokensMax - SPECIAL_TOKENS));
  for (const text of ['probe', longest]) {
    const options = { isTruncating: true };
    const answer = makesVectors(manifest.task)
      ? await texts.embed([text], undefined, options)
      : manifest.task === 'cross-encoder'
        ? await texts.score('probe', [text], options)
        : await texts.classify([text], options);
    if (!answer.ok) return answer;
  }
  return ok(undefined);
}
