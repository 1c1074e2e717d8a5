import { describe, expect, it } from 'vitest';

import type { MappedFile } from '../../../../workers/cli/debt/report/treemap.ts';
import { fileTreemap } from '../../../../workers/cli/debt/report/treemap.ts';

const file = (path: string, heat: number, interest = 0): MappedFile => ({ path, lines: 400, heat, interest });

/** The rectangle of a file, by the title beside it. */
const drawnAs = (map: string, path: string): { readonly fill: string; readonly hasEdge: boolean } => {
  const rectangle = map.split('<g>').find((group) => group.includes(`<title>${path}: `)) ?? '';
  return { fill: /fill="(?<fill>[^"]+)"/.exec(rectangle)?.groups?.['fill'] ?? '', hasEdge: rectangle.includes('stroke=') };
};

describe('the map of files', () => {
  const map = fileTreemap([
    file('src/search/hot.ts', 90),
    file('src/search/warm.ts', 20),
    file('src/search/cold.ts', 0),
    file('src/text/owing.ts', 20, 3),
  ]);

  it('[D73] is the redder the more often a complex file is changed', () => {
    const [hot, warm, cold] = ['hot', 'warm', 'cold'].map((name) => drawnAs(map, `src/search/${name}.ts`).fill);
    const green = (colour = ''): number => Number(colour.split(',')[1]);
    expect(green(hot)).toBeLessThan(green(warm));
    expect(green(warm)).toBeLessThan(green(cold));
    expect(drawnAs(map, 'src/text/owing.ts').fill).toBe(warm);
  });

  it('[D73] gives files with items a dark edge, and large folders their names', () => {
    expect(drawnAs(map, 'src/text/owing.ts').hasEdge).toBe(true);
    expect(drawnAs(map, 'src/search/hot.ts').hasEdge).toBe(false);
    for (const folder of ['src', 'search', 'text']) expect(map).toContain(`>${folder}</text>`);
  });

  it('[D73] draws the smallest of very many files as one, and loses none of their lines', () => {
    const many = Array.from({ length: 3_010 }, (_, at) => ({ ...file(`src/file-${at}.ts`, 0), lines: 1 + (at % 7) }));
    const lines = [...fileTreemap(many).matchAll(/: (?<lines>\d+) lines/g)].map(({ groups }) => Number(groups?.['lines']));
    expect(lines).toHaveLength(3_001);
    expect(lines.reduce((sum, count) => sum + count, 0)).toBe(many.reduce((sum, one) => sum + one.lines, 0));
  });
});
