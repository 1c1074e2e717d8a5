import { createRequire } from 'node:module';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

export const PEERS_FOLDER = join(ROOT, 'test/bench/peers');

/** Loads a package of test/bench/peers. Its caller declares its types, so that the project compiles without it. */
export const requirePeer = (name: string): unknown => createRequire(join(PEERS_FOLDER, 'package.json'))(name);

/** The search widths of a graph that are not below `topK`. */
export const widths = (topK: number, all: readonly number[]): number[] => all.filter((width) => width >= topK);
