import type { HierarchyRectangularNode } from 'd3-hierarchy';
import { hierarchy, treemap } from 'd3-hierarchy';

import { escaped, svg } from '../../command/html.ts';
import { time } from '../debt-text.ts';

/** A file of the map. */
export interface MappedFile {
  readonly path: string;
  readonly lines: number;
  /** Changes, each halved every 90 days, times the complexity of the file's functions. */
  readonly heat: number;
  /** Minutes a week that its items cost; 0: it has none. */
  readonly interest: number;
}

interface Node {
  readonly name: string;
  readonly file?: MappedFile;
  readonly children?: readonly Node[];
}

type Box = HierarchyRectangularNode<Node>;

const [WIDTH, HEIGHT] = [960, 640];
/** Smaller rectangles cannot be seen: the smallest files are drawn as one. */
const FILES_MAX = 3_000;
/** Folders so deep have a line with their name, where they are large enough for one. */
const NAMED_DEPTH_MAX = 2;
const NAME_HEIGHT = 15;
const LABEL_WIDTH_MIN = 60;
const LABEL_HEIGHT_MIN = 16;
const CHAR_WIDTH = 6.2;

/**
 * Files as rectangles, within those of their folders: as large as they have lines, as red as they are changed often and hard to read; those
 * with items have a dark edge. Hotspots as Tornhill has them ("Your Code as a Crime Scene").
 */
export function fileTreemap(files: readonly MappedFile[]): string {
  const shown = [...files].filter(({ lines }) => lines > 0).sort((a, b) => b.heat - a.heat || b.lines - a.lines);
  const root = hierarchy<Node>(treeOf(shown.slice(0, FILES_MAX), shown.slice(FILES_MAX)), ({ children }) => children)
    .sum(({ file }) => file?.lines ?? 0)
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const layout = treemap<Node>()
    .size([WIDTH, HEIGHT])
    .paddingInner(1)
    .paddingOuter(2)
    .paddingTop((box) => (hasName(box) ? NAME_HEIGHT : 2));
  const boxes = layout(root).descendants();
  const most = Math.max(1, ...shown.map(({ heat }) => heat));
  const folders = boxes.filter((box) => box.children !== undefined && hasName(box));
  const drawn = [...folders.map(drawnFolder), ...boxes.filter(({ children }) => children === undefined).map((box) => drawnFile(box, most))];
  return svg('Files by size, changes and complexity', WIDTH, HEIGHT, drawn.join(''));
}

const hasName = ({ depth, x0, x1, y0, y1 }: Box): boolean =>
  depth > 0 && depth <= NAMED_DEPTH_MAX && x1 - x0 >= LABEL_WIDTH_MIN && y1 - y0 >= 3 * NAME_HEIGHT;

function drawnFolder({ x0, y0, x1, y1, depth, data: { name } }: Box): string {
  const text = fitting(name, x1 - x0);
  return `<rect ${rectangle(x0, y0, x1, y1)} fill="${depth === 1 ? '#dfe3e8' : '#eef0f3'}"/><text x="${(x0 + 4).toFixed(1)}" y="${(y0 + 11.5).toFixed(1)}" font-size="11" font-weight="600">${escaped(text)}</text>`;
}

function drawnFile({ x0, y0, x1, y1, data: { name, file } }: Box, most: number): string {
  const { path, lines, heat, interest } = file ?? { path: name, lines: 0, heat: 0, interest: 0 };
  const about = `${path}: ${lines} lines${interest > 0 ? `, items that cost ${time(interest)} a week` : ''}`;
  const edge = interest > 0 ? ' stroke="#7b241c" stroke-width="2"' : '';
  const label = x1 - x0 >= LABEL_WIDTH_MIN && y1 - y0 >= LABEL_HEIGHT_MIN ? fitting(name, x1 - x0) : '';
  const text = label === '' ? '' : `<text x="${(x0 + 3).toFixed(1)}" y="${(y0 + 13).toFixed(1)}" font-size="11">${escaped(label)}</text>`;
  return `<g><title>${escaped(about)}</title><rect ${rectangle(x0, y0, x1, y1)} fill="${redness(heat / most)}"${edge}/>${text}</g>`;
}

const rectangle = (x0: number, y0: number, x1: number, y1: number): string =>
  `x="${x0.toFixed(1)}" y="${y0.toFixed(1)}" width="${(x1 - x0).toFixed(1)}" height="${(y1 - y0).toFixed(1)}"`;

/** As much of a name as fits, with an ellipsis where it is cut. */
function fitting(name: string, width: number): string {
  const chars = Math.floor(width / CHAR_WIDTH) - 1;
  return name.length <= chars ? name : `${name.slice(0, Math.max(0, chars - 1))}…`;
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
    const path = `${rest.length} other files`;
    top.files.push({
      name: `${rest.length} others`,
      file: { path, lines, heat: 0, interest: rest.reduce((sum, file) => sum + file.interest, 0) },
    });
  }
  return nodeOf('', top);
}

/** From light grey to red; the root makes the middle of the range visible beside its end. */
function redness(share: number): string {
  const strength = Math.sqrt(Math.min(1, Math.max(0, share)));
  const part = (from: number, to: number): number => Math.round(from + (to - from) * strength);
  return `rgb(${part(250, 214)},${part(250, 69)},${part(248, 54)})`;
}
