import type { TenantPrincipal } from '../../contract/principal.ts';
import type { ExplanationReply } from '../../contract/routes.ts';
import type { ReuseReport } from './completion-call.ts';

/**
 * What became of a candidate, as an explanation has it. A key that is restricted to some resources sees its own requests alone in the log, and here
 * no question or answer of another key. [U138]
 */
export function explainedReuse({ resources, keyId: own }: TenantPrincipal, reuse: ReuseReport | undefined): ExplanationReply['reuse'] {
  if (reuse?.outcome === undefined || reuse.candidate === undefined) return null;
  const { requestId: request, keyId, question, answer, similarity, confidence } = reuse.candidate;
  if (resources !== undefined && keyId !== own) return null;
  return { outcome: reuse.outcome, request, question, answer, similarity, confidence: Number.isNaN(confidence) ? null : confidence };
}
