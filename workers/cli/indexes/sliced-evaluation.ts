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
  const waiting = queries.map((query) => ({ query, fruitless: 0 }));
  const judged: Evaluated['queries'] = [];
  const unjudged: Evaluated['unjudged'] = [];
  const unknown = { count: 0, ids: new Set<string>() };
  let generation: number | undefined;
  for (let size = SLICE; waiting.length > 0;) {
    const slice = waiting.splice(0, size);
    const reply = await evaluated(client, index, { ...asked, queries: slice.map(({ query }) => query) });
    if (reply === 'too_large' || reply.unjudged.length > slice.length / 2) size = Math.max(1, Math.floor(slice.length / 2));
    if (reply === 'too_large') {
      waiting.unshift(...slice);
      continue;
    }
    if (generation !== undefined && generation !== reply.generation) {
      throw new Failure(`generation ${reply.generation} of ${index} came to serve while generation ${generation} was judged: repeat it`);
    }
    ({ generation } = reply);
    judged.push(...(reply.queries ?? []));
    unknown.count += reply.unknown_relevant.count;
    for (const id of reply.unknown_relevant.ids) unknown.ids.add(id);
    const added = reply.unjudged.length === slice.length ? 1 : 0;
    for (const one of reply.unjudged) {
      const { query, fruitless } = must(
        slice.find((sent) => sent.query.id === one.id),
        'queries that were sent are unjudged',
      );
      if (fruitless + added === FRUITLESS_MAX || one.code === 'insufficient_quota') unjudged.push(one);
      else waiting.push({ query, fruitless: fruitless + added });
    }
  }
  return { queries: judged, unjudged, unknown: { ...unknown, ids: [...unknown.ids] }, generation: generation ?? 0 };
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
