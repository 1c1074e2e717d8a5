import type { EndpointName } from '../../../src/contract/endpoints.ts';

/** What /openapi.json says about an operation: its example, and how to call it. */
interface DocumentedOperation {
  readonly operationId: EndpointName;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly 'x-sluice-example': { readonly step: number; readonly as: 'tenant' | 'admin' | 'agent' | 'anyone'; readonly refused?: string };
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
    const { method, path, operation } = this.#operations.get(name)!;
    const parameters = (operation.parameters ?? []).filter(({ example }) => example !== undefined);
    const query = new URLSearchParams();
    for (const each of parameters.filter(({ in: place }) => place === 'query')) query.set(each.name, String(this.filled(each.example)));
    let filledPath = path;
    for (const each of parameters.filter(({ in: place }) => place === 'path')) {
      filledPath = filledPath.replace(`{${each.name}}`, encodeURIComponent(String(this.filled(each.example))));
    }
    const response = await fetch(`${this.#url}${filledPath}${query.size === 0 ? '' : `?${query.toString()}`}`, {
      method,
      ...this.#bodyOf(operation),
      headers: { ...this.#bodyOf(operation).headers, ...this.#credential(operation['x-sluice-example'].as) },
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
    const key = as === 'agent' ? this.filled('{createPool.agent_token}') : this.#keys[as];
    return { authorization: `Bearer ${String(key)}` };
  }

  #bodyOf({ requestBody }: DocumentedOperation): { headers?: Record<string, string>; body?: string | FormData } {
    const [content] = Object.entries(requestBody?.content ?? {});
    if (content === undefined) return {};
    const [type, { example }] = content;
    if (type === 'multipart/form-data') {
      const form = new FormData();
      for (const [part, value] of Object.entries(example as Record<string, string>)) {
        if (part === 'file' || part === 'data') form.set(part, new Blob([value]), 'example.jsonl');
        else form.set(part, value);
      }
      return { body: form };
    }
    const body = type === 'application/json' ? JSON.stringify(this.filled(example)) : (example as string);
    return { headers: { 'content-type': type }, body };
  }

  /** The value with placeholders such as `{createTenant.id}` replaced by values from earlier answers. */
  filled(value: unknown): unknown {
    if (typeof value === 'string') {
      const [, operation, path] = /^\{([A-Za-z]+)\.([\w.]+)\}$/.exec(value) ?? [];
      if (operation === undefined || path === undefined) return value;
      return path.split('.').reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], this.#answers.get(operation));
    }
    if (Array.isArray(value)) return value.map((item) => this.filled(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, this.filled(member)]));
  }
}
