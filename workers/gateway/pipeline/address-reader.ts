import type { Endpoint } from '../../../src/contract/api/endpoint.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { AppContext } from './exchange.ts';
import { checkUrlText, eachOnce } from './request-fields.ts';

/** Paths of one endpoint whose parameters are remembered, some 200 bytes each. */
const PATHS_MAX_COUNT = 256;
const PATH_CHARS_MAX = 256;

/** What a request says beside its body. */
export interface Addressed {
  readonly params: unknown;
  readonly query: unknown;
  readonly options: unknown;
}

/** Reads and validates the path, the query and the headers of requests to one endpoint. */
export class AddressReader {
  readonly #endpoint: Endpoint;
  /** By path: hot paths are decoded and validated once. Parameters are read only, so that requests may share them. */
  readonly #params = new Map<string, unknown>();
  readonly #optionNames: readonly string[];
  /** Of a request without any of the headers; undefined until there was one. */
  #noOptions: Outcome<unknown> | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    this.#optionNames = Object.keys(endpoint.headers?._zod.def.shape ?? {});
  }

  read(context: AppContext): Outcome<Addressed> {
    const { params, query, headers } = this.#endpoint;
    const { url } = context.req;
    const checked = checkUrlText(url, this.#endpoint.path);
    if (!checked.ok) return checked;
    const given = params === undefined ? NONE : this.#paramsOf(context);
    if (!given.ok) return given;
    const asked = query === undefined ? NONE : this.#queryOf(url);
    if (!asked.ok) return asked;
    const options = headers === undefined ? NONE : this.#optionsOf(context.req.raw.headers);
    return options.ok ? ok({ params: given.value, query: asked.value, options: options.value }) : options;
  }

  #paramsOf({ req }: AppContext): Outcome<unknown> {
    const known = this.#params.get(req.path);
    if (known !== undefined) return ok(known);
    const { params } = this.#endpoint;
    if (params === undefined) return NONE;
    const parsed = parse(params, req.param(), 'path');
    if (!parsed.ok || req.path.length > PATH_CHARS_MAX) return parsed;
    if (this.#params.size >= PATHS_MAX_COUNT) this.#params.clear();
    this.#params.set(req.path, Object.freeze(parsed.value));
    return parsed;
  }

  #queryOf(url: string): Outcome<unknown> {
    const { query } = this.#endpoint;
    if (query === undefined) return NONE;
    const fields = url.includes('?') ? eachOnce(new URL(url).searchParams) : ok({});
    return fields.ok ? parse(query, fields.value, 'query') : fields;
  }

  #optionsOf(given: Headers): Outcome<unknown> {
    const { headers } = this.#endpoint;
    if (headers === undefined) return NONE;
    let options: Record<string, string> | undefined;
    for (const name of this.#optionNames) {
      const value = given.get(name);
      if (value !== null) (options ??= {})[name] = value;
    }
    return options === undefined ? (this.#noOptions ??= parse(headers, {}, 'headers')) : parse(headers, options, 'headers');
  }
}

const NONE: Outcome<undefined> = ok(undefined);
