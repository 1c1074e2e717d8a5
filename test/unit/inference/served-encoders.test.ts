import { describe, expect, it } from 'vitest';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import { paramOf } from '../../../src/contract/api/errors.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { EncoderEngine } from '../../../src/inference/encoder/encoder-engine.ts';
import { servedContractHash } from '../../../src/inference/served/contract-hash.ts';
import { chooseRunner, shownChoice } from '../../../src/inference/served/choose-runner.ts';
import { TURN_BYTES } from '../../../src/inference/served/graph-file.ts';
import type { ModelBucket, StoredFile } from '../../../src/inference/served/model-bucket.ts';
import { ModelHost } from '../../../src/inference/served/model-host.ts';
import type { ModelRoom } from '../../../src/inference/served/model-room.ts';
import { EDGE_ROOM } from '../../../src/inference/served/model-room.ts';
import type { ModelReading, ModelRef } from '../../../src/inference/served-manifest.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import type { Timer } from '../../../src/kernel/timer.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { SMALL_ENGINE_BERT } from '../../support/models/bert-weights.ts';
import { relaxedEncoderModule, strictEncoderModule } from '../../support/models/encoder-modules.ts';
import type { Folder } from '../../support/models/model-folder.ts';
import { bertFolder, MemoryBucket, modelRef, servedFiles } from '../../support/models/model-folder.ts';

const module = relaxedEncoderModule ?? strictEncoderModule;
/** Words of several megabytes in floats, so that files are read in pieces. */
const LARGE = { ...SMALL_ENGINE_BERT, vocabulary: 20_000 };

const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new Error(`${paramOf(outcome.error)}: ${outcome.error.message}`);
  return outcome.value;
};

interface HostOptions {
  readonly bucket: ModelBucket;
  readonly room?: ModelRoom;
  /** Between two steps of the encoder that was loaded as this one. */
  readonly turn?: (load: number) => Promise<void>;
  readonly timer?: Timer;
}

/** A host without a runtime: whatever is not the engine's is refused. */
function hostOf({ bucket, room = EDGE_ROOM, turn = () => Promise.resolve(), timer = systemTimer }: HostOptions) {
  const held: number[] = [];
  const later = { ms: 0 };
  let loads = 0;
  const host = new ModelHost({
    bucket,
    room,
    start: () => Promise.resolve({ ok: false, error: { code: 'unavailable', message: 'no runtime', reason: 'no runtime' } }),
    startEncoder: (source, tokensMax, onStep) => {
      const load = (loads += 1);
      const yieldToOthers = () => {
        onStep();
        return turn(load);
      };
      return EncoderEngine.load({ source, module, tokensMax, yieldToOthers });
    },
    holdBack: (bytes) => void held.push(bytes),
    isShared: true,
    clock: { nowMs: () => performance.now() + later.ms },
    timer,
    wakeUps: new DirectWakeUps(),
    retryMs: MODEL_LIMITS.modelRetryMs,
  });
  return { host, held, later };
}

/** A store that reads files in pieces, as the bucket of a deployment does. */
class PieceBucket extends MemoryBucket {
  largest = 0;
  /** Called with each piece, and with undefined when weights are read. */
  onRead: (bytes: number | undefined) => void = () => undefined;
  whole: string[] = [];

  override read(key: string, bytes: number): ReturnType<MemoryBucket['read']> {
    if (bytes > 1_000_000) this.whole.push(key);
    return super.read(key, bytes);
  }

  async open(key: string, bytes: number): Promise<StoredFile | 'absent' | 'other-length'> {
    const found = await super.read(key, bytes);
    if (typeof found === 'string') return found;
    const { onRead } = this;
    async function* pieces() {
      await Promise.resolve();
      for (let at = 0; at < found.length; at += 10_007) {
        onRead(10_007);
        yield (found as Uint8Array<ArrayBuffer>).slice(at, at + 10_007);
      }
    }
    return {
      pieces: pieces(),
      sha256: () => sha256Hex(found),
      part: (offset, length) => {
        onRead(undefined);
        this.largest = Math.max(this.largest, length);
        if (this.files.get(key) !== found) return Promise.reject(new Error('another file'));
        return Promise.resolve(found.slice(offset, offset + length));
      },
    };
  }
}

async function stored(bucket: MemoryBucket, folder: Folder): Promise<ModelRef> {
  await bucket.put(folder);
  const { reading } = must(await hostOf({ bucket }).host.readFolder('tenant', await servedFiles(folder)));
  return modelRef(folder, reading);
}

const vectorsOf = async (host: ModelHost, ref: ModelRef, texts = ['river lock', 'a boat']): Promise<number[]> => [
  ...must(await host.embedTexts(ref, texts, undefined)).vectors,
];

describe('[M145] encoders of an isolate', () => {
  const seeds = [1, 2, 3];

  it('[M145] share their room: the least recently used makes room, and the runtime is told of it', async () => {
    const bucket = new MemoryBucket();
    const refs: ModelRef[] = [];
    for (const seed of seeds) refs.push(await stored(bucket, bertFolder('embedding', { shape: SMALL_ENGINE_BERT, seed }).files));
    const { memoryBytes } = must(await hostOf({ bucket }).host.verify(refs[0]!));
    const { host, held } = hostOf({ bucket, room: { ...EDGE_ROOM, encodersBytesMax: memoryBytes * 2.5 } });
    const vectors: number[][] = [];
    for (const ref of refs) vectors.push(await vectorsOf(host, ref));
    const reads = bucket.reads;
    // The last two are there; the first is loaded again.
    expect(await vectorsOf(host, refs[2]!)).toEqual(vectors[2]);
    expect(await vectorsOf(host, refs[1]!)).toEqual(vectors[1]);
    expect(bucket.reads).toBe(reads);
    expect(await vectorsOf(host, refs[0]!)).toEqual(vectors[0]);
    expect(bucket.reads).toBeGreaterThan(reads);
    expect(Math.max(...held)).toBeLessThanOrEqual(memoryBytes * 2.5);
    expect(held.at(-1)).toBeGreaterThan(memoryBytes);
  });

  it.each(['[M145] a load waits for the last call of the one that makes room', '[M145] but not for one that was ended midway'])(
    '%s',
    async (title) => {
      const bucket = new MemoryBucket();
      // So wide that a call of many texts is more than a step.
      const sizes = { ...SMALL_ENGINE_BERT, inner: 2_048 };
      const [one, other] = [
        await stored(bucket, bertFolder('embedding', { shape: sizes, seed: 1 }).files),
        await stored(bucket, bertFolder('embedding', { shape: sizes, seed: 2 }).files),
      ];
      const { memoryBytes } = must(await hostOf({ bucket }).host.verify(one));
      const turns: (() => void)[] = [];
      let isHeld = false;
      const turn = (load: number) => (isHeld && load === 1 ? new Promise<void>((resolve) => void turns.push(resolve)) : Promise.resolve());
      const { host, held, later } = hostOf({ bucket, room: { ...EDGE_ROOM, encodersBytesMax: memoryBytes * 1.5 }, turn });
      const before = await vectorsOf(host, one);
      isHeld = true;
      const long = Array.from(
        { length: 250 },
        () => 'river lock gate water canal boat opens closes weir bank keeper dawn rain low high flow spills the a of',
      );
      const running = host.embedTexts(one, long, undefined);
      await expect.poll(() => turns.length).toBeGreaterThan(0);
      let isLoaded = false;
      const loading = vectorsOf(host, other).then((vectors) => {
        isLoaded = true;
        return vectors;
      });
      // What it is to take is held back, and it is not loaded until the call has ended.
      const told = held.length;
      await expect.poll(() => held.length).toBeGreaterThan(told);
      expect(isLoaded).toBe(false);
      if (title.includes('midway')) {
        later.ms = MODEL_LIMITS.encoderQuietMs;
        expect(await loading).not.toEqual(before);
        return;
      }
      isHeld = false;
      for (const resolve of turns) resolve();
      must(await running);
      expect(await loading).not.toEqual(before);
      expect(await vectorsOf(host, one)).toEqual(before);
    },
  );

  it('[M206] a load gives others their turn amid the file, and between the steps of reading it', async () => {
    const bucket = new PieceBucket();
    const ref = await stored(bucket, bertFolder('embedding', { shape: { ...LARGE, vocabulary: 60_000 } }).files);
    const seen = { bytes: 0, most: 0, turnsOfFile: 0, turnsBetween: 0, areWeights: false };
    const timer: Timer = {
      after: (delayMs, run) => {
        if (delayMs === 0 && !seen.areWeights) seen.turnsBetween += 1;
        seen.bytes = 0;
        return systemTimer.after(delayMs, run);
      },
    };
    bucket.onRead = (bytes) => {
      if (bytes === undefined) seen.areWeights = true;
      else {
        seen.bytes += bytes;
        seen.most = Math.max(seen.most, seen.bytes);
        seen.turnsOfFile += seen.turnsBetween;
        seen.turnsBetween = 0;
      }
    };
    await vectorsOf(hostOf({ bucket, timer }).host, ref);
    expect(seen.most).toBeLessThan(TURN_BYTES + 2 * 10_007);
    expect(seen.turnsOfFile).toBeGreaterThan(2);
    // Reading, checking, bounding and finding.
    expect(seen.turnsBetween).toBe(4);
  });

  it('[M145] one step too large runs on pools, found before its weights are read', async () => {
    const bucket = new MemoryBucket();
    const ref = await stored(bucket, bertFolder('embedding', { shape: LARGE }).files);
    const { memoryBytes } = must(await hostOf({ bucket }).host.verify(ref));
    const runtime = { embedderBytesMax: 1_000_000 };
    const fits = hostOf({ bucket, room: { ...EDGE_ROOM, ...runtime, encodersBytesMax: memoryBytes } });
    expect(must(await fits.host.verify(ref))).toMatchObject({ runsOn: 'edge', computedBy: 'encoder', memoryBytes });
    const small = hostOf({ bucket, room: { ...EDGE_ROOM, ...runtime, encodersBytesMax: memoryBytes - 65_536 } });
    expect(must(await small.host.verify(ref))).toMatchObject({ runsOn: 'pool' });
    expect(small.held).toEqual([]);
    const beyond = hostOf({ bucket, room: { ...EDGE_ROOM, ...runtime, encoderBytesMax: 1_000_000 } });
    const refused = await beyond.host.embedTexts(ref, ['a'], undefined);
    expect(refused).toMatchObject({ ok: false, error: { limit: { name: 'edgeEncoderBytesMax' } } });
  });

  it('[M144] the contract of a version is what it was before there was an engine', async () => {
    const reading: ModelReading = {
      task: 'embedding',
      graph: 'onnx/model.onnx',
      externalData: [],
      tokensMax: 512,
      dimensions: 384,
      pooling: 'mean',
      isNormalised: true,
      labels: [],
      activation: 'none',
      prompts: { query: 'query: ' },
    };
    const files = ['onnx/model.onnx', 'tokenizer.json', 'config.json'].map((path, i) => ({ path, bytes: i, sha256: String(i).repeat(64) }));
    expect(await servedContractHash(reading, files)).toBe('23940c7f15278508c02a45b14729da12c0a50a4dc681ffbcc304e524cda4bdc7');
  });

  it.each([
    [27, undefined, 'inference; reason=no_replica'],
    [29, undefined, 'none; reason=too_large'],
    [29, 'runtime', 'none; reason=too_large'],
    [63, 'encoder', 'inference; reason=no_replica'],
    [65, 'encoder', 'none; reason=too_large'],
  ] as const)('[M144] %d MiB computed by %s: %s', (mib, computedBy, shown) => {
    const manifest = { task: 'embedding', graph: 'g', externalData: [], files: [{ path: 'g', bytes: mib * 2 ** 20 }], tokensMax: 512 };
    const facts = { manifest: manifest as unknown as ModelRef['manifest'], computedBy, tokens: 9, longestTokens: 9, hasReplica: false };
    expect(shownChoice(chooseRunner({ ...facts, leftMs: undefined }))).toBe(shown);
  });
});

describe('the weights of a large encoder', () => {
  it('[M146] are read in pieces, each once, and give the vectors that the whole file gives', async () => {
    const { files } = bertFolder('embedding', { shape: LARGE });
    const [whole, pieces] = [new MemoryBucket(), new PieceBucket()];
    const ref = await stored(pieces, files);
    await whole.put(files);
    const { host } = hostOf({ bucket: pieces });
    expect(await vectorsOf(host, ref)).toEqual(await vectorsOf(hostOf({ bucket: whole }).host, ref));
    expect(pieces.whole).toEqual([]);
    expect(pieces.largest).toBeLessThanOrEqual(2 * 2 ** 20);
  });

  it('[M146] of another file than was checked are refused, and nothing of it serves', async () => {
    const { files } = bertFolder('embedding', { shape: LARGE });
    const bucket = new PieceBucket();
    const ref = await stored(bucket, files);
    const graph = ref.manifest.files.find(({ path }) => path === 'onnx/model.onnx')!;
    const key = [...bucket.files.keys()].find((name) => name.endsWith(graph.sha256))!;
    const file = bucket.files.get(key)!;
    const damaged = file.slice();
    damaged[damaged.length >> 1]! ^= 1;
    bucket.files.set(key, damaged);
    const refused = await hostOf({ bucket }).host.embedTexts(ref, ['a'], undefined);
    expect(refused).toMatchObject({ ok: false, error: { code: 'invalid_value', path: ['files', 'onnx/model.onnx'] } });
    // It is another one once the graph has been read.
    bucket.files.set(key, file);
    const open = bucket.open.bind(bucket);
    bucket.open = async (name, bytes) => {
      const opened = await open(name, bytes);
      return typeof opened === 'string'
        ? opened
        : { ...opened, sha256: () => opened.sha256().finally(() => bucket.files.set(key, damaged)) };
    };
    expect(await hostOf({ bucket }).host.embedTexts(ref, ['a'], undefined)).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  });
});
