import { createRequire } from 'node:module';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

export const PEERS_FOLDER = join(ROOT, 'test/bench/peers');

/** A package of test/bench/peers. Its types are stated where it is used: the project compiles without it. */
export const requirePeer = (name: string): unknown => createRequire(join(PEERS_FOLDER, 'package.json'))(name);

/** Search widths of a graph, none below what is asked for. */
export const widths = (topK: number, all: readonly number[]): number[] => all.filter((width) => width >= topK);
