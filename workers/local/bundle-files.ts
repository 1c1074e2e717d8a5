import { readdirSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';

import { Embedded } from './capnp-text.ts';
import type { Literal } from './capnp-text.ts';
import { DIST } from './paths.ts';

/** The files of built bundles, as a text in `folder` embeds them. */
export class BundleFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = realpathSync(folder);
  }

  embedded(path: string): Embedded {
    return new Embedded(relative(this.#folder, path));
  }

  /** The main module comes first, as workerd requires: index.js, or the only script. */
  modules(bundle: string): Literal {
    const folder = join(DIST, bundle);
    return readdirSync(folder)
      .filter((file) => /\.(js|wasm)$/.test(file))
      .sort((a, b) => rankOf(a) - rankOf(b))
      .map((name) => ({ name, [name.endsWith('.wasm') ? 'wasm' : 'esModule']: this.embedded(join(folder, name)) }));
  }
}

const rankOf = (file: string): number => (file === 'index.js' ? 0 : Number(file.endsWith('.wasm')) + 1);
