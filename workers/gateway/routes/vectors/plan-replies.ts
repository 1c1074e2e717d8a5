import type { HighlightedRow } from '../../../../src/ann/shard-protocol.ts';
import { pathText } from '../../../../src/contract/api/field-path.ts';
import { truncatedReply } from '../../../../src/contract/embeddings/truncation.ts';
import type { PlanBody } from '../../../../src/contract/vectors/plans/plans.ts';
import type { PlanReply } from '../../../../src/contract/vectors/plans/plan-reply.ts';
import type { Decision } from '../../../../src/gateway/vectors/plans/fuse-legs.ts';
import type { Ranking } from '../../../../src/gateway/vectors/plans/ranking.ts';
import type { FoundPlan } from '../../../../src/gateway/vectors/plans/plans.ts';
import type { OnIndex } from '../../../../src/gateway/vectors/vectors.ts';
import type { IndexManifest } from '../../../../src/index/index-manifest.ts';
import { must } from '../../../../src/kernel/assert.ts';
import type { VectorWriter } from '../../pipeline/vector-writer.ts';
import { vectorReplies } from './vector-replies.ts';

/** What a plan found, on the wire. */
export function planReplyOf({ found, manifest }: OnIndex<{ readonly found: FoundPlan }>, body: PlanBody, writer: VectorWriter): PlanReply {
  const { candidates, facets, decision, lsn, cut, explanation } = found;
  return {
    matches: matchesOf(found, manifest, writer),
    candidates,
    ...(facets.length === 0 ? {} : { facets: facets.map(({ values, ...facet }) => ({ ...facet, values: [...values] })) }),
    fusion: fusionReply(decision),
    lsn,
    ...partialReply(found),
    ...truncatedReply(body.truncate, cut),
    ...(explanation === undefined ? {} : { explanation: explanationOf(explanation) }),
  };
}

function matchesOf({ page }: FoundPlan, manifest: IndexManifest, writer: VectorWriter): PlanReply['matches'] {
  return vectorReplies({ ...page, manifest }, writer).map((row, i) => {
    const [group, marked, scores] = [page.groups[i], page.highlights?.get(row.id), page.legScores?.[i]];
    return {
      ...row,
      score: must(page.scores[i], 'every match has a score'),
      ...(group === undefined ? {} : { group }),
      ...(page.highlights === undefined ? {} : { highlights: marked === undefined ? [] : highlightsOf(marked) }),
      ...(scores === undefined ? {} : { legs: scores.map(({ at, rank, score }) => ({ leg: pathText(at), rank, score })) }),
    };
  });
}

const highlightsOf = ({ fields }: HighlightedRow) =>
  fields.flatMap(({ name, fragments }) =>
    fragments.map(({ text, start, matches }) => ({
      field: name,
      text,
      start,
      matches: matches.map(({ begin, end }) => ({ start: begin, end })),
    })),
  );

function fusionReply({ fusion, weights, basis, settings: use }: Decision): PlanReply['fusion'] {
  const { kind, ...settings } = fusion ?? { kind: 'none' as const };
  return { kind, ...settings, weights: [...weights], basis, ...(use === null ? {} : { search_settings: use }) };
}

function partialReply({ missing, cutParts }: FoundPlan): Pick<PlanReply, 'partial' | 'missing_shards' | 'missing_legs'> {
  if (missing.length === 0 && cutParts.length === 0) return {};
  return {
    partial: true,
    ...(missing.length === 0 ? {} : { missing_shards: [...missing] }),
    ...(cutParts.length === 0 ? {} : { missing_legs: cutParts.map((at) => pathText(at)) }),
  };
}

const explanationOf = ({ legs, stages }: NonNullable<FoundPlan['explanation']>): PlanReply['explanation'] => ({
  legs: legs.map(({ at, kind, ranking, tookMs, scored, postingsSkipped }) => ({
    leg: pathText(at),
    kind,
    found: ranking.length,
    took_ms: tookMs,
    scored,
    postings_skipped: postingsSkipped,
    ...rangeOf(ranking),
  })),
  stages: stages.map(({ kind, tookMs, candidatesIn, lookedAt, after }) => ({
    kind,
    took_ms: tookMs,
    candidates_in: candidatesIn,
    candidates_looked_at: lookedAt,
    candidates_out: after.length,
    ...rangeOf(after),
  })),
});

function rangeOf(ranking: Ranking) {
  const scores = ranking.map(({ score }) => score);
  return scores.length === 0 ? { score_min: null, score_max: null } : { score_min: Math.min(...scores), score_max: Math.max(...scores) };
}
