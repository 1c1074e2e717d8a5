import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import type { Timer } from '../../kernel/timer.ts';
import { turnOfOthers } from '../../kernel/timer.ts';
import { ok } from '../../kernel/result.ts';
import type { ModelRef } from '../served-manifest.ts';
import { compactFormKey, modelFileKey } from '../served-manifest.ts';
import type { CompactForm } from '../text/compact-form.ts';
import { COMPACT_FORM_VERSION, readCompactForm, writeCompactForm } from '../text/compact-form.ts';
import { compileTokeniser } from '../text/compile-tokeniser.ts';
import { TextTokeniser } from '../text/text-tokeniser.ts';
import { TOKENISER_CONFIG_FILE, TOKENISER_FILE } from './contract-hash.ts';
import { checkLoadRoom } from './load-room.ts';
import type { ModelBucket } from './model-bucket.ts';

export interface TokeniserLoad {
  readonly bucket: ModelBucket;
  /** Others run between two steps of compiling. */
  readonly timer: Timer;
  readonly loadRoomBytes?: () => number;
}

type ReadFile = (path: string, at: FieldPath) => Promise<Outcome<Uint8Array<ArrayBuffer>>>;

/** With the file itself: measured, 27 MB for one of 9. */
const COMPILING_BYTES_PER_BYTE = 3;
/** A step is a millisecond or two, and a turn of others costs one. */
const STEPS_PER_TURN = 4;

/**
 * The tokenizer of a version, from the compact form that was made of its `tokenizer.json` when a version was first loaded, which its checks do when it is
 * registered. Where there is none that this code reads, it is made and kept. [M152]
 */
export async function servedTokeniser({ manifest, owner }: ModelRef, load: TokeniserLoad, read: ReadFile): Promise<Outcome<TextTokeniser>> {
  const file = manifest.files.find(({ path }) => path === TOKENISER_FILE);
  if (file === undefined) return refuse('invalid_value', 'is not among the files', ['files', TOKENISER_FILE]);
  const hasConfig = manifest.files.some(({ path }) => path === TOKENISER_CONFIG_FILE);
  const config = hasConfig ? await read(TOKENISER_CONFIG_FILE, ['files', TOKENISER_CONFIG_FILE]) : undefined;
  if (config !== undefined && !config.ok) return config;
  const form = await compactForm(modelFileKey(owner, file.sha256), file.bytes, load, read);
  return form.ok ? TextTokeniser.open(form.value, config?.value, ['files']) : form;
}

async function compactForm(fileKey: string, fileBytes: number, load: TokeniserLoad, read: ReadFile): Promise<Outcome<CompactForm>> {
  const { derived } = load.bucket;
  const key = compactFormKey(fileKey, COMPACT_FORM_VERSION);
  const kept = await derived?.read(key).catch(() => undefined);
  const form = kept === undefined ? undefined : await readCompactForm(kept);
  if (form !== undefined) return ok(form);
  const room = checkLoadRoom(COMPILING_BYTES_PER_BYTE * fileBytes, load.loadRoomBytes);
  if (!room.ok) return room;
  const json = await read(TOKENISER_FILE, ['files', TOKENISER_FILE]);
  if (!json.ok) return json;
  const compiled = await compiledInTurns(json.value, load.timer);
  // It is made again by the next load, if it cannot be kept.
  if (compiled.ok && derived !== undefined)
    await derived.write(key, await writeCompactForm(compiled.value), fileKey).catch(() => undefined);
  return compiled;
}

async function compiledInTurns(bytes: Uint8Array, timer: Timer): Promise<Outcome<CompactForm>> {
  const compiling = compileTokeniser(bytes, ['files', TOKENISER_FILE]);
  for (let [steps, step] = [1, compiling.next()]; ; steps += 1, step = compiling.next()) {
    if (step.done === true) return step.value;
    if (steps % STEPS_PER_TURN === 0) await turnOfOthers(timer);
  }
}
