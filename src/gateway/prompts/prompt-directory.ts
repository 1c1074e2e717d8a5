import { PROMPT_LIMITS } from '../../contract/prompts/prompt-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { TenantId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { PromptSelector } from '../../upstreams/prompts/prompt-record.ts';
import { noPrompt } from '../../upstreams/prompts/prompt-record.ts';
import type { PromptTemplate } from '../../upstreams/prompts/prompt-template.ts';
import { templateOf } from '../../upstreams/prompts/prompt-template.ts';
import { RefreshAheadCache } from '../api/refresh-ahead-cache.ts';
import type { PromptCalls } from './prompt-admin.ts';

interface DirectoryParts {
  readonly prompts: (tenantId: TenantId) => Pick<PromptCalls, 'select'>;
  readonly clock: Clock;
  /** Keeps work going that no answer waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

/** A version that calls get, ready to be filled in. */
export interface FoundPrompt {
  readonly name: string;
  readonly version: number;
  readonly template: PromptTemplate;
}

interface Known {
  /** Undefined: there is none. */
  readonly found: FoundPrompt | undefined;
  readonly bytes: number;
}

const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Finds the version that a name and a selector mean. An isolate's copy is at most `promptFreshMs` old, so calls follow a moved label or a
 * deletion within that time; while the object that stores the prompts does not answer, the copy is used for up to `promptStaleMs`. [U164]
 */
export class PromptDirectory {
  readonly #prompts: DirectoryParts['prompts'];
  readonly #known: RefreshAheadCache<Known>;

  constructor({ prompts, clock, background }: DirectoryParts) {
    this.#prompts = prompts;
    this.#known = new RefreshAheadCache({
      freshMs: PROMPT_LIMITS.promptFreshMs,
      refreshAfterMs: PROMPT_LIMITS.promptFreshMs / 2,
      staleMs: PROMPT_LIMITS.promptStaleMs,
      entriesMax: PROMPT_LIMITS.promptsKnownMaxCount,
      bytesMax: PROMPT_LIMITS.promptsKnownBytesMax,
      bytesOf: ({ bytes }) => bytes,
      clock,
      background,
    });
  }

  /** Refuses with `prompt_not_found`, or with `unavailable` where it cannot be determined. */
  async find(tenantId: TenantId, name: string, selector: PromptSelector): Promise<Outcome<FoundPrompt>> {
    const known = await this.#known.get(JSON.stringify([tenantId, name, selector]), () => this.#read(tenantId, name, selector));
    if (known === undefined) return refuse('unavailable', 'the prompt cannot be read now: repeat the call', 'prompt');
    return known.found === undefined ? noPrompt(selector === null ? name : `${name}@${selector}`, ['prompt', 'id']) : ok(known.found);
  }

  async #read(tenantId: TenantId, name: string, selector: PromptSelector): Promise<Known> {
    const record = await this.#prompts(tenantId).select(name, selector);
    if (record === undefined) return { found: undefined, bytes: ENTRY_OVERHEAD_BYTES };
    const template = templateOf(record);
    assert(template.ok, 'stored versions were checked');
    return {
      found: { name, version: record.version, template: template.value },
      bytes: ENTRY_OVERHEAD_BYTES + 2 * JSON.stringify(record).length,
    };
  }
}
