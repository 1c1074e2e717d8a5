import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';

import type { Synset } from '../../src/inference/build/wordnet.ts';
import { isRecord } from '../../src/inference/text/config-json.ts';
import { UnusableInput } from './build-error.ts';

/** A text, and what it is a part of. */
export interface DefinitionText {
  readonly text: string;
  /** The entry that it names or describes: its name and its description have the same. */
  readonly group: string;
}

/** `lemma, lemma: definition; "example"`. */
export function synsetTexts(synsets: readonly Synset[]): DefinitionText[] {
  return synsets.map(({ lemmas, entry }) => ({ text: `${lemmas.join(', ')}: ${entry}`, group: lemmas.join(', ') }));
}

/** Entries of the files of `folder` that packages ship, by how they are called; see `sluice models texts --help`. */
export async function definitionTexts(folder: string): Promise<DefinitionText[]> {
  const names = await readdir(folder).catch(() => {
    throw new UnusableInput(`${folder} cannot be read.`);
  });
  const found: DefinitionText[][] = [];
  for (const name of names.toSorted()) {
    const read = READERS.find(([suffix]) => name.endsWith(suffix))?.[1];
    if (read !== undefined) found.push(await read(join(folder, name)));
  }
  return found.flat();
}

const READERS: readonly (readonly [suffix: string, read: (path: string) => DefinitionText[] | Promise<DefinitionText[]>])[] = [
  ['.sqlite', (path) => geneOntologyTexts(path)],
  ['.obo', async (path) => oboTexts(await readFile(path, 'utf8'))],
  ['.json.zst', async (path) => ontologyTexts(JSON.parse(zstdDecompressSync(await readFile(path)).toString('utf8')) as unknown)],
  ['Translation-en', async (path) => debianTexts(await readFile(path, 'utf8'))],
];

/** A term by itself, and with its definition. */
function termTexts(group: string, term: string, definition: string | undefined): DefinitionText[] {
  const named = { text: term, group };
  return definition === undefined || definition === '' ? [named] : [named, { text: `${term}: ${definition}`, group }];
}

/** The table `go_term` of Bioconductor's GO.db. */
function geneOntologyTexts(path: string): DefinitionText[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare('select go_id, term, definition from go_term').all();
  database.close();
  return rows.flatMap(({ go_id, term, definition }) => termTexts(String(go_id), String(term), String(definition ?? '')));
}

/** `[Term]` stanzas of an OBO file (format 1.2: `name:` and `def: "..." [...]`). */
export function oboTexts(file: string): DefinitionText[] {
  return file
    .split('\n[Term]\n')
    .slice(1)
    .flatMap((stanza) => {
      const field = (pattern: RegExp) => pattern.exec(stanza)?.[1];
      const definition = field(/^def: "((?:[^"\\]|\\.)*)"/m)?.replaceAll('\\"', '"');
      return termTexts(field(/^id: (.*)$/m) ?? '', field(/^name: (.*)$/m) ?? '', definition);
    });
}

/** An object of `{label, description, deprecated}` by the term's id, as cellxgene-ontology-guide has them. */
export function ontologyTexts(terms: unknown): DefinitionText[] {
  if (!isRecord(terms)) throw new UnusableInput('An ontology is an object of terms by their ids.');
  return Object.entries(terms).flatMap(([id, term]) => {
    if (!isRecord(term) || term['deprecated'] === true || typeof term['label'] !== 'string') return [];
    const { label, description } = term;
    return termTexts(id, label, typeof description === 'string' ? description : undefined);
  });
}

const DESCRIPTION_CHARS_MAX = 1500;
const DESCRIPTION_CHARS_MIN = 60;
/** Paragraphs that say what a package is in Debian, and nothing of what it does. */
const ABOUT_PACKAGING = /^\s*This (?:package|is a dummy|is a transitional|metapackage)/;

/** Synopsis, and synopsis with description, of each package in Debian's `Translation-en` (format: deb822(5)). */
export function debianTexts(file: string): DefinitionText[] {
  return file.split('\n\n').flatMap((stanza) => {
    const group = /^Package: (.*)$/m.exec(stanza)?.[1];
    const lines = /^Description-en: (.*(?:\n .*)*)/m.exec(stanza)?.[1]?.split('\n');
    const synopsis = lines?.[0];
    if (group === undefined || lines === undefined || synopsis === undefined) return [];
    const paragraphs = lines.slice(1).join('\n').replaceAll('\n .\n', '\n\n').split('\n\n');
    const body = singleSpaced(paragraphs.filter((paragraph) => !ABOUT_PACKAGING.test(paragraph)).join(' '));
    const whole = { text: `${synopsis}. ${body.slice(0, DESCRIPTION_CHARS_MAX)}`, group };
    return body.length > DESCRIPTION_CHARS_MIN ? [{ text: synopsis, group }, whole] : [{ text: synopsis, group }];
  });
}

const singleSpaced = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
const TEXT_CHARS_MIN = 3;

/** `count` of the texts, each once, in the order of their SHA-256: a sample of all sources that any machine draws alike. */
export function sampledTexts(texts: readonly DefinitionText[], count: number): DefinitionText[] {
  const byText = new Map<string, DefinitionText>();
  for (const { text, group } of texts) {
    const single = singleSpaced(text);
    if (single.length >= TEXT_CHARS_MIN && !byText.has(single)) byText.set(single, { text: single, group });
  }
  const keyed = Array.from(byText.values(), (row) => ({ row, key: createHash('sha256').update(row.text).digest('hex') }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.slice(0, count).map(({ row }) => row);
}
