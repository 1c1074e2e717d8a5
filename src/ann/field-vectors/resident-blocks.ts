import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';
import type { FilledPage } from '../flat/scan-pages.ts';
import type { PageLayout } from '../flat/scanner.ts';
import { VectorPage } from '../flat/scanner.ts';
import type { PageMemory } from '../page-memory.ts';
import { PAGE_BYTES } from '../page-memory.ts';
import type { Block } from './field-blocks.ts';

/**
 * Blocks of a shard's fields in memory, a page each. The first that were read stay, until others of the isolate need their room: what does not
 * fit beside them is read by each search. Were it kept in their place, a scan of more than fits would find none of its blocks here.
 */
export class ResidentBlocks implements MemoryHolder {
  readonly #memory: MemoryRegistry;
  readonly #pageMemory: PageMemory;
  readonly #name: string;
  readonly #pagesMax: number;
  readonly #pages = new Map<number, VectorPage>();

  /** `pageMemory` has room for all that `memory` lets engines claim. */
  constructor(memory: MemoryRegistry, pageMemory: PageMemory, name: string) {
    this.#memory = memory;
    this.#pageMemory = pageMemory;
    this.#name = name;
    this.#pagesMax = Math.floor(Math.min(INDEX_LIMITS.shardEngineBytesMax, memory.bytesMax) / PAGE_BYTES);
  }

  /** Bytes resident. */
  get bytes(): number {
    return this.#pages.size * PAGE_BYTES;
  }

  has({ id }: Block): boolean {
    return this.#pages.has(id);
  }

  /** The blocks, each as a page until the next one. `readImage` reads those that are not here. */
  *pages(blocks: Iterable<Block>, layout: PageLayout, readImage: (block: Block) => Uint8Array): Generator<FilledPage> {
    this.#memory.claim(this.#name, this, this.bytes);
    for (const block of blocks) {
      const resident = this.#pages.get(block.id);
      if (resident !== undefined) {
        yield { page: resident, count: block.count };
        continue;
      }
      const image = readImage(block);
      // A page for a few vectors would take much more than they do.
      const isKept = 2 * block.count > layout.capacity && this.#pages.size < this.#pagesMax;
      if (isKept) this.#memory.claim(this.#name, this, this.bytes + PAGE_BYTES);
      const page = new VectorPage(this.#pageMemory, layout);
      page.load(image, block.count);
      if (isKept) this.#pages.set(block.id, page);
      try {
        yield { page, count: block.count };
      } finally {
        if (!isKept) page.free();
      }
    }
  }

  /** Follows that blocks were removed. */
  forget(blocks: Iterable<Block>): void {
    for (const { id } of blocks) this.#free(id);
  }

  drop(): void {
    this.evict(Infinity);
    this.#memory.release(this.#name, this);
  }

  /** Page by page. */
  evict(bytes: number): number {
    let given = 0;
    for (const id of this.#pages.keys()) {
      if (given >= bytes) return given;
      this.#free(id);
      given += PAGE_BYTES;
    }
    return Infinity;
  }

  #free(id: number): void {
    this.#pages.get(id)?.free();
    this.#pages.delete(id);
  }
}
