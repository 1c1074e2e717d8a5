import { createHash } from 'node:crypto';
import { packLines } from '../../../../src/debt/evidence/clones.ts';
import type { CodeLine } from '../../../../src/debt/evidence/clones.ts';
import type { AnalysedSource, ParsedSource } from './analysed-source.ts';
import { lineCounter } from './analysed-source.ts';
import type { Language } from './languages.ts';
import { BRACKETS_DEPTH_MAX, bracketDepthOf } from './nesting.ts';
import { parsePython } from './python-source.ts';
import { parseScript } from './script-source.ts';

/** Part of the key of what is kept of a file: to be raised when this analysis finds something else in the same text. */
export const ANALYSIS_VERSION = 19;

/** What programs write at the head of a file, wherever it stands in a comment. [D103] */
const GENERATED =
  /@generated|\bDO NOT EDIT\b|\b(automatically|machine)[ -]generated\b|\bauto[ -]?generated\b|\bgenerated (by|automatically)\b|\bgenerated code\W+do not modify\b|\bmade by GNU Bison\b|\b(this|the following) (is a generated file|(file|code|module|class) (is|was|has been) generated)\b/i;
/** `Generated from danish.sbl by Snowball`: people, too, say what is generated from what, so it begins a line and names a file or a program. */
const GENERATED_FROM = /^\W*((Code )?Generated|GENERATED) from\s+(\S*\w\.\w|.*\bby\s+\S)/m;
const HEADER_CHARS = 600;
/** A longer line was written by a program. */
const LINE_CHARS_MAX = 2_000;
/** A block that a program writes into a file of people's: from a comment that says so to one that ends it. */
const GENERATED_BLOCK = /\bgenerated\W+by\b/i;
const BLOCK_END = /^\W*END\b/;
/** A reason to leave code as it is. */
const FOR_SPEED =
  /\b(performance|perf|fast[- ]?path|hot[- ](path|loop|code)|optimi[sz](e[sd]?|ing|ations?)|for speed|faster|inlin(e[sd]?|ing)|deopt\w*|monomorphic|unroll\w*)\b/i;
/** A module that is compiled is written for its compiler. */
const COMPILED = /^[ \t]*(import|from)[ \t]+cython\b/m;
/** A line of data: a key, literals, and what is between them. A number is read whole: in pieces, a long one takes for ever. */
const DATA_LINE =
  /^(?:(?:[\w$-]+|"[^"]*"|'[^']*')\s*:\s*(?=["'`\d[{tf]))?(?:(?:[fbru]{0,2}(?:"[^"]*"|'[^']*'|`[^`]*`)|\d[\d._]*(?![\d._])|true|false)[\s%+,;()[\]{}]*)+$|^(?:[\w$-]+|"[^"]*"|'[^']*')\s*:\s*[[{]+$/i;
const DEPRECATED = /@deprecated\b/;
const TODO = /\b(TODO|FIXME|HACK|XXX)\b[:( ]?(.{0,120})/;
const IMPORT_LINE = /^\s*(import\b|from\s+\S+\s+import\b|export\s.*\bfrom\b|\}\s*from\b|using\b|use\b|#include\b|package\b|require\b)/;
const NO_CODE: Omit<ParsedSource, 'comments'> = { declarations: [], functions: [], classes: [], imports: [], defined: [], typeHoles: {} };
/** What is said of a text that nothing is looked for in. */
const UNREAD: Omit<AnalysedSource, 'sha256' | 'isGenerated'> = {
  isDeprecated: false,
  lines: 0,
  functions: [],
  classes: [],
  speedLines: [],
  imports: [],
  defined: [],
  typeHoles: {},
  todos: [],
  packedLines: '',
};

/** What a text says by itself; undefined: it is not of the language that its name says. */
export function analyseSource(path: string, text: string, language: Language): AnalysedSource | undefined {
  const sha256 = createHash('sha256').update(text).digest('hex');
  if (hasLongLine(text)) return { ...UNREAD, sha256, isGenerated: true };
  const parsed = parse(path, text, language);
  if (parsed === undefined && language.parser !== undefined) return undefined;
  const comments = parsed?.comments ?? commentsOf(text, language);
  const isGenerated = comments.some(([from, to]) => from < HEADER_CHARS && saysGenerated(text.slice(from, Math.min(to, HEADER_CHARS))));
  const isDeprecated = comments.some(([from, to]) => from < HEADER_CHARS && DEPRECATED.test(text.slice(from, to)));
  const rows = codeLines(text, comments);
  const { declarations, functions, classes, imports, defined, typeHoles } = parsed ?? NO_CODE;
  const generated = linesWithin(text, generatedBlocks(text, comments));
  const declared = linesWithin(text, declarations);
  return {
    sha256,
    isGenerated,
    isDeprecated,
    lines: rows.length,
    functions: functions.filter(({ cognitive, line }) => cognitive > 0 && !generated.has(line)),
    classes,
    speedLines: speedLinesOf(text, comments, language),
    imports,
    defined,
    typeHoles,
    todos: todosOf(text, comments),
    packedLines: packLines(
      rows.map((row) => ({ ...row, isDeclaration: declared.has(row.line) || generated.has(row.line) || isNoLogic(row.text) })),
    ),
  };
}

const saysGenerated = (comment: string): boolean => GENERATED.test(comment) || GENERATED_FROM.test(comment);

const isNoLogic = (row: string): boolean => IMPORT_LINE.test(row) || DATA_LINE.test(row);

/** The lines that ranges of a text touch. */
function linesWithin(text: string, ranges: readonly (readonly [number, number])[]): ReadonlySet<number> {
  const lineOf = lineCounter(text);
  const lines = new Set<number>();
  for (const [from, to] of ranges) for (let line = lineOf(from), last = lineOf(to); line <= last; line += 1) lines.add(line);
  return lines;
}

/** From each comment that begins a generated block to the comment that ends it: of several beginnings with one end, from the first. */
function generatedBlocks(text: string, comments: ParsedSource['comments']): ParsedSource['comments'] {
  const fromOf = new Map<number, number>();
  let end: number | undefined;
  for (const [from, to] of comments.toReversed()) {
    const comment = text.slice(from, to);
    if (end !== undefined && GENERATED_BLOCK.test(comment)) fromOf.set(end, from);
    if (BLOCK_END.test(comment)) end = to;
  }
  return Array.from(fromOf, ([to, from]) => [from, to] as const);
}

function speedLinesOf(text: string, comments: ParsedSource['comments'], { name }: Language): readonly number[] {
  const lineOf = lineCounter(text);
  const lines = comments.filter(([from, to]) => FOR_SPEED.test(text.slice(from, to))).map(([from]) => lineOf(from));
  return name === 'Python' && COMPILED.test(text) ? [0, ...lines] : lines;
}

function parse(path: string, text: string, { parser }: Language): ParsedSource | undefined {
  if (parser === undefined || bracketDepthOf(text) > BRACKETS_DEPTH_MAX) return undefined;
  if (parser === 'script') return parseScript(path, text);
  return parsePython(text);
}

const commentsOf = (text: string, { comments }: Language): (readonly [number, number])[] =>
  [...text.matchAll(comments)].flatMap(({ index, 2: comment }) =>
    comment === undefined ? [] : [[index, index + comment.length] as const],
  );

const hasLongLine = (text: string): boolean => text.split('\n').some((line) => line.length > LINE_CHARS_MAX);

/** The lines that hold code, without comments, with one space for any. */
function codeLines(text: string, comments: readonly (readonly [number, number])[]): CodeLine[] {
  let [code, at] = ['', 0];
  for (const [from, to] of comments) {
    code += text.slice(at, from) + text.slice(from, to).replaceAll(/[^\n]/g, '');
    at = Math.max(at, to);
  }
  code += text.slice(at);
  return code.split('\n').flatMap((row, i) => {
    const trimmed = row.trim().replaceAll(/\s+/g, ' ');
    return trimmed === '' ? [] : [{ line: i + 1, text: trimmed }];
  });
}

function todosOf(text: string, comments: readonly (readonly [number, number])[]): AnalysedSource['todos'] {
  const lineOf = lineCounter(text);
  return comments.flatMap(([from, to]) => {
    const rows = text.slice(from, to).split('\n');
    return rows.flatMap((row, i) => {
      const found = TODO.exec(row);
      return found === null ? [] : [{ line: lineOf(from) + i, text: `${found[1]} ${(found[2] ?? '').trim()}`.trim() }];
    });
  });
}
