import type { Guardrails } from './guardrails.ts';
import { PLATFORM } from '../../upstreams/upstream-record.ts';

/** Has JSON schemas judged where guardrails run, by the hook that holds answers to one. */
export class SchemaJudge {
  readonly #guardrails: Pick<Guardrails, 'open'>;

  constructor(guardrails: Pick<Guardrails, 'open'>) {
    this.#guardrails = guardrails;
  }

  /** Whether a text is JSON that the schema accepts. */
  async accepts(schema: Readonly<Record<string, unknown>>, text: string): Promise<boolean> {
    const guard = await this.#guardrails.open({ name: 'cascade', owner: PLATFORM, hooks: [schemaHook(schema)] });
    try {
      return (await guard.answer(JSON.stringify({ choices: [{ message: { content: text } }] }))).text.ok;
    } finally {
      guard.close();
    }
  }
}

/** The hook that a schema of a cascade is judged by. */
export const schemaHook = (schema: Readonly<Record<string, unknown>>) =>
  ({ kind: 'json-schema', name: 'confidence', on: 'answer', schema: { ...schema }, action: 'block' }) as const;
