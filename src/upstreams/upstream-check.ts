import { ANTHROPIC_VERSION, proofOf } from './protocol/exchange.ts';
import { parsedObject, textAt } from './protocol/json.ts';
import type { UpstreamProtocol } from './target.ts';
import type { UpstreamRecord } from './upstream-record.ts';

/** What an upstream answered when it was asked for its models, or why it did not. */
export type ProbeAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly text: string }
  | { readonly kind: 'none'; readonly why: 'unreachable' | 'timeout' | 'too_large' };

/** What a check has found: the first thing that is wrong. */
export type CheckVerdict =
  | 'ok'
  /** It answers and accepts the secret, but has not all of the models. */
  | 'models_missing'
  /** It answers, but does not list its models: neither the secret nor the models could be checked. */
  | 'not_listed'
  | 'unauthorised'
  | 'redirected'
  | 'failed'
  | Exclude<ProbeAnswer, { readonly kind: 'answer' }>['why'];

export interface UpstreamCheck {
  readonly verdict: CheckVerdict;
  readonly isReachable: boolean;
  /** Undefined: it could not be determined. */
  readonly isAuthorised: boolean | undefined;
  readonly status: number | undefined;
  /** Whether the upstream lists them; undefined: it lists none. */
  readonly models: readonly { readonly name: string; readonly upstreamName: string; readonly isFound: boolean | undefined }[];
}

/** Where an upstream lists its models, below its base URL. */
export const MODELS_PATH = '/models';

/** With what headers it is asked for them. */
export const probeHeaders = (protocol: UpstreamProtocol, secret: string | undefined): Readonly<Record<string, string>> => ({
  ...(protocol === 'anthropic' ? { 'anthropic-version': ANTHROPIC_VERSION } : {}),
  ...proofOf(protocol, secret),
});

/** [U8] What the answer says of the upstream. */
export function judgeProbe({ models }: Pick<UpstreamRecord, 'models'>, answer: ProbeAnswer): UpstreamCheck {
  const listed = answer.kind === 'answer' && isSuccess(answer.status) ? idsIn(answer.text) : undefined;
  const found = models.map(({ name, upstreamName }) => ({ name, upstreamName, isFound: listed?.has(upstreamName) }));
  if (answer.kind === 'none')
    return { verdict: answer.why, isReachable: answer.why === 'too_large', isAuthorised: undefined, status: undefined, models: found };
  const { status } = answer;
  const about = { isReachable: true, status, models: found };
  if (status === 401 || status === 403) return { verdict: 'unauthorised', isAuthorised: false, ...about };
  if (status >= 300 && status < 400) return { verdict: 'redirected', isAuthorised: undefined, ...about };
  if (status === 404 || status === 405 || (isSuccess(status) && listed === undefined))
    return { verdict: 'not_listed', isAuthorised: undefined, ...about };
  if (!isSuccess(status)) return { verdict: 'failed', isAuthorised: undefined, ...about };
  return { verdict: found.every(({ isFound }) => isFound) ? 'ok' : 'models_missing', isAuthorised: true, ...about };
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** The ids of a list as OpenAI and Anthropic write it; undefined: it is none. */
function idsIn(text: string): ReadonlySet<string> | undefined {
  const data = parsedObject(text)?.['data'];
  return Array.isArray(data) ? new Set(data.flatMap((item) => textAt(item, 'id') ?? [])) : undefined;
}
