import { boundOf, refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import type { ContentSink } from './file-store.ts';

interface ContentBound {
  /** The field that the content is of. */
  readonly path: string;
  readonly limit: 'fileBytesMax' | 'uploadPartBytesMax';
  readonly advice?: string;
}

/** Takes content of bounded length: refuses the first piece that is too much, and writes none of it. */
export class BoundedContent implements ContentSink {
  readonly #content: ContentSink;
  readonly #bound: ContentBound;
  #bytes = 0;

  constructor(content: ContentSink, bound: ContentBound) {
    this.#content = content;
    this.#bound = bound;
  }

  async write(bytes: Uint8Array): Promise<Outcome<null>> {
    this.#bytes += bytes.length;
    const { limit } = this.#bound;
    if (this.#bytes > boundOf(limit)) return refuseBeyond({ ...this.#bound, what: `has more than ${boundOf(limit)} bytes` });
    return this.#content.write(bytes);
  }
}
