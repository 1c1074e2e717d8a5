import { hostName, isPrivate } from '../contract/api/network-host.ts';
import type { UpstreamFindingCode } from '../contract/upstreams/upstream-findings.ts';
import type { TargetModel } from './target.ts';
import type { UpstreamCheck } from './upstream-check.ts';
import type { UpstreamRecord } from './upstream-record.ts';

/** One thing that calls to an upstream lack. */
export interface UpstreamFinding {
  readonly code: UpstreamFindingCode;
  /** `error`: calls fail; `warning`: they do not, but cost, reach or reveal what they should not. */
  readonly severity: 'error' | 'warning';
  /** The field of the upstream that is at fault, such as `models[2].prices`. */
  readonly field: string;
  /** What is the case, and what comes of it. */
  readonly message: string;
  /** What mends it; words in capitals are to be filled in. */
  readonly command: string;
}

export type Described = Pick<UpstreamRecord, 'name' | 'baseUrl' | 'models' | 'limits' | 'protocol'> & { readonly hasSecret: boolean };

/** What is known besides the description. */
export interface FindingFacts {
  readonly check: UpstreamCheck;
  /** Names of targets and models in the routes of the owner; undefined: they could not be read. */
  readonly routed: ReadonlySet<string> | undefined;
}

/** What calls to an upstream would still lack, errors first. [U225] */
export function findingsOf(upstream: Described, facts: FindingFacts): readonly UpstreamFinding[] {
  const all = [
    ...addressFindings(upstream, facts.check),
    ...answerFindings(upstream, facts.check),
    ...modelFindings(upstream, facts),
    ...limitFindings(upstream),
  ];
  return [...all.filter(({ severity }) => severity === 'error'), ...all.filter(({ severity }) => severity === 'warning')];
}

const update = ({ name }: Described, how: string): string => `sluice upstreams update ${name} ${how}`;

/** Paths of calls, which Sluice adds to a base URL. */
const CALL_PATH = /\/(?:chat\/completions|completions|responses|messages|embeddings|rerank|moderations|models)$/;
const REPEATED_VERSION = /(\/v\d+)(?:\/v\d+)+$/;

function* addressFindings(upstream: Described, { verdict, status }: UpstreamCheck): Generator<UpstreamFinding> {
  const { baseUrl, hasSecret } = upstream;
  if (!/^https?:/.test(baseUrl)) return;
  const found = (code: UpstreamFindingCode, severity: UpstreamFinding['severity'], message: string, url: string): UpstreamFinding => ({
    code,
    severity,
    field: 'base_url',
    message,
    command: update(upstream, `--url ${url}`),
  });
  const [path] = CALL_PATH.exec(baseUrl) ?? [];
  const [versions, version = ''] = REPEATED_VERSION.exec(baseUrl) ?? [];
  if (path !== undefined)
    yield found(
      'base_url_has_call',
      'error',
      `base_url ends in ${path}, which is added to it for each call`,
      baseUrl.slice(0, -path.length),
    );
  else if (versions !== undefined)
    yield found('base_url_repeats_version', 'error', `base_url ends in ${versions}`, `${baseUrl.slice(0, -versions.length)}${version}`);
  else if (new URL(baseUrl).pathname === '/' && verdict === 'not_listed' && status === 404)
    yield found('base_url_lacks_version', 'error', 'base_url has no path, and there is no list of models below it', `${baseUrl}/v1`);
  if (baseUrl.startsWith('http:') && !isNear(baseUrl))
    yield found(
      'no_tls',
      'warning',
      `base_url is http at a host that is not near: ${hasSecret ? 'the key and ' : ''}all prompts and answers go over the network as they are`,
      baseUrl.replace(/^http:/, 'https:'),
    );
}

/** On this machine or its network. */
function isNear(baseUrl: string): boolean {
  const host = hostName(new URL(baseUrl).hostname);
  return isPrivate(host) || !host.includes('.');
}

/** What the answer to the check says, by its verdict. */
function* answerFindings(upstream: Described, { verdict, status }: UpstreamCheck): Generator<UpstreamFinding> {
  const { name, hasSecret } = upstream;
  const newKey = update(upstream, '--secret-env NAME_OF_VARIABLE');
  const error = { severity: 'error', field: 'base_url', command: update(upstream, '--url URL') } as const;
  const again = { severity: 'warning', field: 'base_url', command: `sluice upstreams check ${name}` } as const;
  if (verdict === 'unauthorised') {
    const message = hasSecret ? `it refuses the key (${status})` : `it wants a key (${status}), and has none`;
    yield { code: hasSecret ? 'secret_refused' : 'no_secret', severity: 'error', field: 'secret', message, command: newKey };
  } else if (verdict === 'redirected')
    yield { ...error, code: 'redirected', message: `it redirects (${status}), and calls follow no redirect` };
  else if (verdict === 'unreachable') yield { ...error, code: 'unreachable', message: 'it cannot be reached' };
  else if (verdict === 'timeout') yield { ...again, code: 'slow', message: 'it has not answered in time: calls may be slow, or fail' };
  else if (verdict === 'failed') yield { ...again, code: 'failing', message: `it answers ${status} to the list of its models` };
  else if (verdict === 'not_listed' || verdict === 'too_large')
    yield { ...again, code: 'cannot_list', message: 'it lists no models that can be read: neither its key nor its models were checked' };
}

function* modelFindings(upstream: Described, { check, routed }: FindingFacts): Generator<UpstreamFinding> {
  const { name, models } = upstream;
  if (models.length === 0)
    yield {
      code: 'no_models',
      severity: 'error',
      field: 'models',
      message: 'it has no models, and only listed models can be called',
      command: update(upstream, '--models FILE'),
    };
  for (const [at, model] of models.entries()) {
    const field = `models[${at}]`;
    if (check.models[at]?.isFound === false)
      yield {
        code: 'model_missing',
        severity: 'error',
        field: `${field}.upstream_name`,
        message: `it does not list ${model.upstreamName}`,
        command: update(upstream, '--models FILE'),
      };
    if (isUnpriced(model))
      yield {
        code: 'no_price',
        severity: 'warning',
        field: `${field}.prices`,
        message: `${model.name} has no price: its calls cost 0 USD in bills, budgets and quotas`,
        command: update(upstream, `--model ${model.name} --price input=USD output=USD`),
      };
  }
  const isRouted = models.some((model) => routed?.has(model.name) === true || routed?.has(`${name}/${model.name}`) === true);
  if (models.length > 0 && routed !== undefined && !isRouted)
    yield {
      code: 'no_route',
      severity: 'warning',
      field: 'models',
      message: 'no route names one of its models: calls name them alone, and have no fallback to another upstream',
      command: 'sluice routes apply FILE',
    };
}

export const isUnpriced = ({ prices }: Pick<TargetModel, 'prices'>): boolean =>
  Object.values({ ...prices, ...prices.imagesNano }).every((nano) => typeof nano !== 'number' || nano === 0);

function* limitFindings(upstream: Described): Generator<UpstreamFinding> {
  const { limits } = upstream;
  if (Object.values(limits).some((limit) => limit !== undefined)) return;
  yield {
    code: 'no_limits',
    severity: 'warning',
    field: 'limits',
    message: 'it has no limits: nothing but the quotas of tenants bounds how many calls go out, and its own limits answer with 429',
    command: update(upstream, '--requests-per-minute N'),
  };
}
