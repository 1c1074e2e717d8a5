import { engineResources } from '../src/ann/shard/engine-resources.ts';
import type { FieldsOver } from '../src/ann/row-fields.ts';
import { AllFields } from '../src/ann/field-vectors/all-fields.ts';
import { VectorFields } from '../src/ann/field-vectors/vector-fields.ts';
import { SelectionCache } from '../src/ann/filter/selection.ts';
import { ReadQueue } from '../src/ann/read-queue.ts';
import { workPaced } from '../src/ann/maintenance/background-work.ts';
import probeModule from '../src/ann/wasm/probe.relaxed.wasm';
import scanModule from '../src/ann/wasm/scan.wasm';
import trainModule from '../src/ann/wasm/train.wasm';
import { Analysers } from '../src/text/fields/known-fields.ts';
import { SqliteRowFields } from '../src/text/fields/sqlite-row-fields.ts';
import { readPaced } from '../src/ann/shard/paced-read.ts';
import type { Outcome } from '../src/contract/api/outcome.ts';
import type { Steps } from '../src/kernel/stepped-work.ts';
import { INDEX_LIMITS } from '../src/contract/indexes/index-limits.ts';
import { systemClock } from './system-time.ts';

// The shards and replicas of one isolate share its memory: one is evicted when another needs the room.
export const RESOURCES = engineResources({ scan: scanModule, probe: probeModule, train: trainModule }, INDEX_LIMITS.isolateEngineBytesMax);
export const SELECTIONS = new SelectionCache(INDEX_LIMITS.selectionCacheBytesMax);

// Fields that are analysed alike share an analyser, whatever their shards.
const ANALYSERS = new Analysers();

/** What follows the rows of the shard or replica of that name. */
export const fieldsOver =
  (name: string): FieldsOver =>
  (storage, rows) =>
    new AllFields(
      new SqliteRowFields(storage, rows, ANALYSERS, {
        registry: RESOURCES.memory,
        name: `${name}/postings`,
        bytesMax: INDEX_LIMITS.shardPostingsBytesMax,
      }),
      new VectorFields(storage, rows, RESOURCES, name),
    );

/** Does slices with pauses for searches; see `workPaced`. */
export const inBackground = (step: (nowMs: number) => Promise<number | undefined>): Promise<number | undefined> =>
  workPaced({
    step,
    slicesMax: INDEX_LIMITS.shardAlarmSlicesMaxCount,
    pace: RESOURCES.pace,
    clock: systemClock,
    wait: (delayMs) => scheduler.wait(delayMs),
  });

/** See `readPaced`. */
export const paced = <T>(steps: Steps<Outcome<T>>, budgetMs: number | undefined): Promise<Outcome<T>> =>
  readPaced(steps, { clock: systemClock, turn: () => scheduler.wait(0), budgetMs });

/** The order of the reads of one object. A pause of no time lasts until the calls have been served that were delivered by then. */
export const readQueue = (): ReadQueue => new ReadQueue({ clock: systemClock, turn: () => scheduler.wait(0) });
