import type { EvaluationReply } from '../../../src/contract/vectors/judged/evaluation-reply.ts';
import { must } from '../../../src/kernel/assert.ts';
import { Failure } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import { Refused } from '../gateway/gateway-client.ts';
import type { JudgedText } from './judged-queries.ts';

/** What every call of one evaluation asks for. */
export interface Asked {
  readonly plans: readonly unknown[];
  readonly measures: readonly string[];
  readonly namespace?: string | undefined;
  readonly include_queries?: boolean;
  readonly include_rankings?: boolean;
}

/** What all calls answered together. */
export interface Evaluated {
  /** In the order in which they were judged. */
  readonly queries: NonNullable<EvaluationReply['queries']>;
  readonly unjudged: EvaluationReply['unjudged'];
  readonly unknown: EvaluationReply['unknown_relevant'];
  readonly generation: number;
}

/** Queries of the first call: with plans of three legs, eight plans of each are within what a call may search. */
const SLICE = 40;
/** After so many calls that judged nothing a query is given up; with others, it may have come too late by their number alone. */
const FRUITLESS_MAX = 3;

/**
 * Evaluates any number of queries, as many in a call as one can take: fewer where a call was refused as too large, or did not end in time. Throws
 * where another generation comes to serve meanwhile.
 */
export async function evaluatedInSlices(
  client: Pick<GatewayClient, 'call'>,
  index: string,
  queries: readonly JudgedText[],
  asked: Asked,
): Promise<Evaluated> {
  const sliced = new SlicedEvaluation(index, queries);
  for (let size = SLICE; sliced.isWaiting;) {
    const slice = sliced.next(size);
    const reply = await evaluated(client, index, { ...asked, queries: slice.map(({ query }) => query) });
    if (reply === 'too_large' || reply.unjudged.length > slice.length / 2) size = Math.max(1, Math.floor(slice.length / 2));
    if (reply === 'too_large') sliced.again(slice);
    else sliced.take(slice, reply);
  }
  return sliced.evaluated;
}

interface WaitingQuery {
  readonly query: JudgedText;
  /** Calls with it that judged nothing. */
  readonly fruitless: number;
}

/** Queries that wait to be judged, and what calls have answered of the others. */
class SlicedEvaluation {
  readonly #index: string;
  readonly #waiting: WaitingQuery[];
  readonly #judged: Evaluated['queries'] = [];
  readonly #unjudged: Evaluated['unjudged'] = [];
  readonly #unknownIds = new Set<string>();
  #unknownCount = 0;
  #generation: number | undefined;

  constructor(index: string, queries: readonly JudgedText[]) {
    this.#index = index;
    this.#waiting = queries.map((query) => ({ query, fruitless: 0 }));
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  next(count: number): readonly WaitingQuery[] {
    return this.#waiting.splice(0, count);
  }

  /** Asks them before the others. */
  again(slice: readonly WaitingQuery[]): void {
    this.#waiting.unshift(...slice);
  }

  /** Throws where another generation has answered. */
  take(slice: readonly WaitingQuery[], { generation, queries = [], unknown_relevant: unknown, unjudged }: EvaluationReply): void {
    const before = this.#generation ?? generation;
    if (before !== generation) {
      throw new Failure(`generation ${generation} of ${this.#index} came to serve while generation ${before} was judged: repeat it`);
    }
    this.#generation = generation;
    this.#judged.push(...queries);
    this.#unknownCount += unknown.count;
    for (const id of unknown.ids) this.#unknownIds.add(id);
    const added = unjudged.length === slice.length ? 1 : 0;
    for (const one of unjudged) {
      const { query, fruitless } = must(
        slice.find((sent) => sent.query.id === one.id),
        'queries that were sent are unjudged',
      );
      if (fruitless + added === FRUITLESS_MAX || one.code === 'insufficient_quota') this.#unjudged.push(one);
      else this.#waiting.push({ query, fruitless: fruitless + added });
    }
  }

  get evaluated(): Evaluated {
    const unknown = { count: this.#unknownCount, ids: [...this.#unknownIds] };
    return { queries: this.#judged, unjudged: this.#unjudged, unknown, generation: this.#generation ?? 0 };
  }
}

async function evaluated(
  client: Pick<GatewayClient, 'call'>,
  index: string,
  body: Asked & { readonly queries: readonly JudgedText[] },
): Promise<EvaluationReply | 'too_large'> {
  try {
    return await client.call<EvaluationReply>('POST', `/v1/indexes/${encodeURIComponent(index)}/evaluate`, body);
  } catch (error) {
    if (error instanceof Refused && error.code === 'limit_exceeded' && body.queries.length > 1) return 'too_large';
    throw error;
  }
}

/** What is to be said of an evaluation beside its figures, for people. */
export function remarksOn({ unjudged, unknown }: Pick<Evaluated, 'unjudged' | 'unknown'>): string[] {
  const { count, ids } = unknown;
  const codes = [...new Set(unjudged.map(({ code }) => code))].join(', ');
  return [
    ...(unjudged.length === 0 ? [] : [`${unjudged.length} queries are not judged (${codes}), such as ${unjudged[0]?.id}: repeat it`]),
    ...(count === 0 ? [] : [`up to ${count} relevant documents are not in the index, such as ${ids[0]}: they count as missed`]),
  ];
}
