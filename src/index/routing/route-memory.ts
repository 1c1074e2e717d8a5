import type { MemoryHolder, MemoryRegistry } from '../../kernel/memory-registry.ts';

/** Values of one kind that can be asked for again, in a memory that they share with others: the least recently used go first. */
export class RouteMemory<T> {
  readonly #registry: MemoryRegistry;
  readonly #kind: string;
  readonly #kept = new Map<string, Kept<T>>();

  /** The memory registry requires names that no other holder of this kind uses. */
  constructor(registry: MemoryRegistry, kind: string) {
    this.#registry = registry;
    this.#kind = kind;
  }

  /** Marks it as used. */
  get(key: string): T | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#registry.claim(this.#nameOf(key), kept, kept.bytes);
    return kept.value;
  }

  /** Replaces an older value. A value larger than the whole memory is not kept. */
  keep(key: string, value: T, bytes: number): void {
    if (bytes > this.#registry.bytesMax) return;
    const kept: Kept<T> = {
      value,
      bytes,
      evict: () => {
        if (this.#kept.get(key) === kept) this.#kept.delete(key);
        return Infinity;
      },
    };
    this.#registry.claim(this.#nameOf(key), kept, bytes);
    this.#kept.set(key, kept);
  }

  #nameOf(key: string): string {
    return `${this.#kind}:${key}`;
  }
}

interface Kept<T> extends MemoryHolder {
  readonly value: T;
  readonly bytes: number;
}
