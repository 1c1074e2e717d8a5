import { DurableObject } from 'cloudflare:workers';

import type { Outcome } from '../src/contract/outcome.ts';
import type { KeyedRequest } from '../src/kernel/sql/spent-keys.ts';
import type { PromptRecord, PromptSelector, PromptVersionRecord } from '../src/upstreams/prompts/prompt-record.ts';
import type { MadePromptVersion, NewPromptVersion, PromptActing } from '../src/upstreams/prompts/prompt-registry.ts';
import { PromptRegistry } from '../src/upstreams/prompts/prompt-registry.ts';

/** The prompts of one tenant. See `PromptRegistry`. */
export class PromptObject extends DurableObject {
  readonly #registry = new PromptRegistry(this.ctx.storage, { nowMs: () => Date.now() });

  add(next: NewPromptVersion, request: KeyedRequest | null, acting: PromptActing): Outcome<MadePromptVersion> {
    return this.#registry.add(next, request, acting);
  }

  label(name: string, label: string, version: number, acting: PromptActing): Outcome<PromptRecord> {
    return this.#registry.label(name, label, version, acting);
  }

  unlabel(name: string, label: string, acting: PromptActing): Outcome<PromptRecord> {
    return this.#registry.unlabel(name, label, acting);
  }

  remove(name: string, acting: PromptActing): Outcome<null> {
    return this.#registry.remove(name, acting);
  }

  page(after: string, count: number): readonly PromptRecord[] {
    return this.#registry.page(after, count);
  }

  find(name: string): PromptRecord | null {
    return this.#registry.find(name) ?? null;
  }

  versions(name: string, after: number, count: number): readonly PromptVersionRecord[] {
    return this.#registry.versions(name, after, count);
  }

  select(name: string, selector: PromptSelector): PromptVersionRecord | null {
    return this.#registry.select(name, selector) ?? null;
  }

  /** Deletes everything; later writes are refused. */
  erase(): void {
    this.#registry.erase();
  }
}
