import type { JsonObject } from './json.ts';
import { textAt } from './json.ts';
import { sseText } from './sse-events.ts';
import type { Dialect } from './stream-tap.ts';
import type { Usage } from './usage.ts';

/** Says the events of a stream in another dialect, one by one as they come. */
export interface StreamTranslator {
  push(event: JsonObject): readonly JsonObject[];
  /** Characters that have come and wait for what has to be said before them; absent: none ever do. */
  readonly heldChars?: number;
  /** Once all have come. `usage`: as it was reported, if it was. */
  end(usage: Usage | undefined): readonly JsonObject[];
}

/** One after the other. */
export class TranslatedTwice implements StreamTranslator {
  readonly #first: StreamTranslator;
  readonly #second: StreamTranslator;

  constructor(first: StreamTranslator, second: StreamTranslator) {
    this.#first = first;
    this.#second = second;
  }

  get heldChars(): number {
    return (this.#first.heldChars ?? 0) + (this.#second.heldChars ?? 0);
  }

  push(event: JsonObject): JsonObject[] {
    return this.#first.push(event).flatMap((one) => this.#second.push(one));
  }

  end(usage: Usage | undefined): JsonObject[] {
    return [...this.#first.end(usage).flatMap((one) => this.#second.push(one)), ...this.#second.end(usage)];
  }
}

/** Events as they are sent: chunks without a name, and events that name themselves by it. */
export const writtenEvents = (dialect: Dialect, events: readonly JsonObject[]): string =>
  events.map((event) => sseText(JSON.stringify(event), dialect === 'chat' ? undefined : textAt(event, 'type'))).join('');

/** What ends a stream of the dialect after its last event. */
export const endOf = (dialect: Dialect): string => (dialect === 'chat' || dialect === 'completions' ? sseText('[DONE]') : '');
