import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import type { ModelBucket } from '../../../src/inference/served/model-bucket.ts';
import { servedTokeniser } from '../../../src/inference/served/served-tokeniser.ts';
import { compactFormKey, modelFileKey } from '../../../src/inference/served-manifest.ts';
import type { ModelRef } from '../../../src/inference/served-manifest.ts';
import { COMPACT_FORM_VERSION, compactBytesOf, readCompactForm, writeCompactForm } from '../../../src/inference/text/compact-form.ts';
import { compileTokeniser } from '../../../src/inference/text/compile-tokeniser.ts';
import { DoubleArray } from '../../../src/inference/text/pieces/double-array.ts';
import { TextTokeniser } from '../../../src/inference/text/text-tokeniser.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';

const json = (value: unknown) => new Uint8Array(utf8(JSON.stringify(value)));

const unigram = (vocab: readonly (readonly [string, number])[], normalizer: unknown = null) =>
  json({ normalizer, pre_tokenizer: { type: 'Metaspace' }, model: { type: 'Unigram', unk_id: 0, vocab } });

function compiled(bytes: Uint8Array) {
  const steps = compileTokeniser(bytes, []);
  let count = 1;
  for (let step = steps.next(); ; step = steps.next(), count += 1) {
    if (step.done !== true) continue;
    if (!step.value.ok) throw new Error(step.value.error.message);
    return { form: step.value.value, steps: count };
  }
}

function idsOf(bytes: Uint8Array, text: string): readonly number[] {
  const opened = TextTokeniser.ofFile(bytes, undefined, []);
  const row = opened.ok ? opened.value.encode(text, undefined, { tokensMax: 512, isTruncating: false, at: [] }) : opened;
  if (!row.ok) throw new Error(row.error.message);
  return row.value.ids;
}

it('[M150] every piece of a vocabulary of 20,000 is found in its compact form, and no other text', () => {
  const pieces = Array.from({ length: 20_000 }, (_, i): [string, number] => [`${(i * 7919).toString(36)}${i % 3 === 0 ? 'ж語' : ''}`, -i]);
  const { form, steps } = compiled(unigram(pieces));
  const trie = new DoubleArray(form.units);
  for (const [id, [piece]] of pieces.entries()) expect(trie.get(utf8(piece))).toBe(id);
  const known = new Set(pieces.map(([piece]) => piece));
  const others = Array.from({ length: 46_656 }, (_, i) => i.toString(36)).filter((text) => !known.has(text));
  expect(others.filter((text) => trie.get(utf8(text)) !== -1)).toEqual([]);
  expect(steps).toBeGreaterThan(5);
  expect(compactBytesOf(form)).toBeLessThan(1024 * 1024);
});

it('[M151] joiners are characters, and of equally likely ways that of the reference is taken', () => {
  const vocab: [string, number][] = [
    ['<unk>', 0],
    ['▁', -2],
    ['می', -3],
    ['خواهم', -3],
    ['\u200c', -4],
    ['a', -3],
    ['aa', -4],
  ];
  expect(idsOf(unigram(vocab), 'می\u200cخواهم')).toEqual([1, 2, 4, 3]);
  // The first of them that is found from the left: its last piece begins the earliest.
  expect(idsOf(unigram(vocab), 'aaa')).toEqual([1, 5, 6]);
  // The final sigma of JavaScript is none of the reference.
  expect(
    idsOf(
      unigram(
        [
          ['<unk>', 0],
          ['▁οσ', -1],
        ],
        { type: 'Lowercase' },
      ),
      'ΟΣ',
    ),
  ).toEqual([1]);
});

it('[M152] the compact form is kept beside its file, and is made again where it is missing or damaged', async () => {
  const file = unigram([
    ['<unk>', 0],
    ['▁', -2],
    ['a', -1],
  ]);
  const [kept, reads] = [new Map<string, Uint8Array<ArrayBuffer>>(), { files: 0 }];
  const bucket: ModelBucket = {
    read: () => Promise.resolve('absent'),
    derived: {
      read: (key) => Promise.resolve(kept.get(key)),
      write: (key, bytes) => Promise.resolve(void kept.set(key, bytes)),
    },
  };
  const ref = { owner: 'o', manifest: { files: [{ path: 'tokenizer.json', bytes: file.length, sha256: 'h' }] } } as unknown as ModelRef;
  const timer = { after: (_: number, run: () => void) => (run(), () => undefined) };
  const open = () => servedTokeniser(ref, { bucket, timer }, () => ((reads.files += 1), Promise.resolve(ok(file))));
  const key = compactFormKey(modelFileKey('o', 'h'), COMPACT_FORM_VERSION);
  expect((await open()).ok && (await open()).ok).toBe(true);
  expect([[...kept.keys()], reads.files]).toEqual([[key], 1]);
  const damaged = kept.get(key)?.slice() ?? new Uint8Array();
  damaged[damaged.length - 9] = 1;
  kept.set(key, damaged);
  expect((await open()).ok).toBe(true);
  expect(reads.files).toBe(2);
  const { form } = compiled(file);
  expect(await readCompactForm(await writeCompactForm(form))).toEqual(form);
});

const ENCODERS = process.env['SLUICE_ENCODERS'] ?? join(process.cwd(), '../shared/models');
const REAL = ['all-minilm-l6-v2-q', 'bge-small-zh-v1.5-q', 'multilingual-e5-small-q', 'splade-tiny'];

it.skipIf(!existsSync(ENCODERS)).each(REAL)('[M151] the ids of %s are those of its golden file, which the reference made', (name) => {
  const read = (file: string) => new Uint8Array(readFileSync(join(ENCODERS, name, file)));
  const golden = JSON.parse(new TextDecoder().decode(read('golden.json'))) as {
    readonly max_tokens: number;
    readonly prefixes: Readonly<Record<string, string>>;
    readonly texts: readonly { readonly kind: string; readonly text: string; readonly ids: readonly number[] }[];
  };
  const opened = TextTokeniser.ofFile(read('tokenizer.json'), undefined, []);
  if (!opened.ok) throw new Error(opened.error.message);
  for (const { kind, text, ids } of golden.texts) {
    const options = { tokensMax: golden.max_tokens, isTruncating: true, at: [] };
    const row = opened.value.encode((golden.prefixes?.[kind] ?? '') + text, undefined, options);
    expect(row.ok && row.value.ids).toEqual(ids);
  }
});
