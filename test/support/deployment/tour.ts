import type { EndpointName } from '../../../src/contract/endpoints.ts';

type Content = Readonly<Record<string, { example?: unknown }>>;

/** What /openapi.json says about an operation: its example, and how to call it. */
interface DocumentedOperation {
  readonly operationId: EndpointName;
  readonly parameters?: readonly { readonly name: string; readonly in: string; example?: unknown }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly 'x-sluice-example': {
    readonly step: number;
    readonly as: 'tenant' | 'admin' | 'agent' | 'anyone';
    readonly refused?: string;
    /** Values of earlier answers, such as `createTenant.id`, by their places in the example, such as `body/tenant`. */
    readonly answered?: Readonly<Record<string, string>>;
  };
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
}

export interface TourAnswer {
  readonly status: number;
  /** The status that the document promises; undefined for an operation that is always refused. */
  readonly promised: number | undefined;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly body: any;
}

/** Calls the examples of a served OpenAPI document as they are written, with values from earlier answers filled in. */
export class Tour {
  readonly #url: string;
  readonly #keys: Readonly<Record<'tenant' | 'admin', string>>;
  readonly #operations = new Map<EndpointName, { method: string; path: string; operation: DocumentedOperation }>();
  readonly #answers = new Map<string, unknown>();

  constructor(url: string, keys: Readonly<Record<'tenant' | 'admin', string>>, document: OpenApi) {
    this.#url = url;
    this.#keys = keys;
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        this.#operations.set(operation.operationId, { method: method.toUpperCase(), path, operation });
      }
    }
  }

  get operations(): readonly EndpointName[] {
    return [...this.#operations.keys()];
  }

  async call(name: EndpointName): Promise<TourAnswer> {
    const { method, path, operation } = this.#withValues(name);
    const parameters = (operation.parameters ?? []).filter(({ example }) => example !== undefined);
    const query = new URLSearchParams();
    for (const each of parameters.filter(({ in: place }) => place === 'query')) query.set(each.name, String(each.example));
    let filledPath = path;
    for (const each of parameters.filter(({ in: place }) => place === 'path')) {
      filledPath = filledPath.replace(`{${each.name}}`, encodeURIComponent(String(each.example)));
    }
    const response = await fetch(`${this.#url}${filledPath}${query.size === 0 ? '' : `?${query.toString()}`}`, {
      method,
      ...bodyOf(operation),
      headers: { ...bodyOf(operation).headers, ...this.#credential(operation['x-sluice-example'].as) },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    const body: unknown = isJson ? JSON.parse(text) : undefined;
    if (response.ok) this.#answers.set(name, body);
    const promised = Object.keys(operation.responses).find((status) => status !== 'default');
    return {
      status: response.status,
      promised: operation['x-sluice-example'].refused === undefined ? Number(promised) : undefined,
      text,
      body,
    };
  }

  #credential(as: DocumentedOperation['x-sluice-example']['as']): Record<string, string> {
    if (as === 'anyone') return {};
    const key = as === 'agent' ? this.answered('createPool.agent_token') : this.#keys[as];
    return { authorization: `Bearer ${String(key)}` };
  }

  /** The operation, with what earlier operations answered in its example. */
  #withValues(name: EndpointName): { method: string; path: string; operation: DocumentedOperation } {
    const { method, path, operation } = this.#operations.get(name)!;
    return { method, path, operation: this.fill(structuredClone(operation)) };
  }

  /** Puts what earlier operations answered into an operation's example. */
  fill(operation: DocumentedOperation): DocumentedOperation {
    for (const [place, source] of Object.entries(operation['x-sluice-example'].answered ?? {})) {
      const [root = '', ...path] = place.split('/');
      const isBody = root === 'body';
      const parameters = (operation.parameters ?? []).filter((one) => one.in === root && one.name === path[0]);
      const holders: object[] = isBody ? Object.values(operation.requestBody?.content ?? {}) : [...parameters];
      for (const holder of holders) setAt(holder, ['example', ...(isBody ? path : path.slice(1))], this.answered(source));
    }
    return operation;
  }

  /** What an earlier operation answered, such as `createTenant.id`. */
  answered(source: string): unknown {
    const [operation = '', ...path] = source.split('.');
    return path.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], this.#answers.get(operation));
  }
}

function setAt(holder: object, path: readonly string[], value: unknown): void {
  const parent = path
    .slice(0, -1)
    .reduce<Record<string, unknown> | undefined>(
      (part, name) => part?.[name] as Record<string, unknown> | undefined,
      holder as Record<string, unknown>,
    );
  if (parent !== undefined) parent[path.at(-1) ?? ''] = value;
}

function bodyOf({ requestBody }: DocumentedOperation): { headers?: Record<string, string>; body?: string | FormData } {
  const [content] = Object.entries(requestBody?.content ?? {});
  if (content === undefined) return {};
  const [type, { example }] = content;
  if (type === 'multipart/form-data') {
    const form = new FormData();
    for (const [part, value] of Object.entries(example as Record<string, string>)) {
      if (['file', 'data', 'image'].includes(part)) form.set(part, new Blob([value]), 'example.jsonl');
      else form.set(part, value);
    }
    return { body: form };
  }
  const body = type === 'application/json' ? JSON.stringify(example) : (example as string);
  return { headers: { 'content-type': type }, body };
}
