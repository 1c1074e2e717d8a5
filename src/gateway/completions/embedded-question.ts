import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import { amountNano, editionAt, priceOf } from '../../tenancy/usage/price-book.ts';
import type { ModelCharge } from '../../upstreams/money/settlement.ts';
import { isObject, listAt, parsedObject } from '../../upstreams/protocol/json.ts';
import { Exchanges } from '../../upstreams/protocol/exchange.ts';
import { targetName } from '../../upstreams/target.ts';
import type { Target } from '../../upstreams/target.ts';
import type { PlannedCall, PlanServer } from './plan-server.ts';
import type { QuestionEmbedder } from '../routes/question-embedder.ts';
import type { ReuseRun } from '../routes/reuse-run.ts';

/** What was spent on finding an answer that was made for another question. */
export interface Spent {
  readonly charges: readonly ModelCharge[];
  /** In nano-dollars, with the tokens of models of the deployment. */
  readonly nano: number;
}

export interface EmbeddedQuestion extends Spent {
  readonly vector: Float32Array;
  readonly contract: string;
}

interface EmbeddingParts {
  readonly server: PlanServer;
  readonly embedder: QuestionEmbedder;
}

/** The vector of a question, which the call pays for. Undefined: there is none, or the call cannot pay for it. */
export async function embeddedQuestion(
  { server, embedder }: EmbeddingParts,
  planned: PlannedCall,
  run: Pick<ReuseRun, 'owner' | 'embedder'>,
  model: string,
  text: string,
): Promise<EmbeddedQuestion | undefined> {
  if (run.embedder !== undefined) return embeddedAt(server, planned, run.embedder, text);
  // A target that serves no more is no model of the deployment either.
  if (model.includes('/')) return undefined;
  const embedded = await embedder.embed(run.owner, model, text).catch(() => undefined);
  if (embedded?.ok !== true) return undefined;
  const { vector, tokens, contract } = embedded.value;
  const { call, nowMs } = planned;
  if (!(await call.reserve({ embedding_tokens: tokens })).ok) return undefined;
  call.added.classified(tokens);
  const nano = Number(amountNano(tokens, priceOf(editionAt(nowMs), 'embedding_tokens')));
  return { vector, contract, charges: [], nano };
}

async function embeddedAt(server: PlanServer, planned: PlannedCall, target: Target, text: string): Promise<EmbeddedQuestion | undefined> {
  const body = { model: target.model.name, input: text, encoding_format: 'float' };
  const call = { ...planned.call, surface: 'embeddings' as const, body, headers: {} };
  const plan = { groups: [[target]], reason: 'reuse' };
  const { nowMs } = planned;
  const served = await server.serve({ call, exchanges: new Exchanges({ ...call, nowMs }), plan, nowMs });
  if (!served.ok || served.value.answer.kind !== 'whole') return undefined;
  const { answer, settle } = served.value;
  const settlement = settle(answer.end);
  const vector = unitVector(answer.text);
  const charges = [{ target, settlement }];
  // Another model may come to serve under the same name.
  const contract = `${targetName(target)} ${target.model.upstreamName}`;
  return { vector, contract, charges, nano: settlement.nano };
}

/** The one vector of an answer, scaled to unit length; empty where there is none, or too long a one: nothing is near that. */
function unitVector(answer: string): Float32Array {
  const [row] = listAt(parsedObject(answer) ?? {}, 'data');
  const embedding = isObject(row) ? row['embedding'] : undefined;
  if (!Array.isArray(embedding) || embedding.length > COMPLETION_LIMITS.reuseDimensionsMaxCount) return new Float32Array();
  const numbers = Float32Array.from(embedding as readonly number[]);
  const length = Math.hypot(...numbers);
  return length > 0 ? numbers.map((number) => number / length) : new Float32Array();
}
