import { hierarchy, treemap } from 'd3-hierarchy';

import { escaped, svg } from '../../html.ts';

/** A file of the map. */
export interface MappedFile {
  readonly path: string;
  readonly lines: number;
  /** Minutes a week that its items cost. */
  readonly interest: number;
}

interface Node {
  readonly name: string;
  readonly file?: MappedFile;
  readonly children?: readonly Node[];
}

const [WIDTH, HEIGHT] = [960, 600];
/** Smaller rectangles cannot be seen: the smallest files are drawn as one. */
const FILES_MAX = 3_000;
const LABEL_WIDTH_MIN = 60;
const LABEL_HEIGHT_MIN = 16;
const CHAR_WIDTH = 6.2;

/** Files as rectangles, within those of their folders: as large as they have lines, as red as they cost a week. */
export function fileTreemap(files: readonly MappedFile[]): string {
  const shown = [...files].filter(({ lines }) => lines > 0).sort((a, b) => b.interest - a.interest || b.lines - a.lines);
  const root = hierarchy<Node>(treeOf(shown.slice(0, FILES_MAX), shown.slice(FILES_MAX)), ({ children }) => children)
    .sum(({ file }) => file?.lines ?? 0)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const most = Math.max(1, ...shown.map(({ interest }) => interest));
  const leaves = treemap<Node>().size([WIDTH, HEIGHT]).paddingInner(1).paddingOuter(2)(root).leaves();
  const drawn = leaves.map(({ x0, y0, x1, y1, data: { name, file } }) => {
    const about = file === undefined ? name : `${file.path}: ${file.lines} lines, ${minutes(file.interest)} a week`;
    const box = `x="${x0.toFixed(1)}" y="${y0.toFixed(1)}" width="${(x1 - x0).toFixed(1)}" height="${(y1 - y0).toFixed(1)}"`;
    const fits = x1 - x0 >= LABEL_WIDTH_MIN && y1 - y0 >= LABEL_HEIGHT_MIN;
    const label = name.slice(0, Math.floor((x1 - x0) / CHAR_WIDTH) - 1);
    const text = fits ? `<text x="${(x0 + 3).toFixed(1)}" y="${(y0 + 13).toFixed(1)}" font-size="11">${escaped(label)}</text>` : '';
    return `<g><title>${escaped(about)}</title><rect ${box} fill="${heat((file?.interest ?? 0) / most)}"/>${text}</g>`;
  });
  return svg('Files by size and by what they cost a week', WIDTH, HEIGHT, drawn.join(''));
}

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Node[];
}

const emptyFolder = (): Folder => ({ folders: new Map(), files: [] });

/** The folders of files, each named by its last part; `rest`: files that are one rectangle. */
function treeOf(files: readonly MappedFile[], rest: readonly MappedFile[]): Node {
  const top = emptyFolder();
  for (const file of files) {
    const parts = file.path.split('/');
    const name = parts.pop() ?? file.path;
    let at = top;
    for (const part of parts) {
      const next = at.folders.get(part) ?? emptyFolder();
      at.folders.set(part, next);
      at = next;
    }
    at.files.push({ name, file });
  }
  const nodeOf = (name: string, folder: Folder): Node => ({
    name,
    children: [...Array.from(folder.folders, ([inner, within]) => nodeOf(inner, within)), ...folder.files],
  });
  if (rest.length > 0) {
    const lines = rest.reduce((sum, file) => sum + file.lines, 0);
    const interest = rest.reduce((sum, file) => sum + file.interest, 0) / rest.length;
    top.files.push({ name: `${rest.length} others`, file: { path: `${rest.length} other files`, lines, interest } });
  }
  return nodeOf('', top);
}

/** From light grey to red; the root makes middling costs visible beside the greatest. */
function heat(share: number): string {
  const strength = Math.sqrt(Math.min(1, Math.max(0, share)));
  const part = (from: number, to: number): number => Math.round(from + (to - from) * strength);
  return `rgb(${part(232, 203)},${part(234, 67)},${part(237, 53)})`;
}

export const minutes = (value: number): string => (value < 10 ? `${Number(value.toFixed(1))} min` : `${Math.round(value)} min`);
