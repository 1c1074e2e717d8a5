import type { Block } from '../blocks/block.ts';

/** Where the innermost section begins that has all of some blocks, which is its heading's place; 0 if no heading has all of them below. [DC18] */
export function sectionOf(blocks: readonly Block[]): number {
  let common = blocks[0]?.headings ?? [];
  let seen = common;
  for (const { headings } of blocks) {
    if (headings === seen) continue;
    seen = headings;
    const depth = common.findIndex((heading, at) => headings[at] !== heading);
    if (depth >= 0) common = common.slice(0, depth);
  }
  return common.at(-1)?.begin ?? 0;
}
