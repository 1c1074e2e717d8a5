import type { FieldPath } from '../../contract/api/field-path.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { Result } from '../../kernel/result.ts';
import { err, ok } from '../../kernel/result.ts';
import { must } from '../../kernel/assert.ts';
import type { Undispatched } from '../../upstreams/dispatch.ts';
import { promptTextOf } from '../../upstreams/money/prompt-text.ts';
import type { Exchanges } from '../../upstreams/protocol/exchange.ts';
import type { JsonObject } from '../../upstreams/protocol/json.ts';
import { countAt, listAt, objectAt, parsedObject, textAt } from '../../upstreams/protocol/json.ts';
import type { Plan, Target } from '../../upstreams/target.ts';
import type { PlannedAsk, PlanServer } from './plan-server.ts';
import type { TokenCounts } from './token-counts.ts';

/** How many tokens a prompt has. */
export interface PromptCount {
  readonly inputTokens: number;
  /** Whose model would be asked. */
  readonly target: Target;
  /** `upstream`: by the model's own tokenizer. `estimate`: by OpenAI's encodings, and what templates add at most. */
  readonly by: 'upstream' | 'estimate';
}

type CountedCall = PlannedAsk & { readonly exchanges: Exchanges };

interface PromptCountsParts {
  readonly server: Pick<PlanServer, 'ask'>;
  readonly tokens: Pick<TokenCounts, 'count'>;
}

/** Counts the tokens of prompts of messages, which costs nothing. [U233] */
export class PromptCounts {
  readonly #parts: PromptCountsParts;

  constructor(parts: PromptCountsParts) {
    this.#parts = parts;
  }

  /**
   * Asks the first target of the plan if its protocol has a call for that, else estimates. `isGuarded`: nothing goes out, as hooks have not judged it.
   * Refuses what the upstream refuses, and what cannot be counted.
   */
  async count(planned: CountedCall, isGuarded: boolean): Promise<Result<PromptCount, Undispatched>> {
    const { plan, exchanges, call } = planned;
    const first = must(plan.groups[0]?.[0], 'a plan has targets');
    if (isGuarded || exchanges.counting(first) === undefined) return this.#estimated(first, call.body);
    const counting = (target: Target) => must(exchanges.counting(target), 'the plan has targets that count alone');
    const asked = await this.#parts.server.ask({ ...planned, plan: countingPlan(plan, exchanges) }, counting);
    if (!asked.ok) return asked;
    const { target, text } = asked.value;
    const inputTokens = text === undefined ? undefined : countAt(parsedObject(text), 'input_tokens');
    return inputTokens === undefined ? this.#estimated(target, call.body) : ok({ inputTokens, target, by: 'upstream' });
  }

  async #estimated(target: Target, body: JsonObject): Promise<Result<PromptCount, Undispatched>> {
    const files = new FilesIn(body);
    if (files.uncountable !== undefined) return err({ refusal: refusal('invalid_value', UNCOUNTABLE, files.uncountable), attempts: [] });
    const text = await this.#parts.tokens.count(target.model, promptTextOf(body));
    const images = files.images * (target.model.imageTokensMax ?? IMAGE_TOKENS);
    const messages = listAt(body, 'messages').length + listAt(body, 'input').length;
    return ok({ inputTokens: text + images + MESSAGE_TOKENS * messages, target, by: 'estimate' });
  }
}

const UNCOUNTABLE = 'has no text that could be counted: only models of the protocol `anthropic` count the tokens of files';

/** What a prompt has besides texts. */
class FilesIn {
  images = 0;
  /** Where the first part stands of which nothing says how many tokens it is. */
  uncountable: FieldPath | undefined;

  constructor(body: JsonObject) {
    for (const name of ['messages', 'input']) listAt(body, name).forEach((message, i) => this.#parts(message, 'content', [name, i]));
  }

  #parts(of: unknown, name: string, path: FieldPath): void {
    listAt(of, name).forEach((part, i) => this.#part(part, [...path, name, i]));
  }

  #part(part: unknown, path: FieldPath): void {
    const source = objectAt(part, 'source');
    switch (textAt(part, 'type')) {
      case 'image':
      case 'input_image':
        this.images += 1;
        return;
      case 'tool_result':
        return this.#parts(part, 'content', path);
      case 'document':
        if (textAt(source, 'type') === 'content') this.#parts(source, 'content', [...path, 'source']);
        else if (textAt(source, 'type') !== 'text') this.uncountable ??= [...path, 'source'];
        return;
      case 'container_upload':
      case 'input_file':
        this.uncountable ??= path;
        return;
      case undefined:
      default:
    }
  }
}

/** Around a message, as most templates have it. */
const MESSAGE_TOKENS = 4;
/** Of an image where its model states no bound: the most that Anthropic's models read of one. */
const IMAGE_TOKENS = 1_600;

const countingPlan = (plan: Plan, exchanges: Exchanges): Plan => ({
  ...plan,
  groups: plan.groups.map((group) => group.filter((one) => exchanges.counting(one) !== undefined)).filter(({ length }) => length > 0),
});
